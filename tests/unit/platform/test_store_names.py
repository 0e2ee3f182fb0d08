"""What names keys otherwise than by its path: lists, DeleteObjects, forms.

The front stands before the real store, and each answer is held against what S3 would say of the
keys that are there; otherwise it is refused in words, and nothing has happened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from real_front import running_front
from real_store import running_store

from object_storage.buckets import connect
from object_storage.builders import Identity
from object_storage.keys import (
    BODY_WORDS,
    FOLDED_LIST,
    LIST_WORDS,
    LONG_WORDS,
    NAMING_BODY,
    REFUSAL_CODE,
)

ADMIN = Identity("admin", "ADMIN", "a" * 32, admin=True)
KEYS = ("a/b", "a/c d", "a/é&<>'", "b")
PIECES = st.sampled_from(["a", "b", "/", "//", "a/b", "a/", "é", "&", "<", ">", " ", "c d", "\\"])
NAMES = st.lists(PIECES, min_size=1, max_size=4).map("".join)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        running_store(tmp_path_factory.mktemp("store"), [ADMIN]) as store,
        running_front(tmp_path_factory.mktemp("front"), store, ADMIN) as endpoint,
    ):
        yield endpoint


@pytest.fixture(scope="module")
def client(front: str) -> Any:
    return connect(front, ADMIN.access_key, ADMIN.secret_key)


@pytest.fixture(autouse=True)
def _keys(request: pytest.FixtureRequest) -> None:
    if "client" in request.fixturenames:
        refill(request.getfixturevalue("client"))


def refill(client: Any) -> None:
    for key in set(KEYS) - set(present(client)):
        client.put_object(Bucket="rhods", Key=key, Body=key.encode())


def present(client: Any, **beginning: str) -> list[str]:
    listed = client.list_objects_v2(Bucket="rhods", **beginning)
    return [entry["Key"] for entry in listed.get("Contents", ())]


def told(action: Callable[[], Any]) -> Any:
    """What it gives; or, where the store refuses it, code and words."""
    try:
        return action()
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]


def is_folded(name: str) -> bool:
    """Whether the store would take this for another name."""
    return name.startswith("/") or "//" in name


def in_order(keys: Any) -> list[str]:
    return sorted(keys, key=str.encode)


@settings(max_examples=150, deadline=None)
@given(NAMES)
@example("a//")
@example("a//b")
@example("/a")
@example("/")
@example("a\\b")
def test_a_list_shows_the_keys_that_begin_so(client: Any, prefix: str) -> None:
    expected = in_order(key for key in KEYS if key.startswith(prefix))
    refused = (REFUSAL_CODE, LIST_WORDS)
    answer = told(lambda: present(client, Prefix=prefix))
    assert answer == expected or (answer == refused and is_folded(prefix))


@settings(max_examples=100, deadline=None)
@given(NAMES)
@example("a//b")
@example("/a/b")
def test_a_list_behind_a_key_shows_keys_that_are_there(client: Any, after: str) -> None:
    """What lies behind is by the order of folders in this store, and not by the signs."""
    answer = told(lambda: present(client, StartAfter=after))
    assert set(answer) <= set(KEYS) or (answer == (REFUSAL_CODE, LIST_WORDS) and is_folded(after))


@settings(max_examples=150, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=3, unique=True))
@example(["a//b"])
@example(["b", "a//b"])
@example(["/b"])
@example(["a/b"])
def test_what_is_deleted_is_what_was_named_or_nothing(client: Any, names: list[str]) -> None:
    refill(client)
    wanted = {"Objects": [{"Key": name} for name in names]}
    answer = told(lambda: client.delete_objects(Bucket="rhods", Delete=wanted))
    if any(is_folded(name) for name in names):
        assert answer == (REFUSAL_CODE, BODY_WORDS)
        assert present(client) == in_order(KEYS)
    else:
        assert present(client) == in_order(set(KEYS) - set(names))


@pytest.mark.parametrize(
    "text",
    [
        "a//b",
        "/b",
        "a&#47;&#47;b",
        "a&#x2F;/b",
        "a/&#x002f;b",
        "&#47;b",
        "a/<!-- -->/b",
        "<![CDATA[a//b]]>",
        "a/<![CDATA[/b]]>",
        "a/<?x?>/b",
        "<?x?>/b",
        "a/<x/>/b",
        "<x/>a//b",
    ],
)
def test_no_way_to_write_a_key_is_passed_over(client: Any, front: str, text: str) -> None:
    """However XML writes it: nothing of another key is lost."""
    answer = post(front, f"<Delete><Object><Key>{text}</Key></Object></Delete>")
    assert (answer.status_code, REFUSAL_CODE in answer.text) == (400, True), answer.text
    assert BODY_WORDS in answer.text
    assert present(client) == in_order(KEYS)


@pytest.mark.parametrize(
    "body",
    [
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\n'
        "  <Quiet>true</Quiet>\n  <Object>\n    <Key>b</Key>\n  </Object>\n</Delete>\n",
        "<Delete><Object><Key>b</Key></Object></Delete>",
        '<d:Delete xmlns:d="http://s3.amazonaws.com/doc/2006-03-01/"><d:Object><d:Key>b</d:Key>'
        "</d:Object></d:Delete>",
    ],
    ids=["indented", "plain", "prefixed"],
)
def test_usual_ways_to_write_it_pass(client: Any, front: str, body: str) -> None:
    assert post(front, body).status_code == 200
    assert present(client) == in_order(set(KEYS) - {"b"})


def post(front: str, body: str, **headers: str) -> requests.Response:
    """A signed DeleteObjects with this body."""
    asked = AWSRequest("POST", f"{front}/rhods?delete=", data=body.encode())
    S3SigV4Auth(Credentials(ADMIN.access_key, ADMIN.secret_key), "s3", "us-east-1").add_auth(asked)
    ready = asked.prepare()
    return requests.post(
        ready.url, data=body.encode(), headers=dict(ready.headers) | headers, timeout=30
    )


def test_a_thousand_long_keys_are_deleted_at_once(client: Any) -> None:
    """S3's most, each sign of which XML writes with five."""
    names = [f"{number}{'&/' * 100}x" for number in range(1000)]
    answer = client.delete_objects(
        Bucket="rhods", Delete={"Objects": [{"Key": name} for name in [*names, "b"][-1000:]]}
    )
    assert len(answer["Deleted"]) == 1000
    assert "b" not in present(client)


