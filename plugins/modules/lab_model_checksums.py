#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Reads the SHA-256 of the model in each seat's bucket."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_model_checksums
short_description: Read the SHA-256 of the model in each seat's bucket
description:
  - Reads the model of each namespace and computes its SHA-256.
  - A model, a bucket or a data connection that is not there is no failure; its checksum is empty.
options:
  url:
    description: Address of the object store; C({namespace}) is replaced.
    type: str
    required: true
  namespaces:
    description: Namespaces of the data connections.
    type: list
    elements: str
    required: true
  data_connection:
    description: Secret with the store's credentials and the bucket's name.
    type: str
    default: aws-connection-s3-creds
  ca_certificate:
    description: File with the authority that signs Routes' certificates; empty for the system's.
    type: str
    default: ""
  key:
    description: Key of the model.
    type: str
    required: true
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Read which models are in the buckets
  lab_model_checksums:
    url: https://minio-ds-pipeline-{namespace}.apps.example.com
    namespaces: [mnist-1, mnist-2]
    key: onnx/model-v2.onnx
"""

RETURN = r"""
checksums:
  description: SHA-256 of each namespace's model, empty where there is none.
  type: dict
  returned: success
"""

import hashlib

from ansible.module_utils.basic import AnsibleModule

from lab_diagnosis.collect import explain_error
from lab_ground.data_connection import open_bucket

ABSENT = ("NoSuchKey", "NoSuchBucket", "404")


def compute_checksum(bucket, key):
    """Return the SHA-256 of an object, or nothing where there is no such object."""
    from botocore.exceptions import ClientError

    digest = hashlib.sha256()
    try:
        body = bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return ""
        raise
    for chunk in iter(lambda: body.read(1 << 20), b""):
        digest.update(chunk)
    return digest.hexdigest()


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "namespaces": {"type": "list", "elements": "str", "required": True},
            "data_connection": {"type": "str", "default": "aws-connection-s3-creds"},
            "ca_certificate": {"type": "str", "default": ""},
            "key": {"type": "str", "required": True, "no_log": False},
        },
        supports_check_mode=True,
    )
    from botocore.exceptions import BotoCoreError, ClientError
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    checksums = {}
    for namespace in module.params["namespaces"]:
        url = module.params["url"].replace("{namespace}", namespace)
        seat = {**module.params, "namespace": namespace, "url": url}
        try:
            checksums[namespace] = compute_checksum(open_bucket(seat), seat["key"])
        except ApiException as error:
            if error.status != 404:
                module.fail_json(msg=f"The data connection cannot be read: {error.reason}")
            checksums[namespace] = ""
        except (BotoCoreError, ClientError, OSError) as error:
            module.fail_json(msg=f"The object store at {url} cannot be read: {error}")
        except HTTPError as error:
            module.fail_json(msg=f"The cluster cannot be asked: {explain_error(error)}")
    module.exit_json(changed=False, checksums=checksums)


if __name__ == "__main__":
    main()
