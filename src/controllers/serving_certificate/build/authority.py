"""The lab's certificate authority: name-constrained, and only for names inside the lab.

Whoever trusts it trusts it for the lab's hosts and the cluster's services and for nothing else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(days=365)
# A certificate is made anew when less than this part of its life is left.
_RENEW_AT = 1 / 3
_BACKDATE = timedelta(minutes=5)


@dataclass(frozen=True)
class KeyPair:
    """A certificate (chain) and its key, both PEM."""

    certificate: str
    key: str


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "MNIST lab"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
        ]
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    """An authority's key signs certificates and nothing else, a server's its handshakes."""
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def create_authority(domains: Iterable[str], now: datetime | None = None) -> KeyPair:
    """Make a certificate authority that may sign only for these domains and what is below them."""
    now = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("MNIST lab certificate authority")
    constraints = x509.NameConstraints(
        permitted_subtrees=[x509.DNSName(domain) for domain in sorted(set(domains))],
        excluded_subtrees=[
            x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")),
            x509.IPAddress(ipaddress.ip_network("::/0")),
        ],
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(constraints, critical=True)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(_pem(certificate), _key_pem(key))


def permits(authority: KeyPair, domain: str) -> bool:
    """Say whether an authority may sign for what is below a domain."""
    certificate = x509.load_pem_x509_certificate(authority.certificate.encode())
    try:
        found = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        return True
    permitted = [
        subtree.value
        for subtree in found.value.permitted_subtrees or []
        if isinstance(subtree, x509.DNSName)
    ]
    return not permitted or any(
        domain == parent or domain.endswith(f".{parent}") for parent in permitted
    )


def sign(
    authority: KeyPair,
    hosts: Iterable[str],
    *,
    lifetime: timedelta = LEAF_LIFETIME,
    now: datetime | None = None,
) -> KeyPair:
    """Sign a server certificate for these names; the chain ends with the authority's own."""
    now = now or datetime.now(UTC)
    names = list(dict.fromkeys(hosts))
    if not names:
        raise ValueError("a certificate needs at least one host name")
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    issuer_key = serialization.load_pem_private_key(authority.key.encode(), None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not an elliptic-curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(names[0]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(min(now + lifetime, issuer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host) for host in names]), critical=False
        )
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return KeyPair(_pem(certificate) + authority.certificate, _key_pem(key))


def needs_renewal(
    certificate: str,
    authority: KeyPair,
    hosts: Iterable[str],
    now: datetime | None = None,
) -> bool:
    """Say whether a certificate is unreadable, for other names, of another authority or ageing."""
    now = now or datetime.now(UTC)
    try:
        leaf = x509.load_pem_x509_certificate(certificate.encode())
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
        leaf.verify_directly_issued_by(issuer)
    except Exception:
        return True
    if set(names.value.get_values_for_type(x509.DNSName)) != set(hosts):
        return True
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    return now > leaf.not_valid_after_utc - life * _RENEW_AT
