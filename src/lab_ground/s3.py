"""S3: one way to make a client, one table of what stores answer, and a bucket's operations.

Everything that a store refuses becomes a `StoreError` with a kind, which a room turns into an error
of its own, and a sentence that says no more than the store did. What neither S3's reference nor
the client's own exceptions give a meaning to is passed on in the words of who said it, as such.

boto3 is imported where a client is made, so that importing this costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from lab_ground.connections import DataConnection, fault_of_endpoint
from lab_ground.files import READABLE, written_whole
from lab_ground.redaction import redact_shapes, without_escapes

CHUNK = 256 * 1024
# The most keys that S3 deletes in one request.
MOST_DELETED = 1000


class Kind(Enum):
    """What was wrong, for who decides what to do about it."""

    KEY = "the access key is not known, or its secret is wrong"
    RIGHT = "the key may not do this"
    BUCKET = "there is no such bucket"
    OBJECT = "there is no such object"
    ADDRESS = "nothing answers at the endpoint"
    BUSY = "the store cannot do it now"
    OTHER = "something else"


class StoreError(OSError):
    """An object store refused, or could not be asked; the message is a whole sentence.

    ``trouble`` is the sentence without its subject: what the store does, or does not do.
    """

    def __init__(self, kind: Kind, subject: str, trouble: str, code: str = "") -> None:
        super().__init__(f"{subject} {trouble}")
        self.kind = kind
        self.trouble = trouble
        self.code = code


# What a store's code means, by S3's reference ("Error responses") and, for the codes in figures, by
# HTTP: the answer to a HEAD has no words. {bucket} and {key} are those of the request.
CODES: Mapping[str, tuple[Kind, str]] = {
    "InvalidAccessKeyId": (Kind.KEY, "does not know the access key"),
    "InvalidClientTokenId": (Kind.KEY, "does not know the access key"),
    "InvalidToken": (Kind.KEY, "refuses the session's token"),
    "ExpiredToken": (Kind.KEY, "says that the session's token has ended"),
    "SignatureDoesNotMatch": (
        Kind.KEY,
        "refuses the signature: the secret key is wrong, or the request was changed on its way",
    ),
    "AccessDenied": (Kind.RIGHT, "denies the key access to this"),
    "AllAccessDisabled": (Kind.RIGHT, "denies every key access to this"),
    "403": (Kind.RIGHT, "refuses the key, and does not say why"),
    "Forbidden": (Kind.RIGHT, "refuses the key, and does not say why"),
    "401": (Kind.KEY, "refuses the key, and does not say why"),
    "RequestTimeTooSkewed": (Kind.OTHER, "has another time than this machine: a clock is wrong"),
    "NoSuchBucket": (Kind.BUCKET, "has no bucket {bucket}"),
    "NoSuchKey": (Kind.OBJECT, "has no object {key} in bucket {bucket}"),
    "EntityTooLarge": (Kind.OTHER, "takes no object of this size"),
    "SlowDown": (Kind.BUSY, "asks for fewer requests"),
    "ServiceUnavailable": (Kind.BUSY, "is not available now"),
    "503": (Kind.BUSY, "is not available now"),
    "InternalError": (Kind.BUSY, "failed by itself"),
    "500": (Kind.BUSY, "failed by itself"),
}
# These say only that there is nothing: which of the two, the request says.
_NOTHING = ("404", "NotFound")


def open_client(
    connection: DataConnection,
    *,
    ca: str | None = None,
    connect_timeout: float = 3,
    read_timeout: float = 20,
    attempts: int = 2,
    connections: int = 10,
) -> Any:
    """Return a boto3 client for a store, path-style and with bounded waits; nothing is sent yet.

    ``ca`` is the path of a PEM file; times are in seconds, ``attempts`` counts the first one too.

    Raises:
        StoreError: the endpoint is no address, or the client cannot be made with these values.
    """
    if fault := fault_of_endpoint(connection.endpoint):
        raise StoreError(Kind.ADDRESS, "the endpoint", fault)
    import boto3
    from botocore.config import Config

    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=connections,
        # Stores other than AWS do not all know the newer default checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    with told(connection.endpoint):
        return boto3.client(
            "s3",
            endpoint_url=connection.endpoint,
            aws_access_key_id=connection.access_key_id,
            aws_secret_access_key=connection.secret_access_key,
            region_name=connection.region,
            verify=ca or None,
            config=config,
        )


@contextmanager
def told(endpoint: str, bucket: str = "", key: str = "") -> Iterator[None]:
    """Turn what the client raises within the block into a StoreError."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError, ValueError) as error:
        raise explain(error, endpoint, bucket, key) from error


