"""The links that the status prints: short where the workbench's proxy keeps the ticket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab_tools import status

LINK = "https://notebook.test/oauth/login?ticket=abc&rd=%2Flab"


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


def test_ticket_is_left_with_the_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(status, "HTTPSConnection", FakeConnection)
    short = status.shorten(LINK, tmp_path / "ca.crt")
    assert short == "https://notebook.test/oauth/login?code=xyz"
    assert FakeConnection.asked == (
        "notebook.test", "POST", "/oauth/link", "ticket=abc&rd=%2Flab",
    )  # fmt: skip


@pytest.mark.parametrize("said", [b"no ticket of this workbench", b"<html>", b"\xff"])
def test_link_stays_long_where_the_proxy_does_not_keep_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: bytes
) -> None:
    monkeypatch.setattr(status, "HTTPSConnection", FakeConnection)
    monkeypatch.setattr(FakeConnection, "said", said)
    assert status.shorten(LINK, tmp_path / "ca.crt") == LINK


def test_link_stays_long_where_nothing_answers(tmp_path: Path) -> None:
    link = LINK.replace("notebook.test", "127.0.0.1:1")
    assert status.shorten(link, tmp_path / "ca.crt") == link
