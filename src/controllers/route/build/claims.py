"""Who holds which host: what Routes are admitted, what is refused and why; pure."""

from __future__ import annotations

import re
import socket
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from controllers.route.build.certificates import tls_problem

Key = tuple[str, str]

HOST_GENERATED = "openshift.io/host.generated"
# Host and path become part of a rule's text: only what can be nothing else is let through.
_LABEL = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_PATH = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*", re.ASCII)


@dataclass(frozen=True)
class Admission:
    """Whether the router serves a Route, under which host, and why not."""

    host: str
    admitted: bool
    reason: str = ""
    message: str = ""


def key_of(manifest: Mapping[str, Any]) -> Key:
    """Return an object's namespace and name."""
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]


def wanted_host(route: Mapping[str, Any], base_domain: str) -> str:
    """Return the host a Route asks for, or the one generated from its name.

    One that was generated below another base domain moves with it.
    """
    spec = route["spec"]
    namespace, name = key_of(route)
    label = str(spec.get("subdomain") or f"{name}-{namespace}").lower()
    host = str(spec.get("host") or "").lower()
    if host and not (_is_generated(route) and host.startswith(f"{label}.")):
        return host
    return f"{label}.{base_domain}".lower()


def _is_generated(route: Mapping[str, Any]) -> bool:
    annotations = route["metadata"].get("annotations") or {}
    return annotations.get(HOST_GENERATED) == "true"


def _problem(route: Mapping[str, Any], host: str) -> str | None:
    """Return what is wrong with a Route that the schema cannot tell."""
    spec = route["spec"]
    path = spec.get("path") or ""
    if path and not _PATH.fullmatch(path):
        return f"spec.path: {path!r} has characters that a path cannot have; write them as %XX"
    if len(host) > 253 or not _HOST.fullmatch(host):
        return (
            f"{_field_of_host(spec)}: {host!r} is not a host name: "
            "a label is 1 to 63 letters, digits and hyphens"
        )
    if _is_address(host):
        return f"{_field_of_host(spec)}: {host!r} is an address, and a host is a name"
    return tls_problem(spec.get("tls") or {}, host)


def _field_of_host(spec: Mapping[str, Any]) -> str:
    """The field that a Route's host comes from."""
    named = (f"spec.{one}" for one in ("host", "subdomain") if spec.get(one))
    return next(named, "metadata.name")


def _is_address(host: str) -> bool:
    """Whether it is an address, however written: who names no host is served by address."""
    try:
        socket.inet_aton(host)
    except (OSError, UnicodeError):
        return False
    return True


def _was_admitted(route: Mapping[str, Any], host: str) -> bool:
    """Say whether the Route's status says that it has this host."""
    return any(
        entry.get("host") == host
        and condition.get("type") == "Admitted"
        and condition.get("status") == "True"
        for entry in (route.get("status") or {}).get("ingress") or []
        for condition in entry.get("conditions") or []
    )


def owner_of(host: str, base_domain: str, namespaces: Container[str]) -> str | None:
    """The namespace that a name below the base domain belongs to: the one that it ends in.

    ``notebook-mnist-2`` is ``mnist-2``'s, not ``2``'s: of several, the longest. None where the name
    ends in no namespace that there is.
    """
    if not host.endswith(f".{base_domain}"):
        return None
    parts = host.removesuffix(f".{base_domain}").rpartition(".")[2].split("-")
    endings = ("-".join(parts[start:]) for start in range(len(parts)))
    return next((ending for ending in endings if ending in namespaces), None)


def admit(
    routes: Iterable[Mapping[str, Any]],
    base_domain: str,
    namespaces: Container[str] = (),
    refused: Mapping[Key, str] | None = None,
    platform: Container[str] = (),
) -> dict[Key, Admission]:
    """Decide for every Route; the oldest of a host has it, and shares it in its own namespace.

    The platform's come first, however old: the dashboard's host is not anybody's who asks for it
    while it is made anew. The base domain itself is nobody's else.

    Times are in whole seconds, so a newcomer can look as old as the holder: the one whose status
    says that it was admitted keeps the host.

    Args:
        routes: every Route of the cluster.
        base_domain: below which a name belongs to the namespace that it ends in.
        namespaces: the namespaces that there are.
        refused: Routes that cannot be used for another reason, with the reason.
        platform: the platform's own namespaces.
    """
    owners: dict[str, str] = {}
    paths: dict[tuple[str, str], str] = {}
    result: dict[Key, Admission] = {}

    def age(route: Mapping[str, Any]) -> tuple[bool, str, bool, str]:
        metadata = route["metadata"]
        strange = metadata["namespace"] not in platform
        newcomer = not _was_admitted(route, wanted_host(route, base_domain))
        created, uid = metadata.get("creationTimestamp") or "", metadata.get("uid") or ""
        return strange, created, newcomer, uid

    for route in sorted(routes, key=age):
        namespace, name = key_of(route)
        host = wanted_host(route, base_domain)
        problem = _problem(route, host) or (refused or {}).get((namespace, name))
        if problem:
            result[namespace, name] = Admission(host, False, "ExtendedValidationFailed", problem)
            continue
        if host == base_domain and namespace not in platform:
            message = f"{host} is the platform's, and a Route has a name below it"
            result[namespace, name] = Admission(host, False, "HostAlreadyClaimed", message)
            continue
        belongs = owner_of(host, base_domain, namespaces)
        if belongs not in (None, namespace):
            message = f"{host} ends in the name of namespace {belongs}, and belongs to it"
            result[namespace, name] = Admission(host, False, "HostAlreadyClaimed", message)
            continue
        owner = owners.setdefault(host, namespace)
        path = route["spec"].get("path") or "/"
        holder = paths.get((host, path))
        if owner != namespace:
            message = f"a route in another namespace holds host {host}"
            result[namespace, name] = Admission(host, False, "HostAlreadyClaimed", message)
        elif holder is not None:
            message = f"route {holder} already exposes {host}{'' if path == '/' else path}"
            result[namespace, name] = Admission(host, False, "HostAlreadyClaimed", message)
        else:
            paths[host, path] = name
            result[namespace, name] = Admission(host, True)
    return result
