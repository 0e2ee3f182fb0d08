"""Data connections: what surrounds a value goes, what is wrong with it is told by its field."""

from __future__ import annotations

import base64
import string
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lab_ground.connections import (
    ACCESS_KEY,
    BUCKET,
    ENDPOINT,
    FIELDS,
    REGION,
    SECRET_KEY,
    DataConnection,
    DataConnectionError,
    decode_secret,
    fault_of_key,
    is_connection,
    read_connection,
    read_secret,
    secret_texts,
)
from lab_ground.s3 import open_client

VALUES = {
    ENDPOINT: "http://minio-ds-pipeline.mnist.svc.cluster.local:9000",
    BUCKET: "rhods",
    ACCESS_KEY: "AKLAB/1",
    SECRET_KEY: "wJalrXUtnFEMI/K7MDENG+bPxRfiCY=",
    REGION: "eu-west-1",
}
GOOD = DataConnection(*(VALUES[key] for key in FIELDS))
AROUND = st.text(" \t\r\n\v\f\u00a0\u2003\ufeff\u200b\x00", max_size=6)
LABEL = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
HOSTS = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
ENDPOINTS = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https", "HTTP"]),
    HOSTS | st.just("[fd00::1]") | st.just("10.0.0.1"),
    st.just("") | st.integers(1, 65535).map(":{}".format),
    st.sampled_from(["", "/", "/store", "/a/b/"]),
)
KEYS = st.text(string.ascii_letters + string.digits + "/+=-_.~!", min_size=1, max_size=60)
BUCKETS = st.text(string.ascii_letters + string.digits + ".-_", min_size=1, max_size=63)
REGIONS = st.builds("{}-{}-{}".format, LABEL, LABEL, st.integers(1, 9))
CONNECTIONS = st.fixed_dictionaries(
    {ENDPOINT: ENDPOINTS, BUCKET: BUCKETS, ACCESS_KEY: KEYS, SECRET_KEY: KEYS, REGION: REGIONS}
)


def secret(values: dict[str, str], name: str = "aws-connection-s3-creds") -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"metadata": {"name": name}, "data": data}


@given(CONNECTIONS, st.fixed_dictionaries({key: st.tuples(AROUND, AROUND) for key in FIELDS}))
def test_what_surrounds_a_value_makes_no_difference(
    values: dict[str, str], around: dict[str, tuple[str, str]]
) -> None:
    plain = read_connection(values)
    surrounded = {k: around[k][0] + values[k] + around[k][1] for k in FIELDS}
    assert read_secret(secret(surrounded)) == plain
    assert plain.endpoint == values[ENDPOINT].rstrip("/")
    assert (plain.bucket, plain.region) == (values[BUCKET], values[REGION])
    assert (plain.access_key_id, plain.secret_access_key) == (
        values[ACCESS_KEY], values[SECRET_KEY],
    )  # fmt: skip


@given(
    st.fixed_dictionaries(
        {key: st.text(max_size=40) | st.just(value) for key, value in VALUES.items()}
    )
)
@example({**VALUES, ENDPOINT: "http://[::1"})
@example({**VALUES, ENDPOINT: "http://host:99999"})
@example({**VALUES, SECRET_KEY: "two\nlines"})
def test_any_text_is_read_or_told_by_its_field(values: dict[str, str]) -> None:
    outcome = outcome_of(values)
    if isinstance(outcome, DataConnection):
        # What was read is read again as itself.
        assert read_connection(dict(zip(FIELDS, fields_of(outcome), strict=True))) == outcome
        return
    assert outcome.faults
    assert set(outcome.faults) <= set(FIELDS)
    assert str(outcome).startswith("data connection 'mine': ")
    assert "\n" not in str(outcome)
    for key in (ACCESS_KEY, SECRET_KEY):
        assert outcome.faults.get(key, "is empty") in ("is empty", fault_of_key(" "))


def outcome_of(values: dict[str, str]) -> DataConnection | DataConnectionError:
    try:
        return read_connection(values, name="mine")
    except DataConnectionError as error:
        return error


# A client takes a tenth of a second to make.
@settings(max_examples=10, deadline=None)
@given(CONNECTIONS)
def test_of_what_is_read_a_client_is_made(values: dict[str, str]) -> None:
    connection = read_connection(values)
    assert open_client(connection).meta.region_name == values[REGION]


