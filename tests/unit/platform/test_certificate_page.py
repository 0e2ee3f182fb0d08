"""The page of the bare base domain: the lab's certificate, its fingerprint, two lines a system."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from controllers.route.build import claims
from controllers.serving_certificate.build.authority import KeyPair
from learner_login.certificate import BINARY, FILE, build_routes, steps

BASE, DASHBOARD = "apps.mnist-lab.localhost", "https://dashboard.apps.mnist-lab.localhost/"


@pytest.fixture
def file(tmp_path: Path, authority: KeyPair) -> Path:
    path = tmp_path / "service-ca.crt"
    path.write_text(authority.certificate)
    return path


def test_the_certificate_is_offered_with_its_fingerprint(file: Path, tmp_path: Path) -> None:
    routes = build_routes(BASE, DASHBOARD, file)
    status, kind, page = routes["/"]()
    assert (status, kind) == (200, "text/html; charset=utf-8")
    told = re.search(r'id="fingerprint">([0-9A-F:]{95})<', page.decode())
    assert told
    for path, form in ((FILE, "PEM"), (BINARY, "DER")):
        status, kind, body = routes[path]()
        assert (status, kind) == (200, "application/x-x509-ca-cert")
        (tmp_path / "given").write_bytes(body)
        words = ["openssl", "x509", "-inform", form, "-in", str(tmp_path / "given"), "-noout",
                 "-fingerprint", "-sha256"]  # fmt: skip
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        assert said.strip().rpartition("=")[2] == told[1]
    # The file for Windows hashes to the fingerprint itself, as certutil -hashfile tells it.
    said = subprocess.run(["sha256sum", tmp_path / "given"], capture_output=True, text=True)
    assert said.stdout.split()[0].upper() == told[1].replace(":", "")


def test_each_system_and_browser_has_its_two_lines(file: Path) -> None:
    page = build_routes(BASE, DASHBOARD, file)["/"]()[2].decode()
    for word in ("Debian", "Fedora", "macOS", "Windows", "Firefox", "Chrome"):
        assert re.search(rf"<h2>[^<]*{word}", page), word
    for first, second in steps(BASE).values():
        assert f"http://{BASE}/lab-ca.c" in first
        assert "lab-ca.c" in second
    assert page.count("<pre><code>") == len(steps(BASE))
    assert DASHBOARD in page
    assert "<script" not in page


def test_a_bundle_gives_its_first_certificate_and_a_changed_file_the_new_one(
    file: Path, authority: KeyPair
) -> None:
    routes = build_routes(BASE, DASHBOARD, file)
    before = routes[FILE]()[2]
    file.write_text(f"# a comment\n{authority.certificate}{authority.certificate}")
    assert routes[FILE]()[2] == before
    file.unlink()
    assert routes[FILE]()[0] == 404
    assert b"Nothing needs to be installed" in routes["/"]()[2]


def test_without_an_authority_of_its_own_the_lab_offers_none() -> None:
    routes = build_routes(BASE, DASHBOARD, None)
    assert routes[BINARY]()[0] == 404
    assert b"fingerprint" not in routes["/"]()[2]


def test_the_base_domain_itself_is_the_platforms() -> None:
    def route(namespace: str, created: str) -> dict:
        metadata = {"namespace": namespace, "name": "r", "creationTimestamp": created}
        return {"metadata": metadata, "spec": {"host": BASE, "to": {"name": "s"}}}

    routes = [
        route("mnist-2", "2026-01-01T00:00:00Z"),
        route("lab-platform", "2026-02-01T00:00:00Z"),
    ]
    found = claims.admit(routes, BASE, {"mnist-2", "lab-platform"}, platform={"lab-platform"})
    assert not found["mnist-2", "r"].admitted
    assert "platform's" in found["mnist-2", "r"].message
    assert found["lab-platform", "r"].admitted
