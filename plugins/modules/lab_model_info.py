#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Reads a stored model, what is written beside it, and what it should be made from."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_model_info
short_description: Read a model in the bucket and the JSON beside it
description:
  - Downloads the model, computes its SHA-256 and reads the JSON that describes it.
  - Computes a fingerprint of what a model would be made from now, from the data in the bucket and
    the files of the code.
  - A model, a bucket or a data connection that is not there is no failure; RV(exists) says so.
extends_documentation_fragment: lab_bucket
options:
  key:
    description: Key of the model.
    type: str
    default: onnx/model-v2.onnx
  data_keys:
    description: Keys of the data that a model is trained with.
    type: list
    elements: str
    default: []
  sources:
    description: Files and directories of the code that a model is trained with.
    type: list
    elements: path
    default: []
  profile:
    description: How a model is trained.
    type: str
    default: default
  record:
    description: ConfigMap that says what the model was made from; empty for none.
    type: str
    default: ""
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Read the model
  lab_model_info:
    url: https://minio-ds-pipeline-mnist.apps.example.com
    namespace: mnist
"""

RETURN = r"""
exists:
  description: Whether both the model and its JSON are there.
  type: bool
  returned: always
sha256:
  description: SHA-256 of the stored model.
  type: str
  returned: always
size:
  description: Bytes of the stored model.
  type: int
  returned: always
sidecar:
  description: The JSON beside the model.
  type: dict
  returned: always
record:
  description: Data of the ConfigMap, nothing where it is not there.
  type: dict
  returned: always
fingerprint:
  description: SHA-256 of the data's entity tags, the sources and the profile.
  type: str
  returned: always
"""

import hashlib
import json
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from lab_ground.data_connection import bucket_arguments, open_bucket, read_config_map

ABSENT = ("NoSuchKey", "NoSuchBucket", "404")


def read_object(bucket, key):
    """Return an object's bytes, or None where there is no such object."""
    from botocore.exceptions import ClientError

    try:
        return bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return None
        raise


def read_tag(bucket, key):
    """Return an object's entity tag, or nothing where there is no such object."""
    from botocore.exceptions import ClientError

    try:
        return bucket.client.head_object(Bucket=bucket.name, Key=key)["ETag"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return ""
        raise


def read_model(bucket, key):
    """Return what is known of the model at a key."""
    model = read_object(bucket, key) if bucket else None
    described = read_object(bucket, key.removesuffix(".onnx") + ".json") if bucket else None
    try:
        sidecar = json.loads(described) if described else {}
    except ValueError:
        sidecar = {}
    return {
        "exists": model is not None and bool(sidecar),
        "sha256": hashlib.sha256(model).hexdigest() if model is not None else "",
        "size": len(model or b""),
        "sidecar": sidecar,
    }


def list_files(path):
    """Return the files at or below a path that are code or notebooks, sorted."""
    root = Path(path)
    if root.is_file():
        return [root]
    return sorted(
        file
        for file in root.rglob("*")
        if file.suffix in (".py", ".ipynb", ".pipeline") and ".ipynb_checkpoints" not in file.parts
    )


def compute_fingerprint(tags, sources, profile):
    """Return one checksum over data, code and profile."""
    digest = hashlib.sha256(json.dumps([tags, profile]).encode())
    for source in sources:
        for file in list_files(source):
            digest.update(f"{file.name}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **bucket_arguments(),
            "key": {"type": "str", "default": "onnx/model-v2.onnx", "no_log": False},
            "data_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "sources": {"type": "list", "elements": "path", "default": []},
            "profile": {"type": "str", "default": "default"},
            "record": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    from botocore.exceptions import BotoCoreError, ClientError
    from kubernetes.client.exceptions import ApiException

    args = module.params
    try:
        bucket = open_bucket(args)
    except ApiException as error:
        if error.status != 404:
            module.fail_json(msg=f"The data connection cannot be read: {error.reason}")
        bucket = None
    try:
        record = read_config_map(args["namespace"], args["record"]) if args["record"] else {}
    except ApiException as error:
        module.fail_json(msg=f"ConfigMap {args['record']} cannot be read: {error.reason}")
    try:
        found = read_model(bucket, args["key"])
        tags = [read_tag(bucket, key) if bucket else "" for key in args["data_keys"]]
    except (BotoCoreError, ClientError, OSError) as error:
        module.fail_json(msg=f"The object store at {args['url']} cannot be read: {error}")
    found["fingerprint"] = compute_fingerprint(tags, args["sources"], args["profile"])
    module.exit_json(changed=False, record=record, **found)


if __name__ == "__main__":
    main()
