"""The bucket's part of a reset: everything goes but the lab's data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

# What a store says of keys that it does not know, that do not fit, or that may not do this.
REFUSALS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403")
NO_BUCKET = ("NoSuchBucket", "404")


def removable(keys: Iterable[str], kept: Iterable[str]) -> list[str]:
    """Return the keys that a reset removes: all but those of the lab's own data.

    >>> removable(["data/train.csv", "data/mine.csv", "onnx/model-v2.onnx"], ["data/train.csv"])
    ['data/mine.csv', 'onnx/model-v2.onnx']
    """
    kept = set(kept)
    return [key for key in keys if key not in kept]


def code_of(error: Any) -> str:
    """Return the code of what an S3 store answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


class Bucket:
    """An S3 bucket behind the project's Route, TLS verified against ``ca``."""

    def __init__(
        self, url: str, name: str, keys: Sequence[str], ca: str | None, region: str = "us-east-1"
    ) -> None:
        """Connect with an access key and its secret; ``ca`` is a PEM file's path or None."""
        import boto3
        from botocore.config import Config

        self.name = name
        self.client = boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id=keys[0],
            aws_secret_access_key=keys[1],
            region_name=region,
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

    def trouble(self) -> str:
        """Return why the bucket cannot be used, as the end of a sentence; empty if it can."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self.client.list_objects_v2(Bucket=self.name, MaxKeys=1)
        except ClientError as error:
            code = code_of(error)
            if code in NO_BUCKET:
                return ""
            return f"refuses them ({code})" if code in REFUSALS else f"answers {code}"
        except (BotoCoreError, OSError) as error:
            return f"does not answer ({error})"
        return ""

    def keys(self) -> list[str]:
        """List all keys; none where there is no such bucket."""
        from botocore.exceptions import ClientError

        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        try:
            return [thing["Key"] for page in pages for thing in page.get("Contents", ())]
        except ClientError as error:
            if code_of(error) in NO_BUCKET:
                return []
            raise

    def delete(self, keys: Sequence[str]) -> None:
        """Delete keys, a thousand a call (the S3 limit)."""
        for start in range(0, len(keys), 1000):
            chunk = [{"Key": key} for key in keys[start : start + 1000]]
            answer = self.client.delete_objects(Bucket=self.name, Delete={"Objects": chunk})
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise OSError(f"could not delete {first['Key']}: {first.get('Message')}")