def code_of(error: BaseException) -> str:
    """Return the code of what a store answered; empty where it did not answer."""
    response = getattr(error, "response", None)
    details = response.get("Error", {}) if isinstance(response, dict) else {}
    return str(details.get("Code", ""))


def explain(error: Exception, endpoint: str, bucket: str = "", key: str = "") -> StoreError:
    """Return what an exception of the S3 client means, in a sentence."""
    from botocore import exceptions

    subject = f"the object store at {endpoint}"
    cause = error.__cause__ or error.__context__
    if not code_of(error) and cause is not None and code_of(cause):
        # An upload's own error has the store's answer behind it.
        error = cause if isinstance(cause, Exception) else error
    if code := code_of(error):
        return _of_code(code, _message_of(error), subject, bucket, key)
    words = _own_words(error)
    if isinstance(error, exceptions.SSLError):
        trouble = f"cannot be spoken to over TLS; the client's own words: “{words}”"
        return StoreError(Kind.ADDRESS, subject, trouble)
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        return StoreError(Kind.ADDRESS, subject, f"does not answer ({words})")
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return StoreError(Kind.KEY, subject, "was not asked: there is no key")
    trouble = f"was not asked; the client's own words: “{words}”"
    return StoreError(Kind.OTHER, subject, trouble)


def _of_code(code: str, message: str, subject: str, bucket: str, key: str) -> StoreError:
    if code in _NOTHING:
        code_known = "NoSuchKey" if key else "NoSuchBucket"
        kind, trouble = CODES[code_known]
    elif code in CODES:
        kind, trouble = CODES[code]
    else:
        kind, trouble = Kind.OTHER, f"answers in its own words: “{message or code}”"
    named = trouble.replace("{bucket}", bucket or "of this name").replace("{key}", key)
    return StoreError(kind, subject, f"{named} ({code})", code)


def _message_of(error: Exception) -> str:
    details = getattr(error, "response", {}).get("Error", {})
    return _fit(str(details.get("Message") or ""))


def _own_words(error: Exception) -> str:
    return _fit(str(error) or type(error).__name__)


