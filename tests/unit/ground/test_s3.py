"""What a store answers is told as it means it; what nobody knows is told in its own words."""

from __future__ import annotations

from typing import Any

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore import exceptions
from hypothesis import given
from hypothesis import strategies as st

from lab_ground.connections import DataConnection
from lab_ground.s3 import CODES, Bucket, Kind, StoreError, explain, open_client, told

ENDPOINT = "http://127.0.0.1:9"
CONNECTION = DataConnection(ENDPOINT, "rhods", "key", "secret")


def refusal(code: str, message: str = "") -> exceptions.ClientError:
    return exceptions.ClientError({"Error": {"Code": code, "Message": message}}, "GetObject")


@pytest.mark.parametrize(
    ("code", "key", "kind", "words"),
    [
        ("InvalidAccessKeyId", "k", Kind.KEY, "does not know the access key"),
        ("SignatureDoesNotMatch", "k", Kind.KEY, "refuses the signature"),
        ("AccessDenied", "k", Kind.RIGHT, "denies the key access"),
        ("403", "k", Kind.RIGHT, "does not say why"),
        ("NoSuchBucket", "k", Kind.BUCKET, "has no bucket rhods"),
        ("NoSuchKey", "a/k", Kind.OBJECT, "has no object a/k in bucket rhods"),
        ("404", "a/k", Kind.OBJECT, "has no object a/k in bucket rhods"),
        ("404", "", Kind.BUCKET, "has no bucket rhods"),
        ("SlowDown", "k", Kind.BUSY, "fewer requests"),
    ],
)
def test_known_codes(code: str, key: str, kind: Kind, words: str) -> None:
    error = explain(refusal(code), ENDPOINT, "rhods", key)
    assert error.kind is kind
    assert words in str(error)
    assert str(error).startswith(f"the object store at {ENDPOINT} ")
    assert error.code == code
    assert f"({code})" in str(error)


@given(
    st.text("ABCDEFabcdef0123456789", min_size=1, max_size=20).filter(lambda c: c not in CODES),
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=80),
)
def test_what_nobody_knows_is_told_in_its_own_words(code: str, message: str) -> None:
    error = explain(refusal(code, message), ENDPOINT, "rhods", "k")
    if code == "404":
        return
    assert error.kind is Kind.OTHER
    assert "in its own words: “" in str(error)
    assert not any(trouble in str(error) for _, trouble in CODES.values())


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (exceptions.EndpointConnectionError(endpoint_url="http://x"), Kind.ADDRESS, "not answer"),
        (exceptions.ConnectTimeoutError(endpoint_url="http://x"), Kind.ADDRESS, "not answer"),
        (exceptions.SSLError(endpoint_url="x", error="self-signed"), Kind.ADDRESS, "over TLS"),
        (exceptions.NoCredentialsError(), Kind.KEY, "there is no key"),
        (exceptions.ParamValidationError(report="bad"), Kind.OTHER, "own words: “Parameter"),
        (ValueError("Invalid header value b'key\\n'"), Kind.OTHER, "own words: “Invalid header"),
        (S3UploadFailedError("half sent"), Kind.OTHER, "own words: “half sent”"),
    ],
)
def test_what_the_client_itself_says(raised: Exception, kind: Kind, words: str) -> None:
    with pytest.raises(StoreError) as caught, told(ENDPOINT, "rhods"):
        raise raised
    assert caught.value.kind is kind
    assert words in str(caught.value)


def test_behind_an_upload_stands_the_stores_answer() -> None:
    upload = S3UploadFailedError("failed")
    upload.__context__ = refusal("InvalidAccessKeyId")
    assert "does not know the access key" in str(explain(upload, ENDPOINT))


def test_words_of_others_are_masked() -> None:
    text = "<StringToSign>AWS4-HMAC-SHA256 abc</StringToSign> \x1b]0;x\x07 password=hunter2222"
    said = str(explain(refusal("Odd", text), ENDPOINT))
    assert "abc" not in said
    assert "hunter2222" not in said
    assert "\x1b" not in said


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp:/x", "", "http://a b", "http://x\n"])
def test_an_endpoint_that_is_no_address(endpoint: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_client(DataConnection(endpoint, "rhods", "key", "secret"))
    assert caught.value.kind is Kind.ADDRESS


def test_every_client_speaks_to_stores_that_know_no_new_checksums() -> None:
    config = open_client(CONNECTION).meta.config
    assert config.request_checksum_calculation == "when_required"
    assert config.response_checksum_validation == "when_required"
    assert config.s3["addressing_style"] == "path"


def test_nothing_answers() -> None:
    bucket = Bucket(CONNECTION, connect_timeout=1, attempts=1)
    with pytest.raises(StoreError, match="does not answer"):
        bucket.check()
    with pytest.raises(StoreError):
        bucket.keys()


class Answers:
    """A client that answers with pages, and deletes what it is told."""

    def __init__(self, *pages: dict[str, Any]) -> None:
        self.pages = list(pages)
        self.deleted: list[int] = []
        self.asked: list[dict[str, Any]] = []

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        return self.pages[len(self.asked) - 1]

    def delete_objects(self, **request: Any) -> dict[str, Any]:
        keys = request["Delete"]["Objects"]
        self.deleted.append(len(keys))
        if keys[0]["Key"] == "kept":
            return {"Errors": [{"Key": "kept", "Code": "AccessDenied", "Message": "no"}]}
        return {}


def test_pages_are_followed_and_keys_deleted_a_thousand_a_call() -> None:
    bucket = Bucket(CONNECTION)
    bucket.client = Answers(
        {"Contents": [{"Key": "a", "Size": 1, "ETag": "x"}], "NextContinuationToken": "more"},
        {"Contents": [{"Key": "b", "Size": 2}]},
    )
    assert bucket.keys("p/") == ["a", "b"]
    assert bucket.client.asked[1]["ContinuationToken"] == "more"
    bucket.delete([str(number) for number in range(2001)])
    assert bucket.client.deleted == [1000, 1000, 1]
    with pytest.raises(StoreError, match="denies the key access"):
        bucket.delete(["kept"])
