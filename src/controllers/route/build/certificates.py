"""The certificates that a Route brings: readable, with their key, for the Route's host alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

# What cryptography raises for a certificate that is one by its frame only.
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)
# A common name that a router may take for a host.
_LIKE_A_HOST = re.compile(r"[A-Za-z0-9*.-]+")


def tls_problem(tls: Mapping[str, Any], host: str) -> str | None:
    """What is wrong with the certificates and the key that a Route brings; None if nothing is."""
    leaf: x509.Certificate | None = None
    for name in ("certificate", "caCertificate", "destinationCACertificate"):
        if not tls.get(name):
            continue
        try:
            found = x509.load_pem_x509_certificates(tls[name].encode())
            versions = {one.version for one in found}
            for one in found:
                # Each part is read here, since the router reads each.
                one.extensions, one.subject, one.public_key()
        except _UNREADABLE as error:
            return f"spec.tls.{name}: is not a certificate in PEM that can be read ({error})"
        if versions != {x509.Version.v3}:
            return f"spec.tls.{name}: has a certificate that is not of X.509 version 3"
        if name == "certificate":
            leaf = found[0]
    if leaf is not None:
        other = _other_names(leaf, host)
        if other:
            return (
                f"spec.tls.certificate: is for {', '.join(other)}; a Route's certificate is for "
                f"its own host ({host}) only"
            )
    return _key_problem(tls, leaf)


def _other_names(certificate: x509.Certificate, host: str) -> list[str]:
    """The names besides the host for which the router would take the certificate."""
    names = {
        str(attribute.value)
        for attribute in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        if _LIKE_A_HOST.fullmatch(str(attribute.value))
    }
    try:
        alternative = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        alternative = x509.SubjectAlternativeName([])
    names |= {str(entry.value) for entry in alternative}
    return sorted(name for name in names if name.lower() != host)


def _key_problem(tls: Mapping[str, Any], leaf: x509.Certificate | None) -> str | None:
    if not tls.get("key"):
        return None
    if leaf is None:
        return "spec.tls.key: needs spec.tls.certificate beside it"
    try:
        key = serialization.load_pem_private_key(tls["key"].encode(), None)
    except _UNREADABLE:
        return "spec.tls.key: is not a private key in PEM"
    if leaf.public_key() != key.public_key():
        return "spec.tls.key: is not the key of spec.tls.certificate"
    return None