def fields_of(found: DataConnection) -> tuple[str, ...]:
    return (
        found.endpoint, found.bucket, found.access_key_id, found.secret_access_key, found.region,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        (ENDPOINT, None, "is not set"),
        (ENDPOINT, "", "is empty"),
        (ENDPOINT, " \n", "is empty"),
        (ENDPOINT, "minio:9000", "'minio:9000', which does not begin with http:// or https://"),
        (ENDPOINT, "s3://rhods", "does not begin with http"),
        (ENDPOINT, "http://mi nio", "a space or a line end within it"),
        (ENDPOINT, "http://minio:port", "is no address"),
        (ENDPOINT, "http://", "is no name of a host"),
        (ENDPOINT, "http://-minio", "is no name of a host"),
        (ENDPOINT, "http://me:hunter22@minio", "has a user or a password in it"),
        (ENDPOINT, "http://minio?x=1", "more than a path"),
        (ENDPOINT, "me:hunter22@minio:9000", "has a user or a password in it"),
        (ENDPOINT, "https://me:hunter22@mi nio", "has a user or a password in it"),
        (ENDPOINT, "https://me:hunter22@[::1", "has a user or a password in it"),
        (ENDPOINT, "s3://me:hunter22@minio:99999", "has a user or a password in it"),
        (BUCKET, None, "is not set"),
        (BUCKET, "s3://rhods", "the bucket's name alone belongs there"),
        (BUCKET, "rhods/data", "the bucket's name alone belongs there"),
        (BUCKET, "my bucket", "a name of letters"),
        (REGION, "eu west", "a name of letters, digits and hyphens"),
        (REGION, "1", "a name of letters, digits and hyphens"),
        (ACCESS_KEY, "two words", "has a space"),
        (SECRET_KEY, "two\nlines", "has a space, a line end"),
        (SECRET_KEY, None, "is not set"),
    ],
)
def test_each_fault_names_its_field(key: str, value: str | None, fault: str) -> None:
    values: dict[str, str | None] = {**VALUES, key: value}
    with pytest.raises(DataConnectionError) as caught:
        read_connection(values, name="mine")
    assert list(caught.value.faults) == [key]
    assert f"data connection 'mine': {key} " in str(caught.value)
    assert fault in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(DataConnectionError) as caught:
        read_connection({BUCKET: "rhods"})
    assert list(caught.value.faults) == [ENDPOINT, ACCESS_KEY, SECRET_KEY]


def test_a_secret_is_read_whole() -> None:
    assert read_secret(secret(VALUES)) == GOOD
    broken = secret(VALUES)
    broken["data"][BUCKET] = "no base64!"
    with pytest.raises(DataConnectionError, match="AWS_S3_BUCKET is not text in base64"):
        read_secret(broken)


def test_what_may_be_left_out() -> None:
    without = {key: value for key, value in VALUES.items() if key != REGION}
    assert read_connection(without).region == "us-east-1"
    bare = {**VALUES, BUCKET: ""}
    assert read_connection(bare, needs_bucket=False).bucket == ""


def test_values_are_called_as_they_are_where_they_come_from() -> None:
    with pytest.raises(DataConnectionError, match=r"^secretkey of Secret s is empty$"):
        read_connection({**VALUES, SECRET_KEY: ""}, called={SECRET_KEY: "secretkey of Secret s"})


def test_no_key_shows_in_the_representation() -> None:
    assert GOOD.secret_access_key not in repr(GOOD)
    assert GOOD.access_key_id not in repr(GOOD)


def test_a_secret_for_something_else_is_no_connection() -> None:
    assert is_connection(secret({ENDPOINT: ""}))
    assert is_connection({"metadata": {"annotations": {"opendatahub.io/connection-type": "s3"}}})
    assert not is_connection(secret({"URI": "https://host/model.onnx"}))


@given(st.dictionaries(st.text(min_size=1), st.binary()))
def test_a_secret_s_values_as_text(values: dict[str, bytes]) -> None:
    """Text is what it is; nothing is lost of what a redactor has to mask but its wrong bytes."""
    data = {key: base64.b64encode(value).decode() for key, value in values.items()}
    texts = secret_texts({"data": data, "stringData": {"new": "plain"}})
    decoded = {key: value.decode(errors="replace") for key, value in values.items()}
    assert texts == {**decoded, "new": "plain"}
    strict, faults = decode_secret({"data": data})
    assert strict.keys() | faults.keys() == values.keys()
    assert all(texts.get(key) == value for key, value in strict.items() if key != "new")


@pytest.mark.parametrize("secret", [None, {}, {"data": None}, {"data": {"a": "é"}}])
def test_a_secret_without_values_has_none(secret: Any) -> None:
    assert secret_texts(secret) == {}
