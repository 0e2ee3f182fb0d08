"""Asks a container registry what it holds; buildah of Debian 12 can push there but not ask.

Whatever keeps the registry from answering counts as "not there": a push says why by itself.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Container
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

KINDS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
TIMEOUT = 20
LARGEST_ANSWER = 1 << 22


def split_reference(reference: str) -> tuple[str, str, str] | None:
    """Return registry, repository and tag or digest; None for a short name of no registry."""
    host, slash, rest = reference.partition("/")
    if not slash or not (set(".:") & set(host) or host == "localhost"):
        return None
    for mark in ("@", ":"):
        name, separator, tag = rest.rpartition(mark)
        if separator:
            return host, name, tag
    return host, rest, "latest"


def auth_files() -> list[Path]:
    """Return where buildah and Docker keep what somebody logged in with, the first that counts."""
    home = Path(os.environ.get("HOME", "/root"))
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/containers/{os.getuid()}")
    files = [runtime / "containers/auth.json", home / ".config/containers/auth.json"]
    files += [home / ".docker/config.json"]
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        files.insert(0, Path(named))
    return files


def login_for(host: str) -> str:
    """Return name and password for a registry, in base64; empty if nobody logged in."""
    for path in auth_files():
        if path.is_file():
            entries = json.loads(path.read_text()).get("auths") or {}
            for name in (host, f"https://{host}"):
                if login := (entries.get(name) or {}).get("auth"):
                    return str(login)
    return ""


def _fetch(url: str, authorization: str, context: ssl.SSLContext) -> bytes:
    headers = {"Accept": ", ".join(KINDS)}
    if authorization:
        headers["Authorization"] = authorization
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http and https only
    with urllib.request.urlopen(request, timeout=TIMEOUT, context=context) as answer:  # noqa: S310
        return bytes(answer.read(LARGEST_ANSWER))


def _token(challenge: str, login: str, context: ssl.SSLContext) -> str:
    """Return what a registry's 401 asks for: a token of its own, or name and password."""
    if not challenge.lower().startswith("bearer"):
        return f"Basic {login}" if login else ""
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = fields.pop("realm", "")
    if not realm.startswith(("https://", "http://")):
        return ""
    url = f"{realm}?{urlencode({k: v for k, v in fields.items() if k in ('service', 'scope')})}"
    answer = json.loads(_fetch(url, f"Basic {login}" if login else "", context))
    return f"Bearer {answer.get('token') or answer.get('access_token') or ''}"


def manifest_of(reference: str, *, verify: bool = True) -> dict[str, Any] | None:
    """Return an image's manifest as the registry holds it, or None."""
    parts = split_reference(reference)
    if parts is None:
        return None
    host, name, tag = parts
    context = ssl.create_default_context()
    schemes = ["https"]
    if not verify:  # As `buildah push --tls-verify=false`: any certificate, or none.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        schemes.append("http")
    for scheme in schemes:
        url = f"{scheme}://{host}/v2/{name}/manifests/{tag}"
        try:
            try:
                return dict(json.loads(_fetch(url, "", context)))
            except urllib.error.HTTPError as error:
                if error.code != 401:
                    return None
                challenge = error.headers.get("WWW-Authenticate", "")
            token = _token(challenge, login_for(host), context)
            return dict(json.loads(_fetch(url, token, context)))
        except (OSError, ValueError, http.client.HTTPException):
            continue
    return None


def holds(reference: str, image_ids: Container[str], *, verify: bool = True) -> bool:
    """Tell whether the registry's image is one of these: an ID is its configuration's hash."""
    manifest = manifest_of(reference, verify=verify) or {}
    digest = str((manifest.get("config") or {}).get("digest") or "")
    return digest.removeprefix("sha256:") in image_ids
