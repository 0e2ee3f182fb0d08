"""The object store, for the server's own use and, by signed addresses, for the steps."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline_server.services.errors import InvalidArgumentError, NotFoundError, UnavailableError
from pipeline_server.settings import Settings

logger = logging.getLogger(__name__)

SCHEMES = ("s3://", "minio://")
CHUNK = 256 * 1024
_MISSING = {"NoSuchKey", "404", "NoSuchBucket", "NotFound"}


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in the store."""

    bucket: str
    key: str
    size: int


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of ``s3://bucket/key``."""
    for scheme in SCHEMES:
        if uri.startswith(scheme):
            bucket, _, key = uri.removeprefix(scheme).partition("/")
            if bucket:
                return bucket, key
    raise InvalidArgumentError(f"{uri!r} does not lie in this server's object store")


class ObjectStore:
    """Reads and writes by URI. Failures become errors with a message for people."""

    def __init__(self, settings: Settings) -> None:
        self.bucket = settings.store_bucket
        self.endpoint = settings.store_endpoint
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=settings.store_endpoint or None,
            aws_access_key_id=settings.store_access_key or None,
            aws_secret_access_key=settings.store_secret_key or None,
            region_name=settings.store_region,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=3,
                read_timeout=20,
                retries={"max_attempts": 2, "mode": "standard"},
                max_pool_connections=20,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def check(self) -> None:
        """Raise unless the bucket answers with these credentials."""
        self._call("head_bucket", Bucket=self.bucket)

    def size(self, uri: str) -> int:
        """The object's size; NotFoundError when there is none."""
        bucket, key = split_uri(uri)
        return int(self._call("head_object", Bucket=bucket, Key=key)["ContentLength"])

    def put(self, uri: str, content: bytes, content_type: str = "text/plain") -> None:
        """Write an object."""
        bucket, key = split_uri(uri)
        self._call("put_object", Bucket=bucket, Key=key, Body=content, ContentType=content_type)

    def read(self, uri: str, start: int = 0, limit: int = 1 << 20) -> bytes:
        """A part of an object; empty beyond its end."""
        bucket, key = split_uri(uri)
        size = self.size(uri)
        if start >= size or limit <= 0:
            return b""
        end = min(size, start + limit) - 1
        reply = self._call("get_object", Bucket=bucket, Key=key, Range=f"bytes={start}-{end}")
        return bytes(reply["Body"].read())

    def open(self, uri: str) -> tuple[Iterator[bytes], int]:
        """The object as a stream, and its size."""
        bucket, key = split_uri(uri)
        reply = self._call("get_object", Bucket=bucket, Key=key)
        return reply["Body"].iter_chunks(CHUNK), int(reply["ContentLength"])

    def list(self, uri: str, limit: int = 10_000) -> list[StoredObject]:
        """The objects under a prefix."""
        bucket, prefix = split_uri(uri)
        found: list[StoredObject] = []
        token = ""
        while len(found) < limit:
            more = {"ContinuationToken": token} if token else {}
            reply = self._call("list_objects_v2", Bucket=bucket, Prefix=prefix, **more)
            found.extend(
                StoredObject(bucket, item["Key"], int(item["Size"]))
                for item in reply.get("Contents", [])
            )
            token = reply.get("NextContinuationToken", "")
            if not token:
                break
        return found[:limit]

    def delete(self, uri: str) -> None:
        """Remove an object; none there is fine."""
        bucket, key = split_uri(uri)
        self._call("delete_object", Bucket=bucket, Key=key)

    def signed_get(self, bucket: str, key: str, seconds: int = 3600) -> str:
        """An address that reads one object without a key."""
        return str(
            self._client.generate_presigned_url(
                "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds
            )
        )

    def signed_put(self, bucket: str, key: str, seconds: int = 3600) -> str:
        """An address that writes one object without a key."""
        return str(
            self._client.generate_presigned_url(
                "put_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds
            )
        )

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, operation)(**arguments)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            place = "/".join(str(arguments[key]) for key in ("Bucket", "Key") if key in arguments)
            if code in _MISSING:
                raise NotFoundError(f"the object store has no {place}") from None
            raise UnavailableError(
                f"the object store refused {operation} of {place}: {explain(error)}"
            ) from None
        except BotoCoreError as error:
            raise UnavailableError(
                f"the object store at {self.endpoint} does not answer: {error}"
            ) from None


def explain(error: ClientError) -> str:
    """A refusal of the store in words."""
    details = error.response.get("Error", {})
    code = str(details.get("Code", ""))
    words = {
        "403": "wrong access key or secret key",
        "InvalidAccessKeyId": "the access key is unknown",
        "SignatureDoesNotMatch": "the secret key is wrong",
        "AccessDenied": "the key has no right to this bucket",
        "EntityTooLarge": "the object is too large",
    }
    return f"{words.get(code, details.get('Message', 'no reason given'))} ({code})"
