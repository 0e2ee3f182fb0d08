"""The lab's bucket: S3 through boto3, with errors that name what is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
from botocore.config import Config

from mnist_workload.errors import (
    BucketMissingError,
    CredentialsError,
    EndpointError,
    ObjectMissingError,
    StorageError,
)
from mnist_workload.files import written_whole

_CREDENTIALS = {
    "403",
    "AccessDenied",
    "Forbidden",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
}
_NO_BUCKET = {"NoSuchBucket"}
_NO_OBJECT = {"404", "NoSuchKey", "NotFound"}


@dataclass(frozen=True)
class StorageConfiguration:
    """A data connection, as the Secret of the lab holds it."""

    endpoint: str
    bucket: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str = "us-east-1"


def load_storage_configuration(environ: Mapping[str, str] | None = None) -> StorageConfiguration:
    """Read the data connection from the variables ``AWS_*``."""
    environ = os.environ if environ is None else environ
    wanted = ("AWS_S3_ENDPOINT", "AWS_S3_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    missing = [name for name in wanted if not environ.get(name)]
    if missing:
        raise CredentialsError(
            f"not set: {', '.join(missing)}. A workbench or a pipeline step gets them from "
            "the data connection (Secret aws-connection-s3-creds)"
        )
    return StorageConfiguration(
        endpoint=environ["AWS_S3_ENDPOINT"],
        bucket=environ["AWS_S3_BUCKET"],
        access_key_id=environ["AWS_ACCESS_KEY_ID"],
        secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
        region=environ.get("AWS_DEFAULT_REGION") or "us-east-1",
    )


class ObjectStore:
    """One bucket."""

    def __init__(self, configuration: StorageConfiguration) -> None:
        """Prepare a client; nothing is sent yet."""
        self.configuration = configuration
        with self._named_errors("the address"):
            self._client: Any = _client(configuration)

    def check(self) -> None:
        """Prove that the bucket is there and that the keys open it."""
        with self._named_errors("the bucket"):
            # Listing, not HeadBucket: its reply has a body that tells the reasons apart.
            self._client.list_objects_v2(Bucket=self.configuration.bucket, MaxKeys=1)

    def metadata(self, key: str) -> dict[str, str] | None:
        """Return the metadata of an object, or nothing when there is no such object."""
        try:
            with self._named_errors(key):
                reply = self._client.head_object(Bucket=self.configuration.bucket, Key=key)
        except ObjectMissingError:
            return None
        return dict(reply.get("Metadata", {}))

    def upload(self, path: Path, key: str, metadata: Mapping[str, str] | None = None) -> None:
        """Store a file; the object changes only once all of it has arrived."""
        with self._named_errors(key):
            self._client.upload_file(
                str(path),
                self.configuration.bucket,
                key,
                ExtraArgs={"Metadata": dict(metadata or {})},
            )

    def download(self, key: str, path: Path) -> Path:
        """Fetch an object to a file, whole or not at all."""
        with written_whole(path) as stream, self._named_errors(key):
            self._client.download_fileobj(self.configuration.bucket, key, stream)
        return path

    def copy(self, source: str, target: str) -> None:
        """Copy an object within the bucket, metadata too."""
        with self._named_errors(source):
            bucket = self.configuration.bucket
            self._client.copy_object(
                Bucket=bucket, Key=target, CopySource={"Bucket": bucket, "Key": source}
            )

    def delete(self, key: str) -> None:
        """Remove an object; a missing one is no error."""
        with self._named_errors(key):
            self._client.delete_object(Bucket=self.configuration.bucket, Key=key)

    def keys(self, prefix: str = "") -> list[str]:
        """List the keys under a prefix."""
        with self._named_errors(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.configuration.bucket, Prefix=prefix
            )
            return [item["Key"] for page in pages for item in page.get("Contents", [])]

    @contextmanager
    def _named_errors(self, what: str) -> Iterator[None]:
        place = f"{self.configuration.endpoint}, bucket {self.configuration.bucket}, {what}"
        try:
            yield
        except botocore.exceptions.ClientError as error:
            raise self._named(error, place) from error
        except boto3.exceptions.S3UploadFailedError as error:
            cause = error.__context__
            if isinstance(cause, botocore.exceptions.ClientError):
                raise self._named(cause, place) from error
            raise StorageError(f"{place}: {error}") from error
        except (botocore.exceptions.NoCredentialsError, botocore.exceptions.TokenRetrievalError):
            raise CredentialsError(f"{place}: no credentials") from None
        except (
            botocore.exceptions.ConnectionError,
            botocore.exceptions.HTTPClientError,
            ValueError,
        ) as error:
            raise EndpointError(f"{place}: the endpoint does not answer ({error})") from error
        except botocore.exceptions.BotoCoreError as error:
            raise StorageError(f"{place}: {error}") from error

    def _named(self, error: botocore.exceptions.ClientError, place: str) -> StorageError:
        details = error.response.get("Error", {})
        code, message = str(details.get("Code", "")), str(details.get("Message", ""))
        reason = f"{place}: {message or code} ({code})"
        if code in _CREDENTIALS:
            return CredentialsError(f"{reason}: check the access key and the secret key")
        if code in _NO_BUCKET:
            return BucketMissingError(reason)
        if code in _NO_OBJECT:
            return ObjectMissingError(reason)
        return StorageError(reason)


def _client(configuration: StorageConfiguration) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=configuration.endpoint,
        aws_access_key_id=configuration.access_key_id,
        aws_secret_access_key=configuration.secret_access_key,
        region_name=configuration.region,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": 3},
            # Stores other than AWS do not all know the newer default checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