@pytest.mark.parametrize("length", [4_200_000, 9_000_000, 12_000_000])
def test_a_body_that_is_too_long_to_be_read_is_refused(
    client: Any, front: str, length: int
) -> None:
    body = f"<Delete>{' ' * length}<Object><Key>a//b</Key></Object></Delete>"
    answer = post(front, body)
    assert (answer.status_code, LONG_WORDS in answer.text) == (400, True)
    assert present(client) == in_order(KEYS)


@pytest.mark.parametrize(("length", "code"), [(10, 400), (4_100_000, 400), (9_000_000, 413)])
def test_a_body_without_a_length_is_read_all_the_same(
    client: Any, front: str, length: int, code: int
) -> None:
    """Sent in chunks: judged before the store sees its signature."""
    body = f"<Delete>{' ' * length}<Object><Key>a//b</Key></Object></Delete>".encode()
    parts = (body[start : start + 65536] for start in range(0, len(body), 65536))
    try:
        assert requests.post(f"{front}/rhods?delete", data=parts, timeout=30).status_code == code
    except requests.ConnectionError:  # what is left is no longer read
        assert code == 413
    assert present(client) == in_order(KEYS)


def test_nobody_can_say_the_verdict_himself(client: Any, front: str) -> None:
    body = "<Delete><Object><Key>a//b</Key></Object></Delete>"
    assert post(front, body, **{"X-Lab-Verdict": ""}).status_code == 400
    body = "<Delete><Object><Key>b</Key></Object></Delete>"
    assert post(front, body, **{"X-Lab-Verdict": "folded"}).status_code == 200


@pytest.mark.parametrize(
    ("key", "kept"),
    [("f/new", True), ("f/a b&é", True), ("a//b", False), ("/b", False), ("a\\b", False)],
)
def test_a_form_keeps_the_key_or_is_refused(client: Any, key: str, kept: bool) -> None:
    form = client.generate_presigned_post("rhods", key)
    answer = requests.post(
        form["url"], data=form["fields"], files={"file": ("key", b"//content")}, timeout=30
    )
    if kept:
        assert answer.status_code == 204, answer.text
        assert client.get_object(Bucket="rhods", Key=key)["Body"].read() == b"//content"
        client.delete_object(Bucket="rhods", Key=key)
    else:
        assert (answer.status_code, BODY_WORDS in answer.text) == (400, True)
    assert present(client) == in_order(KEYS)


@pytest.mark.parametrize(
    ("target", "refused"),
    [
        ("/rhods?prefix=a//b", True),
        ("/rhods?list-type=2&prefix=a%2F%2Fb", True),
        ("/rhods?prefix=%2fa", True),
        ("/rhods?list-type=2&start-after=a%2f/b&prefix=x", True),
        ("/rhods?marker=/b", True),
        ("/rhods?versions&key-marker=a//", True),
        ("/rhods?prefix=/", False),
        ("/rhods?prefix=a/&delimiter=/", False),
        ("/rhods?prefix=&delimiter=//", False),
        ("/rhods/a?x=prefix=//", False),
        ("/rhods/prefix=/a", False),
    ],
)
def test_lists_that_are_refused(target: str, refused: bool) -> None:
    assert bool(re.search(FOLDED_LIST, target)) is refused


@pytest.mark.parametrize(
    ("request_line", "naming"),
    [
        ("POST  /rhods?delete", True),
        ("POST application/xml /rhods?delete=", True),
        ("POST application/xml /rhods/?x=1&delete", True),
        ("POST multipart/form-data; boundary=x /rhods", True),
        ("POST multipart/form-data; boundary=x /rhods/", True),
        ("POST multipart/form-data; boundary=x /rhods/key?uploads", False),
        ("POST application/xml /rhods/key?uploadId=delete", False),
        ("POST  /rhods/delete", False),
        ("POST  /rhods?deleted=1", False),
        ("GET  /rhods?delete", False),
    ],
)
def test_requests_whose_body_names_keys(request_line: str, naming: bool) -> None:
    assert bool(re.search(NAMING_BODY, request_line)) is naming
