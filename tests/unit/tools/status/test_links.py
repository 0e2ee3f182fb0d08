"""The sign-in links: short, or left out with a sentence; never a ticket with a token in it."""

from __future__ import annotations

import base64
import ssl
import subprocess
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from lab_status import links
from lab_status.look import Kubectl

from .conftest import seat_items

LINK = "https://notebook.test/oauth/login?ticket=abc&rd=%2Flab"
TICKET = "https://127.0.0.1:1/oauth/login?ticket=sealed-token"


class FakeConnection:
    """A proxy that gives one answer."""

    asked: tuple[Any, ...] = ()
    said = b"/oauth/login?code=xyz\n"

    def __init__(self, host: str, **_options: Any) -> None:
        self.host = host

    def request(self, *words: Any, **more: Any) -> None:
        FakeConnection.asked = (self.host, *words, more["body"])

    def getresponse(self) -> FakeConnection:
        return self

    def read(self, _most: int) -> bytes:
        return self.said


@pytest.fixture
def kubectl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kubectl:
    """A cluster that answers every question with the same word."""
    word = base64.b64encode(b"k" * 32).decode()
    monkeypatch.setattr(Kubectl, "run", lambda *_words: word)
    return Kubectl("kubectl", tmp_path / "kubeconfig")


def tell(kubectl: Kubectl, tmp_path: Path) -> str:
    workbenches = links.running_workbenches(seat_items()[1])
    (line,) = links.link_lines(kubectl, workbenches, tmp_path / "ca.crt")
    return line


def test_ticket_is_left_with_the_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(links, "HTTPSConnection", FakeConnection)
    short = links.shorten(LINK, tmp_path / "ca.crt")
    assert short == "https://notebook.test/oauth/login?code=xyz"
    assert FakeConnection.asked == (
        "notebook.test", "POST", "/oauth/link", "ticket=abc&rd=%2Flab",
    )  # fmt: skip


@pytest.mark.parametrize("said", [b"no ticket of this workbench", b"<html>", b"\xff", b""])
def test_proxy_that_does_not_keep_it_gives_no_link(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: bytes
) -> None:
    monkeypatch.setattr(links, "HTTPSConnection", FakeConnection)
    monkeypatch.setattr(FakeConnection, "said", said)
    with pytest.raises(HTTPException):
        links.shorten(LINK, tmp_path / "ca.crt")


def test_link_that_cannot_be_shortened_is_left_out_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, kubectl: Kubectl, tmp_path: Path
) -> None:
    monkeypatch.setattr(links, "make_link", lambda *_words: TICKET)
    line = tell(kubectl, tmp_path)
    assert "ticket" not in line
    assert "no link now, the workbench's proxy does not answer" in line
    assert line.endswith("oc -n mnist create token learner")


def test_certificate_of_another_cluster_is_told(
    monkeypatch: pytest.MonkeyPatch, kubectl: Kubectl, tmp_path: Path
) -> None:
    def refuse(*_words: object) -> str:
        error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] (_ssl.c:992)")
        error.verify_message = "self-signed certificate"
        raise error

    monkeypatch.setattr(links, "make_link", refuse)
    line = tell(kubectl, tmp_path)
    assert "not of this lab (self-signed certificate)" in line
    assert "_ssl.c" not in line


def test_refusal_of_the_cluster_is_told(
    monkeypatch: pytest.MonkeyPatch, kubectl: Kubectl, tmp_path: Path
) -> None:
    def refuse(*_words: object) -> str:
        raise subprocess.CalledProcessError(1, "kubectl", stderr="error: you may not\n")

    monkeypatch.setattr(links, "make_link", refuse)
    assert "no link now, you may not; sign in with a token" in tell(kubectl, tmp_path)


def test_only_workbenches_that_run_have_links() -> None:
    workbenches = seat_items()[1]
    assert len(links.running_workbenches(workbenches)) == 1
    workbenches[1]["status"] = {}
    assert links.running_workbenches(workbenches) == []
