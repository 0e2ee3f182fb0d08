"""A certificate from elsewhere: used where browsers would take it, refused in words where not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab_playbook.outcome import TaskError
from lab_playbook.own_certificate import check

BASE = "apps.example.com"
TODAY = datetime.now(UTC)
PEM = serialization.Encoding.PEM


class Signer:
    """An authority, or one below it."""

    def __init__(self, name: str, above: Signer | None = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (above or self).sign(self.name, self.key.public_key(), authority=True)

    def sign(self, name, key, *, authority=False, names=(), days=30, begun=1) -> x509.Certificate:
        begins, ends = TODAY - timedelta(days=begun), TODAY + timedelta(days=days)
        number = x509.random_serial_number()
        builder = x509.CertificateBuilder(self.name, name, key, number, begins, ends).add_extension(
            x509.BasicConstraints(ca=authority, path_length=None), critical=True
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False
            ).add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
            )
        return builder.sign(self.key, hashes.SHA256())


ROOT = Signer("A root")
BETWEEN = Signer("Between", ROOT)
STRANGER = Signer("A stranger")


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(PEM) for one in certificates)


def written(key: ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    how = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, how)


class Files:
    """What is given, right unless a test makes it otherwise."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.write(self.leaf(), BETWEEN.certificate)
        (directory / "key.pem").write_bytes(written(self.key))
        (directory / "trusted.crt").write_bytes(pem(STRANGER.certificate, ROOT.certificate))

    def leaf(self, names=(f"*.{BASE}", BASE), by: Signer = BETWEEN, **more) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The lab")])
        return by.sign(name, self.key.public_key(), names=names, **more)

    def write(self, *chain: x509.Certificate) -> None:
        (self.directory / "chain.pem").write_bytes(pem(*chain))

    def check(self, **other: str):
        arguments = {
            "certificate": str(self.directory / "chain.pem"),
            "key": str(self.directory / "key.pem"),
            "base_domain": BASE,
            "authorities": str(self.directory / "trusted.crt"),
        }
        return check(arguments | other, False)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_wildcard_with_its_chain_is_taken(files: Files) -> None:
    told = files.check()
    assert told["authority"].encode() == pem(ROOT.certificate)
    assert len(told["revision"]) == 16
    assert told["ends"] == (TODAY + timedelta(days=30)).date().isoformat()
    files.write(files.leaf(), BETWEEN.certificate, ROOT.certificate)
    again = files.check()
    assert again["authority"] == told["authority"], "the root may be in the file, too"
    assert again["revision"] != told["revision"]


def test_none_is_given(files: Files) -> None:
    assert files.check(certificate="", key="")["revision"] == ""


@pytest.mark.parametrize("missing", ["certificate", "key"])
def test_one_without_the_other_is_refused(files: Files, missing: str) -> None:
    with pytest.raises(TaskError, match="belong together"):
        files.check(**{missing: ""})


@pytest.mark.parametrize("names", [
    (BASE,), (f"dashboard.{BASE}",), ("*.example.com",), (f"*.x.{BASE}",), ("*.other.org",), (),
])  # fmt: skip
def test_other_names_are_refused_with_what_is_needed(files: Files, names: tuple[str, ...]) -> None:
    files.write(files.leaf(names), BETWEEN.certificate)
    with pytest.raises(TaskError, match=rf"must name \*\.{BASE}"):
        files.check()


@pytest.mark.parametrize("times", [{"days": -1, "begun": 30}, {"begun": -2}])
def test_one_that_is_over_or_not_begun_is_refused(files: Files, times: dict[str, int]) -> None:
    files.write(files.leaf(**times), BETWEEN.certificate)
    with pytest.raises(TaskError, match="is good from"):
        files.check()


def test_a_key_of_another_is_refused(files: Files) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    (files.directory / "key.pem").write_bytes(written(other))
    with pytest.raises(TaskError, match="is not the key of"):
        files.check()


def test_a_key_with_a_password_or_of_no_kind_is_refused(files: Files) -> None:
    for content in (written(files.key, b"secret"), b"nonsense"):
        (files.directory / "key.pem").write_bytes(content)
        with pytest.raises(TaskError, match="without a password") as told:
            files.check()
        assert "nonsense" not in str(told.value)
    with pytest.raises(TaskError, match="cannot be read"):
        files.check(key="/nowhere")


def test_a_chain_with_a_hole_or_to_a_stranger_is_refused(files: Files) -> None:
    files.write(files.leaf())
    with pytest.raises(TaskError, match="CN=Between"):
        files.check()
    unknown = Signer("Nobody's")
    files.write(files.leaf(by=unknown), unknown.certificate)
    with pytest.raises(TaskError, match="does not know"):
        files.check()


def test_a_chain_in_the_wrong_order_is_refused(files: Files) -> None:
    files.write(BETWEEN.certificate, files.leaf())
    with pytest.raises(TaskError, match="the first certificate of the file"):
        files.check()


def test_a_chain_that_only_looks_right_is_refused_as_browsers_do(files: Files) -> None:
    """Its last certificate is the root's own, and the one between is missing."""
    files.write(files.leaf(), ROOT.certificate)
    with pytest.raises(TaskError, match="browsers would refuse"):
        files.check()


def test_files_that_hold_something_else_are_refused(files: Files) -> None:
    (files.directory / "chain.pem").write_text("nonsense")
    with pytest.raises(TaskError, match="no certificate in PEM"):
        files.check()
    with pytest.raises(TaskError, match="cannot be read"):
        files.check(certificate="/nowhere")
