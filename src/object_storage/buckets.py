"""Buckets as declared state, made with the admin's credential over S3."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


class ObjectStoreError(Exception):
    """The store is unreachable or refused; the message names which and why."""


def connect(endpoint: str, access_key: str, secret_key: str, region: str = "us-east-1") -> Any:
    """Return an S3 client with path-style addresses and short, bounded waits."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
        config=Config(
            s3={"addressing_style": "path"},
            signature_version="s3v4",
            connect_timeout=3,
            read_timeout=10,
            retries={"max_attempts": 1},
        ),
    )


def check_access(
    endpoint: str, access_key: str, secret_key: str, bucket: str, region: str = "us-east-1"
) -> None:
    """Raise ObjectStoreError, saying what is wrong, unless these keys can use the bucket."""
    try:
        connect(endpoint, access_key, secret_key, region).head_bucket(Bucket=bucket)
    except ClientError as error:
        code = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        what = {
            403: f"the key {access_key[:4]}… is wrong or may not use bucket {bucket!r}",
            404: f"there is no bucket {bucket!r}",
        }.get(int(code or 0), str(error))
        raise ObjectStoreError(f"{endpoint}: {what}") from error
    except (BotoCoreError, ValueError) as error:
        raise ObjectStoreError(f"{endpoint}: {error}") from error


def ensure_buckets(
    endpoint: str, access_key: str, secret_key: str, buckets: Iterable[str]
) -> list[str]:
    """Make the buckets that do not exist yet; return the names of those made."""
    made: list[str] = []
    try:
        client = connect(endpoint, access_key, secret_key)
        existing = {bucket["Name"] for bucket in client.list_buckets().get("Buckets", [])}
        for bucket in buckets:
            if bucket in existing:
                continue
            try:
                client.create_bucket(Bucket=bucket)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in (
                    "BucketAlreadyOwnedByYou",
                    "BucketAlreadyExists",
                ):
                    raise
            made.append(bucket)
    except (ClientError, BotoCoreError, ValueError) as error:
        raise ObjectStoreError(f"{endpoint}: {error}") from error
    return made
