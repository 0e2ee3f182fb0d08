"""The access file is refused with a sentence when it is not what the checks need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab_driver.access import REQUIRED, AccessError, read_access


def whole() -> dict[str, object]:
    values: dict[str, object] = {}
    for key in REQUIRED:
        *parents, last = key.split(".")
        target = values
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = f"value of {key}"
    return {**values, "namespace": "seat-1", "volumes": {"notebook": "20Gi"}}


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    access = read_access(write(tmp_path / "access.json", json.dumps(whole())))
    assert access.get("webapp.url") == "value of webapp.url"
    assert access.namespace == "seat-1"
    assert access.volumes == {"notebook": "20Gi"}
    with pytest.raises(AccessError, match=r"no webapp\.colour"):
        access.get("webapp.colour")


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match=r"run \./lab up"):
        read_access(tmp_path / "access.json")


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="chmod 600"):
        read_access(write(tmp_path / "access.json", json.dumps(whole()), 0o644))


def test_a_lacking_key_is_named(tmp_path: Path) -> None:
    values = whole()
    values["s3"] = {"url": "https://x"}
    with pytest.raises(AccessError, match=r"lacks s3\.secret"):
        read_access(write(tmp_path / "access.json", json.dumps(values)))


def test_broken_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="is not JSON"):
        read_access(write(tmp_path / "access.json", "{"))


def test_a_lab_with_an_authority_of_its_own_is_verified_by_it(tmp_path: Path) -> None:
    values = {**whole(), "ca_certificate": "/etc/lab-ca.pem"}
    access = read_access(write(tmp_path / "access.json", json.dumps(values)))
    assert access.certificate == Path("/etc/lab-ca.pem")
    assert access.verify == "/etc/lab-ca.pem"


@pytest.mark.parametrize("empty", [{}, {"ca_certificate": ""}])
def test_without_one_the_machines_own_authorities_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty: dict[str, str]
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    access = read_access(write(tmp_path / "access.json", json.dumps({**whole(), **empty})))
    assert access.certificate is None
    assert access.verify == str(bundle)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setattr("lab_driver.access.BUNDLES", (tmp_path / "none",))
    assert access.verify is True
