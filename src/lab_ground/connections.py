"""Data connections: the Secret, or the variables, that say how a bucket is reached.

One reader for all who use one: controllers, puller, pipeline server, notebooks, steps and plugins.
It trims what surrounds a value (`echo key | base64` leaves a newline), looks at every value, and
names the field and what is wrong with it. A secret key is never quoted.

Source of the names: OpenShift AI's data connections (`AWS_*` of a Secret with the label
`opendatahub.io/managed`). Source of the rules: what botocore refuses before it sends anything.
Pure, and of the standard library alone.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

ENDPOINT = "AWS_S3_ENDPOINT"
BUCKET = "AWS_S3_BUCKET"
ACCESS_KEY = "AWS_ACCESS_KEY_ID"
SECRET_KEY = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 - a variable's name
REGION = "AWS_DEFAULT_REGION"
FIELDS = (ENDPOINT, BUCKET, ACCESS_KEY, SECRET_KEY, REGION)
DEFAULT_REGION = "us-east-1"
# What editors and copied pages leave around a value, beside what `str.strip` takes.
_AROUND = "\ufeff\u200b\u200c\u200d\u2060\x00"
_HOST = re.compile(r"((?!-)[A-Z\d-]{1,63}(?<!-)\.)*((?!-)[A-Z\d-]{1,63}(?<!-))", re.IGNORECASE)
_BUCKET = re.compile(r"[a-zA-Z0-9.\-_]{1,255}")
_REGION = re.compile(r"(?![0-9]+$)(?!-)[a-zA-Z0-9-]{1,63}(?<!-)")
_KEY = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class DataConnection:
    """How a bucket is reached; all values are trimmed and have been looked at.

    ``bucket`` may be empty where a connection need not name one.
    """

    endpoint: str
    bucket: str
    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    region: str = DEFAULT_REGION


class DataConnectionError(ValueError):
    """A data connection that cannot be used.

    ``faults`` has for each field what is wrong with it, as the end of a sentence.
    """

    def __init__(self, name: str, faults: Mapping[str, str]) -> None:
        self.name = name
        self.faults = dict(faults)
        told = "; ".join(f"{key} {fault}" for key, fault in self.faults.items())
        super().__init__(f"data connection '{name}': {told}" if name else told)


def read_connection(
    values: Mapping[str, str | None],
    *,
    name: str = "",
    needs_bucket: bool = True,
    called: Mapping[str, str] | None = None,
) -> DataConnection:
    """Return the connection that the values of a Secret, or of an environment, describe.

    ``called`` maps a field to what it is called where the values are from, if not by its own name.

    Raises:
        DataConnectionError: a value is missing or cannot be right; names each such field.
    """
    known = {key: trimmed(values.get(key) or "") for key in FIELDS}
    known[REGION] = known[REGION] or DEFAULT_REGION
    needed = [ENDPOINT, ACCESS_KEY, SECRET_KEY, REGION, *([BUCKET] if needs_bucket else [])]
    faults = {
        (called or {}).get(key, key): fault
        for key in FIELDS
        if (known[key] or key in needed)
        and (fault := CHECKS[key](known[key]) if known[key] else _absent(key, values))
    }
    if faults:
        raise DataConnectionError(name, faults)
    return DataConnection(
        endpoint=known[ENDPOINT].rstrip("/"),
        bucket=known[BUCKET],
        access_key_id=known[ACCESS_KEY],
        secret_access_key=known[SECRET_KEY],
        region=known[REGION],
    )


def read_secret(secret: Mapping[str, Any], *, needs_bucket: bool = True) -> DataConnection:
    """Return the connection that a Secret of the API describes.

    Raises:
        DataConnectionError: a value is missing or cannot be right; names each such field.
    """
    name = str((secret.get("metadata") or {}).get("name") or "")
    values, faults = decode_secret(secret)
    wrong = {key: faults[key] for key in FIELDS if key in faults}
    try:
        connection = read_connection(values, name=name, needs_bucket=needs_bucket)
    except DataConnectionError as error:
        raise DataConnectionError(name, {**error.faults, **wrong}) from None
    if wrong:
        raise DataConnectionError(name, wrong)
    return connection


def decode_secret(secret: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return a Secret's values as text, and what is wrong with those that are none."""
    values: dict[str, str] = {}
    faults: dict[str, str] = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            values[key] = base64.b64decode(value or "", validate=True).decode()
        except (binascii.Error, ValueError):
            faults[key] = "is not text in base64"
    return {**values, **(secret.get("stringData") or {})}, faults


