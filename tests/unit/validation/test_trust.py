"""Browser and kernel trust the lab's authority where there is one, else what the machine trusts."""

from __future__ import annotations

import ssl
from pathlib import Path
from unittest import mock

import pytest

from lab_driver import browser
from lab_driver.kernel import tls_options


@pytest.mark.parametrize("certificate", [Path("/etc/lab-ca.pem"), None])
def test_the_browser_gets_an_authority_only_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificate: Path | None
) -> None:
    trust = mock.MagicMock()
    monkeypatch.setattr(browser, "trust", trust)
    monkeypatch.setattr(browser.webdriver, "Chrome", mock.MagicMock())
    monkeypatch.setattr(browser.shutil, "which", lambda program: f"/usr/bin/{program}")
    browser.start(tmp_path, certificate)
    assert trust.call_args_list == ([mock.call(tmp_path, certificate)] if certificate else [])


def test_the_kernels_socket_is_always_verified() -> None:
    assert tls_options(True) == {"cert_reqs": ssl.CERT_REQUIRED}
    assert tls_options("/ca.pem") == {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": "/ca.pem"}
