"""Who holds which host: what Routes are admitted, what is refused and why, and their status."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from lab_ground.kubernetes.conditions import set_condition
from lab_ground.kubernetes.manifest import Manifest

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
    """Return the host a Route asks for, or the one generated from its name."""
    spec = route["spec"]
    if spec.get("host"):
        return str(spec["host"]).lower()
    namespace, name = key_of(route)
    if spec.get("subdomain"):
        return f"{spec['subdomain']}.{base_domain}".lower()
    return f"{name}-{namespace}.{base_domain}".lower()


def _problem(route: Mapping[str, Any], host: str) -> str | None:
    """Return what is wrong with a Route that the schema cannot tell."""
    spec = route["spec"]
    path = spec.get("path") or ""
    if path and not _PATH.fullmatch(path):
        return f"spec.path: {path!r} has characters that a path cannot have; write them as %XX"
    if len(host) > 253 or not _HOST.fullmatch(host):
        field = next((f"spec.{one}" for one in ("host", "subdomain") if spec.get(one)), None)
        return (
            f"{field or 'metadata.name'}: {host!r} is not a host name: "
            "a label is 1 to 63 letters, digits and hyphens"
        )
    return _tls_problem(spec.get("tls") or {})


def _tls_problem(tls: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the certificates and the key that a Route brings."""
    for name in ("certificate", "caCertificate", "destinationCACertificate"):
        if tls.get(name):
            try:
                x509.load_pem_x509_certificates(tls[name].encode())
            except ValueError:
                return f"spec.tls.{name}: is not a certificate in PEM"
    if not tls.get("key"):
        return None
    if not tls.get("certificate"):
        return "spec.tls.key: needs spec.tls.certificate beside it"
    try:
        key = serialization.load_pem_private_key(tls["key"].encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "spec.tls.key: is not a private key in PEM"
    try:
        public = x509.load_pem_x509_certificate(tls["certificate"].encode()).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "spec.tls.certificate: has a public key that cannot be read"
    if public != key.public_key():
        return "spec.tls.key: is not the key of spec.tls.certificate"
    return None


def _was_admitted(route: Mapping[str, Any], host: str) -> bool:
    """Say whether the Route's status says that it has this host."""
    return any(
        entry.get("host") == host
        and condition.get("type") == "Admitted"
        and condition.get("status") == "True"
        for entry in (route.get("status") or {}).get("ingress") or []
        for condition in entry.get("conditions") or []
    )


def admit(routes: Iterable[Mapping[str, Any]], base_domain: str) -> dict[Key, Admission]:
    """Decide for every Route; the oldest of a host has it, and shares it in its own namespace.

    Times are in whole seconds, so a newcomer can look as old as the holder: the one whose status
    says that it was admitted keeps the host.
    """
    owners: dict[str, str] = {}
    paths: dict[tuple[str, str], str] = {}
    result: dict[Key, Admission] = {}

    def age(route: Mapping[str, Any]) -> tuple[str, bool, str]:
        metadata = route["metadata"]
        newcomer = not _was_admitted(route, wanted_host(route, base_domain))
        return metadata.get("creationTimestamp") or "", newcomer, metadata.get("uid") or ""

    for route in sorted(routes, key=age):
        namespace, name = key_of(route)
        host = wanted_host(route, base_domain)
        problem = _problem(route, host)
        if problem:
            result[namespace, name] = Admission(host, False, "ExtendedValidationFailed", problem)
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


def build_status(
    route: Mapping[str, Any], admission: Admission, router_name: str, base_domain: str
) -> Manifest:
    """Build a Route's status; what other routers wrote there stays."""
    ingress = list((route.get("status") or {}).get("ingress") or [])
    ours: Mapping[str, Any] = next(
        (entry for entry in ingress if entry.get("routerName") == router_name), {}
    )
    conditions = set_condition(
        ours.get("conditions"),
        "Admitted",
        admission.admitted,
        admission.reason or "Admitted",
        admission.message,
    )
    entry = {
        "host": admission.host,
        "routerName": router_name,
        "routerCanonicalHostname": f"router-{router_name}.{base_domain}",
        "wildcardPolicy": "None",
        "conditions": conditions,
    }
    others = [other for other in ingress if other.get("routerName") != router_name]
    return {"ingress": [entry, *others]}
