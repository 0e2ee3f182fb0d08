"""Downloads a model from S3, within limits, and checks it against its sidecar."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from botocore.exceptions import ConnectionError as StoreConnectionError

from lab_platform.model_serving.puller.errors import PullError
from lab_platform.model_serving.puller.model import Connection, ModelSpec

MAX_FILES = 64
_CHUNK = 1 << 20
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")
_REFUSED = {
    "403",
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidClientTokenId",
    "AuthorizationHeaderMalformed",
}


@dataclass(frozen=True)
class Listing:
    """The objects that make up a model and the sidecars beside it."""

    files: dict[str, tuple[str, int]]
    """Path in the model's folder to key and size."""
    main: str
    sidecars: tuple[str, ...]


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

    def download(self, folder: Path, max_bytes: int) -> str:
        """Fetch the model into `folder`; returns its file's path there."""
        try:
            listing = self._list()
            total = sum(size for _, size in listing.files.values())
            if total > max_bytes:
                raise PullError(
                    f"the model has {total} bytes, at most {max_bytes} are allowed", retry=False
                )
            for relative, (key, size) in listing.files.items():
                digest = self._fetch(key, size, folder / relative)
                if relative == listing.main:
                    self._check_sum(digest, listing.sidecars)
        except ClientError as error:
            raise self._explain(error) from error
        except (EndpointConnectionError, StoreConnectionError) as error:
            raise PullError(
                f"object store {self._connection.endpoint} cannot be reached: {error}"
            ) from error
        except BotoCoreError as error:
            raise PullError(f"object store {self._connection.endpoint}: {error}") from error
        return listing.main

    def _list(self) -> Listing:
        path = self._spec.path.rstrip("/")
        stem = path.removesuffix(".onnx")
        reply = self._client.list_objects_v2(Bucket=self._bucket, Prefix=stem, MaxKeys=1000)
        sizes = {item["Key"]: int(item["Size"]) for item in reply.get("Contents", [])}
        return choose_files(path, sizes, self._bucket)

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


def choose_files(path: str, sizes: dict[str, int], bucket: str) -> Listing:
    """Which of the listed objects the model at `path` is: one object, or a folder's files."""
    if path in sizes:
        stem = path.removesuffix(".onnx")
        beside = (f"{path}.sha256", f"{path}.json", f"{stem}.json")
        sidecars = tuple(dict.fromkeys(key for key in beside if key in sizes))
        name = PurePosixPath(path).name
        return Listing({name: (path, sizes[path])}, name, sidecars)
    prefix = f"{path}/"
    inside = {
        key.removeprefix(prefix): size
        for key, size in sizes.items()
        if key.startswith(prefix) and not key.endswith("/")
    }
    inside = _latest_version(inside)
    if len(inside) > MAX_FILES:
        raise PullError(f"s3://{bucket}/{prefix} has more than {MAX_FILES} files", retry=False)
    models = sorted(name for name in inside if name.endswith(".onnx"))
    if not models:
        raise PullError(f"no object at s3://{bucket}/{path}")
    mains = [name for name in models if PurePosixPath(name).name == "model.onnx"] or models
    if len(mains) > 1:
        raise PullError(f"s3://{bucket}/{prefix} has several models: {', '.join(mains[:5])}")
    for name in inside:
        if ".." in PurePosixPath(name).parts or name.startswith("/"):
            raise PullError(f"object name '{name}' leaves the model's folder", retry=False)
    files = {name: (prefix + name, size) for name, size in inside.items()}
    main = mains[0]
    beside = (f"{main}.sha256", f"{main}.json", f"{main.removesuffix('.onnx')}.json")
    return Listing(files, main, tuple(prefix + name for name in beside if name in inside))


def wanted_sum(key: str, body: bytes) -> str | None:
    """The sha256 that a sidecar states, if it states one."""
    if key.endswith(".json"):
        try:
            found = json.loads(body)
        except ValueError:
            return None
        value = found.get("sha256") if isinstance(found, dict) else None
        if isinstance(value, dict):
            value = value.get("model") or value.get(PurePosixPath(key).stem + ".onnx")
        return value.lower() if isinstance(value, str) else None
    match = _SHA256.search(body.decode("utf-8", "replace").lower())
    return match[0] if match else None


def _latest_version(inside: dict[str, int]) -> dict[str, int]:
    """Only the highest of numbered version folders, which OVMS's and Triton's layouts have."""
    versions = {int(name.split("/", 1)[0]) for name in inside if re.match(r"\d+/", name)}
    if not versions or any(name.endswith(".onnx") and "/" not in name for name in inside):
        return inside
    newest = max(versions)
    return {
        name: size
        for name, size in inside.items()
        if re.match(r"\d+/", name) and int(name.split("/", 1)[0]) == newest
    }