def _fit(text: str) -> str:
    """Return words of others as part of a sentence: on one line, and without any secret."""
    return " ".join(redact_shapes(without_escapes(text)).split()).rstrip(".")[:500]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a bucket: ``tag`` changes with its content."""

    bucket: str
    key: str
    size: int
    tag: str = ""


class Bucket:
    """One bucket; every method raises StoreError where the store does not do it."""

    def __init__(
        self, connection: DataConnection, *, ca: str | None = None, **options: Any
    ) -> None:
        """Prepare a client; nothing is sent yet. ``options`` are those of `open_client`."""
        self.connection = connection
        self.name = connection.bucket
        self.client = open_client(connection, ca=ca, **options)

    def told(self, key: str = "") -> Any:
        """Return the context in which what the client raises becomes a StoreError."""
        return told(self.connection.endpoint, self.name, key)

    def check(self) -> None:
        """Prove that the bucket is there and that the key opens it."""
        with self.told():
            # Listing, not HeadBucket: its answer has a body that tells the reasons apart.
            self.client.list_objects_v2(Bucket=self.name, MaxKeys=1)

    def ensure(self) -> bool:
        """Make the bucket where there is none; return whether it was made."""
        try:
            self.check()
        except StoreError as error:
            if error.kind is not Kind.BUCKET:
                raise
        else:
            return False
        with self.told():
            self.client.create_bucket(Bucket=self.name)
        return True

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """Give the objects whose keys begin with ``prefix``, in order, page by page."""
        more: dict[str, str] = {}
        while True:
            with self.told():
                page = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix, **more)
            for item in page.get("Contents", ()):
                tag = str(item.get("ETag") or item.get("LastModified") or "")
                yield StoredObject(self.name, item["Key"], int(item.get("Size", 0)), tag)
            token = page.get("NextContinuationToken")
            if not token:
                return
            more = {"ContinuationToken": token}

    def keys(self, prefix: str = "") -> list[str]:
        """List the keys that begin with ``prefix``."""
        return [item.key for item in self.objects(prefix)]

    def head(self, key: str) -> dict[str, Any] | None:
        """Return what the store knows of an object, or None where there is none."""
        try:
            with self.told(key):
                return dict(self.client.head_object(Bucket=self.name, Key=key))
        except StoreError as error:
            if error.kind is Kind.OBJECT:
                return None
            raise

    def stream(self, key: str, chunk: int = CHUNK) -> Iterator[bytes]:
        """Give an object's bytes in pieces of at most ``chunk``."""
        with self.told(key):
            body = self.client.get_object(Bucket=self.name, Key=key)["Body"]
            yield from body.iter_chunks(chunk)

    def read(self, key: str) -> bytes:
        """Return an object's bytes."""
        return b"".join(self.stream(key))

    def put(self, key: str, content: bytes, content_type: str = "text/plain") -> None:
        """Write an object."""
        with self.told(key):
            self.client.put_object(
                Bucket=self.name, Key=key, Body=content, ContentType=content_type
            )

    def upload(
        self,
        path: Path,
        key: str,
        metadata: Mapping[str, str] | None = None,
        content_type: str = "",
    ) -> None:
        """Store a file; the object changes only once all of it has arrived."""
        extra: dict[str, Any] = {"Metadata": dict(metadata or {})}
        if content_type:
            extra["ContentType"] = content_type
        with self.told(key):
            self.client.upload_file(str(path), self.name, key, ExtraArgs=extra)

    def download(self, key: str, path: Path, mode: int = READABLE) -> Path:
        """Fetch an object to a file, whole or not at all."""
        with written_whole(path, mode, durable=True) as stream, self.told(key):
            self.client.download_fileobj(self.name, key, stream)
        return path

    def copy(self, source: str, target: str) -> None:
        """Copy an object within the bucket, metadata too."""
        origin = {"Bucket": self.name, "Key": source}
        with self.told(source):
            self.client.copy_object(Bucket=self.name, Key=target, CopySource=origin)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; none of that key is fine."""
        for start in range(0, len(keys), MOST_DELETED):
            chunk = [{"Key": key} for key in keys[start : start + MOST_DELETED]]
            with self.told(keys[start]):
                answer = self.client.delete_objects(Bucket=self.name, Delete={"Objects": chunk})
            for refused in answer.get("Errors") or ():
                subject = f"the object store at {self.connection.endpoint}"
                code, message = str(refused.get("Code", "")), _fit(str(refused.get("Message", "")))
                raise _of_code(code, message, subject, self.name, str(refused.get("Key", "")))


def removable(keys: Iterable[str], kept: Iterable[str]) -> list[str]:
    """Return the keys that a reset removes: all but those of the lab's own data.

    >>> removable(["data/train.csv", "data/mine.csv", "onnx/model-v2.onnx"], ["data/train.csv"])
    ['data/mine.csv', 'onnx/model-v2.onnx']
    """
    spared = set(kept)
    return [key for key in keys if key not in spared]
