"""Looks for a model in S3 and downloads it, within limits, checked against its sidecar."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from botocore.exceptions import ConnectionError as StoreConnectionError

from model_puller.errors import PullError
from model_puller.listing import Listing, belongs, choose_files, wanted_sum
from model_puller.model import Connection, ModelSpec

MAX_PAGES = 100
_CHUNK = 1 << 20
_REFUSED = {
    "403",
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidClientTokenId",
    "AuthorizationHeaderMalformed",
}


class ModelStore:
    """One data connection, opened for one model."""

    def __init__(self, spec: ModelSpec, connection: Connection) -> None:
        self._spec = spec
        self._connection = connection
        self._bucket = spec.bucket or connection.bucket
        if not self._bucket:
            raise PullError(f"data connection '{spec.storage_key}' names no bucket")
        if not connection.endpoint.startswith(("http://", "https://")):
            raise PullError(
                f"data connection '{spec.storage_key}' has endpoint "
                f"'{connection.endpoint}', which is no http or https URL"
            )
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=connection.endpoint,
            region_name=connection.region,
            aws_access_key_id=connection.access_key,
            aws_secret_access_key=connection.secret_key,
            config=Config(
                connect_timeout=3,
                read_timeout=20,
                retries={"total_max_attempts": 2},
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def look(self) -> tuple[Listing, str]:
        """The model's objects, and their version: whether they are what they were."""
        path = self._spec.path.rstrip("/")
        sizes: dict[str, int] = {}
        tags: dict[str, str] = {}
        with self._explained():
            for item in self._items(path.removesuffix(".onnx")):
                if belongs(item["Key"], path):
                    sizes[item["Key"]] = int(item["Size"])
                    tags[item["Key"]] = str(item.get("ETag") or item.get("LastModified") or "")
        listing = choose_files(path, sizes, self._bucket)
        return listing, listing.version(tags)

    def download(self, listing: Listing, folder: Path, max_bytes: int) -> None:
        """Fetch the model's objects into `folder`."""
        total = sum(size for _, size in listing.files.values())
        if total > max_bytes:
            raise PullError(
                f"the model has {total} bytes, at most {max_bytes} are allowed", retry=False
            )
        with self._explained():
            for relative, (key, size) in listing.files.items():
                digest = self._fetch(key, size, folder / relative)
                if relative == listing.main:
                    self._check_sum(digest, listing.sidecars)

    def _items(self, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        for number, page in enumerate(pages):
            if number == MAX_PAGES:
                raise PullError(
                    f"more than {MAX_PAGES * 1000} objects begin with s3://{self._bucket}/{prefix}"
                )
            yield from page.get("Contents", [])

    def _fetch(self, key: str, size: int, target: Path) -> str:
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        received = 0
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        with target.open("wb") as file:
            for chunk in body.iter_chunks(_CHUNK):
                received += len(chunk)
                if received > size:
                    break
                digest.update(chunk)
                file.write(chunk)
        if received != size:
            raise PullError(f"s3://{self._bucket}/{key} changed while it was fetched")
        return digest.hexdigest()

    def _check_sum(self, digest: str, sidecars: tuple[str, ...]) -> None:
        for key in sidecars:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read(_CHUNK)
            wanted = wanted_sum(key, body)
            if wanted is not None and wanted != digest:
                raise PullError(f"sha256 of the model is {digest}, its sidecar {key} says {wanted}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._explain(error) from error
        except (EndpointConnectionError, StoreConnectionError) as error:
            raise PullError(
                f"object store {self._connection.endpoint} cannot be reached: {error}"
            ) from error
        except BotoCoreError as error:
            raise PullError(f"object store {self._connection.endpoint}: {error}") from error

    def _explain(self, error: ClientError) -> PullError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        where = f"s3://{self._bucket}/{self._spec.path}"
        if code in _REFUSED:
            return PullError(
                f"object store {self._connection.endpoint} refused the key of data connection "
                f"'{self._spec.storage_key}' for {where} ({code})"
            )
        if code == "NoSuchBucket":
            return PullError(f"no bucket '{self._bucket}' at {self._connection.endpoint}")
        if code in {"NoSuchKey", "404"}:
            return PullError(f"no object at {where}")
        return PullError(f"object store {self._connection.endpoint}: {error}")
