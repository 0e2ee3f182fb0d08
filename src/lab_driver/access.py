"""Where the lab is and where its credentials are: `.lab/access.json`, read and checked."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_driver.refusals import expected

REQUIRED: tuple[str, ...] = (
    "base_domain",
    "namespace",
    "serving.mode",
    "images.namespace",
    "volumes",
    "webapp.url",
    "workbench.url",
    "pipelines.url",
    "pipelines.cluster_url",
    "pipelines.token_secret",
    "s3.url",
    "s3.secret",
    "inference.url",
    "inference.cluster_url",
    "inference.token_secret",
    "inference.model",
)
# Where machines keep all authorities that they trust, in one file.
BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
)


class AccessError(Exception):
    """The access file is missing or lacks something; the message says what to do."""


@dataclass(frozen=True)
class Access:
    """The parsed access file; ``get("webapp.url")`` reads a dotted key."""

    values: Mapping[str, Any]

    def get(self, dotted: str) -> str:
        """Return the text at a dotted key.

        Raises:
            AccessError: the key is absent or empty.
        """
        value: Any = _lookup(self.values, dotted)
        if not isinstance(value, str) or not value:
            raise AccessError(f"access.json has no {dotted}; run ./lab up to write it again")
        return value

    @property
    def namespace(self) -> str:
        """The lab's namespace."""
        return self.get("namespace")

    @property
    def certificate(self) -> Path | None:
        """The authority that signs the Routes, or None where the machine trusts them anyway."""
        named = _lookup(self.values, "ca_certificate")
        return Path(named) if named else None

    @property
    def verify(self) -> str | bool:
        """What requests and boto3 take as ``verify``: the lab's authority, or the machine's own."""
        return str(self.certificate) if self.certificate else machine_bundle()

    @property
    def volumes(self) -> dict[str, str]:
        """The size of each volume of the project, by its name."""
        return dict(_lookup(self.values, "volumes"))

    @property
    def opens_by_token(self) -> bool:
        """True where a workbench's login takes a token of the cluster: the lab's own does."""
        return _lookup(self.values, "workbench.opens_by_token") is not False

    @property
    def refusals(self) -> frozenset[int]:
        """The status codes with which this version's doors refuse who has no good token."""
        version = str(_lookup(self.values, "openshift_ai_version") or "2.25")
        return expected(version)

    @property
    def images_on_nodes(self) -> bool:
        """True where the nodes hold the images and can pull them from nowhere."""
        return bool(_lookup(self.values, "images.on_nodes"))


def machine_bundle() -> str | bool:
    """Return the file of the authorities that this machine trusts.

    Python's packages bring a list of their own, which lacks what was added to the machine.
    """
    named = ssl.get_default_verify_paths().cafile
    bundles = [Path(named)] if named else [path for path in BUNDLES if path.exists()]
    return str(bundles[0]) if bundles else True


def _lookup(values: Mapping[str, Any], dotted: str) -> Any:
    value: Any = values
    for part in dotted.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def read_access(path: Path) -> Access:
    """Read the access file and check that it is whole and private.

    Raises:
        AccessError: it is missing, not JSON, lacks a key, or others may read it.
    """
    if not path.exists():
        raise AccessError(f"{path} is not there: the lab is not up; run ./lab up first")
    if path.stat().st_mode & 0o077:
        raise AccessError(f"{path} can be read by others; run chmod 600 {path}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise AccessError(f"{path} is not JSON ({error}); run ./lab up to write it again") from None
    missing = [key for key in REQUIRED if not _lookup(values, key)]
    if missing:
        raise AccessError(f"{path} lacks {', '.join(missing)}; run ./lab up to write it again")
    return Access(values)