def secret_texts(secret: Mapping[str, Any] | None) -> dict[str, str]:
    """Return a Secret's values as text, for who does not ask what is wrong with them.

    What is no text is there with a mark for each wrong byte, what is no base64 is not; of no
    Secret there is nothing.
    """
    texts: dict[str, str] = {}
    for key, value in ((secret or {}).get("data") or {}).items():
        try:
            texts[key] = base64.b64decode(value or "", validate=True).decode(errors="replace")
        except ValueError:
            continue
    return {**texts, **((secret or {}).get("stringData") or {})}


def is_connection(secret: Mapping[str, Any]) -> bool:
    """Tell whether a Secret is meant to connect to S3: it has a field for it, or says so."""
    metadata = secret.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    kinds = ("opendatahub.io/connection-type", "opendatahub.io/connection-type-ref")
    if any(annotations.get(kind) == "s3" for kind in kinds):
        return True
    return any(key in FIELDS for key in (secret.get("data") or {}))


def trimmed(value: str) -> str:
    """Return a value without what surrounds it: spaces, line ends, a byte order mark."""
    while (shorter := value.strip().strip(_AROUND)) != value:
        value = shorter
    return value


def _absent(key: str, values: Mapping[str, str | None]) -> str:
    return "is empty" if key in values and values[key] is not None else "is not set"


def fault_of_endpoint(value: str) -> str:
    """Return what is wrong with an endpoint, as the end of a sentence; empty when nothing is."""
    if "@" in value:
        # Not quoted, however it goes on: it holds a password.
        return "has a user or a password in it: they belong into the keys"
    found = f"is {_shown(value)}"
    scheme = re.match(r"(?i)(https?)://", value)
    if not scheme:
        return f"{found}, which does not begin with http:// or https://"
    if re.search(r"[\s\x00-\x1f\x7f]", value):
        return f"{found}, which has a space or a line end within it"
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        return f"{found}, which is no address ({error})"
    if parts.query or parts.fragment:
        return f"{found}, which has more than a path behind the host"
    if port == 0:
        return f"{found}, which has port 0"
    if not (_is_address(host) if ":" in host else len(host) <= 255 and _HOST.fullmatch(host)):
        return f"{found}, whose host {_shown(host)} is no name of a host"
    return ""


def fault_of_bucket(value: str) -> str:
    """Return what is wrong with a bucket's name; empty when nothing is."""
    if _BUCKET.fullmatch(value):
        return ""
    if value.lower().startswith(("s3:", "http:", "https:")) or "/" in value:
        return f"is {_shown(value)}: the bucket's name alone belongs there, without address or path"
    return f"is {_shown(value)}: a name of letters, digits, dots, hyphens and underscores is needed"


def fault_of_region(value: str) -> str:
    """Return what is wrong with a region; empty when nothing is."""
    if _REGION.fullmatch(value):
        return ""
    return f"is {_shown(value)}: a name of letters, digits and hyphens is needed, as us-east-1"


def fault_of_key(value: str) -> str:
    """Return what is wrong with an access key or its secret, which is not shown."""
    if _KEY.fullmatch(value):
        return ""
    return "has a space, a line end or a letter within it that no key has"


CHECKS: Mapping[str, Callable[[str], str]] = {
    ENDPOINT: fault_of_endpoint,
    BUCKET: fault_of_bucket,
    ACCESS_KEY: fault_of_key,
    SECRET_KEY: fault_of_key,
    REGION: fault_of_region,
}


def _is_address(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _shown(value: str) -> str:
    """Return a value as it is quoted: with its odd characters visible, and not too long."""
    text = ascii(value)
    return text if len(text) <= 120 else f"{text[:117]}…'"
