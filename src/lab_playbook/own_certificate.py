"""The task ``lab_own_certificate``: whether a certificate from elsewhere can serve the lab's hosts.

It is tried as browsers will: a handshake, in memory, of a server that has it with a client that
trusts what this machine trusts.
"""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from lab_playbook.outcome import Arguments, Result, TaskError

PROBE = "any-page"
BOTH = (
    "lab_certificate and lab_certificate_key belong together: a file with the certificate and the "
    "chain to its authority, and one with its key"
)


def check(arguments: Arguments, check_mode: bool) -> Result:  # noqa: ARG001 - nothing is changed
    """Look at certificate, key and chain.

    Returns:
        ``revision`` (empty where no certificate is given), ``authority`` (PEM) and ``ends``.

    Raises:
        TaskError: it cannot be used; says why, with what was found and what is needed.
    """
    certificate, key = arguments["certificate"], arguments["key"]
    if bool(certificate) != bool(key):
        raise TaskError(f"{BOTH}; only {'the key' if key else 'the certificate'} is given")
    if not certificate:
        return {"changed": False, "revision": "", "authority": "", "ends": ""}
    chain = _read_chain(Path(certificate))
    _check_names(chain[0], arguments["base_domain"], certificate)
    _check_times(chain[0], certificate)
    authority = _authority_of(chain, Path(arguments["authorities"]), certificate)
    _shake_hands(Path(certificate), Path(key), authority, arguments["base_domain"])
    content = Path(certificate).read_bytes() + Path(key).read_bytes()
    return {
        "changed": False,
        "revision": hashlib.sha256(content).hexdigest()[:16],
        "authority": authority,
        "ends": chain[0].not_valid_after_utc.date().isoformat(),
    }


def _read_chain(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise TaskError(f"lab_certificate {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise TaskError(f"lab_certificate {path} holds no certificate in PEM: {error}") from error


def _check_names(leaf: x509.Certificate, base: str, path: str) -> None:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = names.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        found = []
    if f"*.{base}".lower() not in [name.lower() for name in found]:
        raise TaskError(
            f"lab_certificate {path} is for {', '.join(found) or 'no name'}, and all hosts of the "
            f"lab are right below the base domain: it must name *.{base} (LAB_BASE_DOMAIN); the "
            "first certificate of the file is the one that is looked at"
        )


def _check_times(leaf: x509.Certificate, path: str) -> None:
    now = datetime.now(UTC)
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if not begins <= now < ends:
        raise TaskError(
            f"lab_certificate {path} is good from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} "
            f"UTC, and it is {now:%Y-%m-%d %H:%M}: give a newer one"
        )


def _authority_of(chain: list[x509.Certificate], bundle: Path, path: str) -> str:
    """Return the certificate (PEM) of the authority, among those that this machine trusts."""
    trusted = _read_trusted(bundle)
    for last in reversed(chain):
        for one in trusted:
            if one == last or _signed(last, one):
                return one.public_bytes(Encoding.PEM).decode()
    issuer = chain[-1].issuer.rfc4514_string()
    raise TaskError(
        f"the chain in lab_certificate {path} ends at an authority that this machine does not "
        f"know: {issuer}. Add what lies between to the file, or make the machine trust the "
        "authority (/usr/local/share/ca-certificates and update-ca-certificates): pods trust what "
        "it trusts"
    )


def _read_trusted(bundle: Path) -> list[x509.Certificate]:
    end = b"-----END CERTIFICATE-----"
    found = []
    for part in bundle.read_bytes().split(end)[:-1]:
        text = part[part.index(b"-----BEGIN") :] + end
        try:
            found.append(x509.load_pem_x509_certificate(text))
        except ValueError:
            # An old authority's that is written in a way that is not allowed any more.
            continue
    return found


def _signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    if certificate.issuer != authority.subject:
        return False
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _shake_hands(certificate: Path, key: Path, authority: str, base: str) -> None:
    """Let a client that trusts the authority meet a server with the certificate."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        server.load_cert_chain(certificate, key, password=_no_password)
    except OSError as error:
        # An SSLError is one, too.
        raise TaskError(
            f"lab_certificate_key {key} is not the key of lab_certificate {certificate}, or cannot "
            f"be read ({getattr(error, 'reason', None) or error.strerror or error}): it must be "
            "in PEM, without a password, of the first certificate of the file"
        ) from error
    client = ssl.create_default_context(cadata=authority)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=f"{PROBE}.{base}")
    far = server.wrap_bio(to_server, to_client, server_side=True)
    open_ends = [near, far]
    for _ in range(10):
        for side in tuple(open_ends):
            try:
                side.do_handshake()
                open_ends.remove(side)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                raise TaskError(
                    f"browsers would refuse lab_certificate {certificate} for {PROBE}.{base}: "
                    f"{error.verify_message}; the file has the certificate first, then each one "
                    "that signed the one before"
                ) from error
        if not open_ends:
            return
    raise TaskError(f"lab_certificate {certificate} could not be tried: no handshake came about")


def _no_password() -> str:
    raise OSError("the key has a password")
