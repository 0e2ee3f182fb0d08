"""Looks for a model in S3 and downloads it, within limits, checked against its sidecar."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab_ground.connections import DataConnection
from lab_ground.s3 import Bucket, Kind, StoredObject, StoreError
from model_puller.errors import PullError
from model_puller.listing import Listing, belongs, choose_files, wanted_sum
from model_puller.model import ModelSpec

MOST_OBJECTS = 100_000
_CHUNK = 1 << 20


class ModelStore:
    """One data connection, opened for one model."""

    def __init__(
        self, spec: ModelSpec, connection: DataConnection, *, versions_only: bool = False
    ) -> None:
        self._spec = spec
        self._versions_only = versions_only
        self._endpoint = connection.endpoint
        self._name = spec.bucket or connection.bucket
        if not self._name:
            raise PullError(f"data connection '{spec.storage_key}' names no bucket")
        with self._explained():
            self._bucket = Bucket(dataclasses.replace(connection, bucket=self._name))

    def look(self) -> tuple[Listing, str]:
        """The model's objects, and their version: whether they are what they were."""
        path = self._spec.path.rstrip("/")
        sizes: dict[str, int] = {}
        tags: dict[str, str] = {}
        with self._explained():
            for item in self._items(path.removesuffix(".onnx")):
                if belongs(item.key, path):
                    sizes[item.key] = item.size
                    tags[item.key] = item.tag
        listing = choose_files(path, sizes, self._name, versions_only=self._versions_only)
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

    def _items(self, prefix: str) -> Iterator[StoredObject]:
        for number, item in enumerate(self._bucket.objects(prefix)):
            if number == MOST_OBJECTS:
                raise PullError(
                    f"more than {MOST_OBJECTS} objects begin with s3://{self._name}/{prefix}"
                )
            yield item

    def _fetch(self, key: str, size: int, target: Path) -> str:
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        received = 0
        with target.open("wb") as file:
            for chunk in self._bucket.stream(key, _CHUNK):
                received += len(chunk)
                if received > size:
                    break
                digest.update(chunk)
                file.write(chunk)
        if received != size:
            raise PullError(f"s3://{self._name}/{key} changed while it was fetched")
        return digest.hexdigest()

    def _check_sum(self, digest: str, sidecars: tuple[str, ...]) -> None:
        for key in sidecars:
            wanted = wanted_sum(key, next(self._bucket.stream(key, _CHUNK), b""))
            if wanted is not None and wanted != digest:
                raise PullError(f"sha256 of the model is {digest}, its sidecar {key} says {wanted}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            raise PullError(self._explain(error)) from error

    def _explain(self, error: StoreError) -> str:
        where = f"s3://{self._name}/{self._spec.path}"
        if error.kind in (Kind.KEY, Kind.RIGHT):
            return (
                f"object store {self._endpoint} refused the key of data connection "
                f"'{self._spec.storage_key}' for {where}: it {error.trouble}"
            )
        if error.kind is Kind.BUCKET:
            return f"no bucket '{self._name}' at {self._endpoint}"
        if error.kind is Kind.OBJECT:
            return f"no object at {where}"
        if error.kind is Kind.ADDRESS:
            return f"object store {self._endpoint} cannot be reached: it {error.trouble}"
        return str(error)
