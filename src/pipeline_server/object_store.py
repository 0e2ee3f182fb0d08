"""The object store, for the server's own use and, by signed addresses, for the steps."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab_ground.connections import DataConnection
from lab_ground.s3 import Kind, StoreError, open_client, told
from pipeline_server.errors import InvalidArgumentError, NotFoundError, UnavailableError
from pipeline_server.settings import Settings

logger = logging.getLogger(__name__)

SCHEMES = ("s3://", "minio://")
CHUNK = 256 * 1024


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
        connection = DataConnection(
            settings.store_endpoint,
            settings.store_bucket,
            settings.store_access_key,
            settings.store_secret_key,
            settings.store_region,
        )
        self._client: Any = open_client(connection, connections=20)

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
        bucket, key = str(arguments.get("Bucket", "")), str(arguments.get("Key", ""))
        try:
            with told(self.endpoint, bucket, key):
                return getattr(self._client, operation)(**arguments)
        except StoreError as error:
            place = "/".join(name for name in (bucket, key) if name)
            if error.kind in (Kind.BUCKET, Kind.OBJECT):
                raise NotFoundError(f"the object store has no {place}") from None
            if error.kind is Kind.ADDRESS:
                raise UnavailableError(str(error)) from None
            raise UnavailableError(
                f"the object store refused {operation} of {place}: it {error.trouble}"
            ) from None
