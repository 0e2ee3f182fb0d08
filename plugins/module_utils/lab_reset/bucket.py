"""The bucket's part of a reset: everything goes but the lab's data."""

from __future__ import annotations


def removable(keys, kept_prefixes):
    """Return the keys that a reset removes: all but those under a kept prefix.

    >>> removable(["data/train.csv", "onnx/model-v2.onnx"], ["data/"])
    ['onnx/model-v2.onnx']
    """
    return [key for key in keys if not key.startswith(tuple(kept_prefixes))]


class Bucket:
    """An S3 bucket behind the project's Route, TLS verified against ``ca``."""

    def __init__(self, url, credentials, ca):
        """Connect with a data connection's values; ``ca`` is a PEM file's path or None."""
        import boto3
        from botocore.config import Config

        self.name = credentials["AWS_S3_BUCKET"]
        self.client = boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
            region_name=credentials.get("AWS_DEFAULT_REGION") or "us-east-1",
            verify=ca or True,
            config=Config(
                connect_timeout=5,
                read_timeout=20,
                retries={"max_attempts": 3},
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def keys(self):
        """List all keys."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [thing["Key"] for page in pages for thing in page.get("Contents", ())]

    def delete(self, keys):
        """Delete keys, a thousand a call (the S3 limit)."""
        for start in range(0, len(keys), 1000):
            chunk = [{"Key": key} for key in keys[start : start + 1000]]
            answer = self.client.delete_objects(Bucket=self.name, Delete={"Objects": chunk})
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise OSError(f"could not delete {first['Key']}: {first.get('Message')}")
