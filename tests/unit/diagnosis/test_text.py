"""Short, on one line, without secrets."""

from __future__ import annotations

import pytest

from lab_diagnosis import last_log_line, scrub
from lab_diagnosis.text import one_line


@pytest.mark.parametrize(
    "secret",
    [
        "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENG",
        '"secretkey": "wJalrXUtnFEMIK7MDENG"',
        "password: wJalrXUtnFEMIK7MDENG",
        "Authorization: Bearer wJalrXUtnFEMIK7MDENG",
        "mysql://root:wJalrXUtnFEMIK7MDENG@mariadb/db",
        "GET /x?X-Amz-Signature=wJalrXUtnFEMIK7MDENG&y=1",
        "Cookie: session=wJalrXUtnFEMIK7MDENG",
        "<AWSAccessKeyId>wJalrXUtnFEMIK7MDENG</AWSAccessKeyId>",
        "-----BEGIN RSA PRIVATE KEY-----\nwJalrXUtnFEMIK7MDENG\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_credentials_are_masked(secret: str) -> None:
    masked = scrub(f"before {secret} after")
    assert "wJalrXUtnFEMIK7MDENG" not in masked
    assert masked.startswith("before ")


@pytest.mark.parametrize(
    "harmless",
    ["the token was refused", "Secret aws-connection-s3-creds not found", "no such key", "token: "],
)
def test_words_stay(harmless: str) -> None:
    assert scrub(harmless) == harmless


def test_long_texts_are_cut_and_flattened() -> None:
    assert one_line("a\n  b\tc. ") == "a b c"
    assert len(one_line("x" * 1000)) == 300


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("", ""),
        ("\n \n", ""),
        ("one\ntwo\n", "two"),
        ("\x1b[31mERROR\x1b[0m disk full\nbye\n", "ERROR disk full"),
        (
            "Traceback (most recent call last):\n  File \"x\", line 1\nKeyError: 'a'\n",
            "KeyError: 'a'",
        ),
        ("2026-03-02 09:00:00,123 started\n", "started"),
    ],
)
def test_the_line_that_says_most(log: str, line: str) -> None:
    assert last_log_line(log) == line
