"""No secret passes the redactor, and what is no secret stays readable."""

from __future__ import annotations

import base64
import html
import pprint
import reprlib
from urllib.parse import quote

import pytest

from lab_driver.cluster import SecretValues
from lab_ground.redaction import MASK, Redactor

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


def test_a_value_is_masked_however_it_is_written() -> None:
    secret = 'a&b"c<d/e\\f'
    for written in (html.escape(secret), quote(secret, safe=""), repr(secret)):
        assert Redactor([secret])(f"key {written}!") in (f"key {MASK}!", f"key '{MASK}'!")


def test_each_line_of_a_long_value_is_masked() -> None:
    lines = ["MIIEvQIBADANBgkqhkiG9w0B", "AQEFAASCBKcwggSjAgEAAoIB"]
    text = Redactor(["\n".join(lines)])(f"E   {lines[0]}\nE   {lines[1]}")
    assert text == f"E   {MASK}\nE   {MASK}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"x={SECRET[:9]}...", f"x={MASK}..."),
        (f"...{SECRET[-9:]}' other", f"...{MASK}' other"),
        (f"{SECRET[:9]}...{SECRET[-7:]}", f"{MASK}...{MASK}"),
        (f"wait... {SECRET[-9:]} s3cr... and so on...", None),
    ],
)
def test_pieces_of_a_shortened_value_are_masked(text: str, expected: str | None) -> None:
    assert Redactor([SECRET])(text) == (expected or text)


def test_a_secrets_values_do_not_show_in_its_representation() -> None:
    values = SecretValues(AWS_SECRET_ACCESS_KEY=SECRET)
    assert values["AWS_SECRET_ACCESS_KEY"] == SECRET
    assert SECRET not in f"{values} {values!r} {reprlib.repr(values)} {pprint.pformat(values)}"


def test_ordinary_text_is_left_alone() -> None:
    text = "Pod mnist-1 is Pending: 0/1 nodes are available: 1 Insufficient cpu."
    assert Redactor([SECRET])(text) == text


def test_leaks_counts_what_is_left() -> None:
    redactor = Redactor([SECRET])
    assert redactor.leaks(f"a {SECRET}") == 1
    assert redactor.leaks(redactor(f"a {SECRET}")) == 0
