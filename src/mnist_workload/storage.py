"""The lab's bucket: S3, with errors that name what is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab_ground.connections import DataConnection, DataConnectionError, read_connection
from lab_ground.s3 import Bucket, Kind, StoreError
from mnist_workload.errors import (
    BucketMissingError,
    CredentialsError,
    EndpointError,
    ObjectMissingError,
    StorageError,
)
from mnist_workload.files import GROUP_MODE

_ERRORS: Mapping[Kind, type[StorageError]] = {
    Kind.KEY: CredentialsError,
    Kind.RIGHT: CredentialsError,
    Kind.BUCKET: BucketMissingError,
    Kind.OBJECT: ObjectMissingError,
    Kind.ADDRESS: EndpointError,
}


def load_storage_configuration(environ: Mapping[str, str] | None = None) -> DataConnection:
    """Read the data connection from the variables ``AWS_*``.

    Raises:
        CredentialsError: a variable is missing or cannot be right; names each.
    """
    try:
        return read_connection(os.environ if environ is None else environ)
    except DataConnectionError as error:
        raise CredentialsError(
            f"{error}. A workbench or a pipeline step gets them from the data connection "
            "(Secret aws-connection-s3-creds)"
        ) from None


class ObjectStore:
    """One bucket."""

    def __init__(self, connection: DataConnection) -> None:
        """Prepare a client; nothing is sent yet."""
        self.connection = connection
        with self._named_errors("the address"):
            self._bucket = Bucket(connection, connect_timeout=5, read_timeout=60, attempts=3)

    def check(self) -> None:
        """Prove that the bucket is there and that the keys open it."""
        with self._named_errors("the bucket"):
            self._bucket.check()

    def metadata(self, key: str) -> dict[str, str] | None:
        """Return the metadata of an object, or nothing when there is no such object."""
        with self._named_errors(key):
            head = self._bucket.head(key)
        return None if head is None else dict(head.get("Metadata", {}))

    def upload(self, path: Path, key: str, metadata: Mapping[str, str] | None = None) -> None:
        """Store a file; the object changes only once all of it has arrived."""
        with self._named_errors(key):
            self._bucket.upload(path, key, metadata)

    def download(self, key: str, path: Path) -> Path:
        """Fetch an object to a file, whole or not at all."""
        with self._named_errors(key):
            return self._bucket.download(key, path, GROUP_MODE)

    def copy(self, source: str, target: str) -> None:
        """Copy an object within the bucket, metadata too."""
        with self._named_errors(source):
            self._bucket.copy(source, target)

    def delete(self, key: str) -> None:
        """Remove an object; a missing one is no error."""
        with self._named_errors(key):
            self._bucket.delete([key])

    def keys(self, prefix: str = "") -> list[str]:
        """List the keys under a prefix."""
        with self._named_errors(prefix):
            return self._bucket.keys(prefix)

    @contextmanager
    def _named_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            place = f"{self.connection.endpoint}, bucket {self.connection.bucket}, {what}"
            advice = ": check the access key and the secret key" if error.kind is Kind.KEY else ""
            kind = _ERRORS.get(error.kind, StorageError)
            raise kind(f"{place}: {error}{advice}") from error
