"""No secret passes the redactor, and what is no secret stays readable."""

from __future__ import annotations

import base64

import pytest

from lab_validation.redaction import MASK, Redactor

SECRET = "s3cr3t-value-1234"


def test_known_values_are_masked_in_plain_and_base64() -> None:
    encoded = base64.b64encode(SECRET.encode()).decode()
    text = Redactor([SECRET])(f"key {SECRET} and {encoded}")
    assert text == f"key {MASK} and {MASK}"


def test_short_values_are_words_and_stay() -> None:
    assert Redactor(["rhods"])("bucket rhods") == "bucket rhods"


def test_a_value_inside_a_longer_one_does_not_leave_its_rest() -> None:
    text = Redactor([SECRET, SECRET + "-and-more"])(f"x {SECRET}-and-more y")
    assert text == f"x {MASK} y"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef0123456789",
        "token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4eXoifQ.c2lnbmF0dXJlLXRleHQ",
        "AWS_SECRET_ACCESS_KEY=abcd1234efgh",
        '{"secretKey": "abcd1234efgh"}',
        "password: hunter2222",
        "Cookie: session=abcd1234efgh; other=1",
        "GET /x?X-Amz-Signature=abcd1234efgh&a=b",
        "-----BEGIN RSA PRIVATE KEY-----\nabcd1234efgh\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_credential_is_masked(text: str) -> None:
    masked = Redactor()(text)
    assert MASK in masked
    for piece in ("abcdef0123456789", "abcd1234efgh", "hunter2222", "c2lnbmF0dXJlLXRleHQ"):
        assert piece not in masked


def test_ordinary_text_is_left_alone() -> None:
    text = "Pod mnist-1 is Pending: 0/1 nodes are available: 1 Insufficient cpu."
    assert Redactor([SECRET])(text) == text


def test_leaks_counts_what_is_left() -> None:
    redactor = Redactor([SECRET])
    assert redactor.leaks(f"a {SECRET}") == 1
    assert redactor.leaks(redactor(f"a {SECRET}")) == 0
