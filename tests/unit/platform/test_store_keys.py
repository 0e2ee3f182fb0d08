"""A key is kept as it was written, or refused in words: the store's front before the real store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from real_front import running_front
from real_store import running_store

from object_storage.buckets import connect
from object_storage.builders import Identity
from object_storage.keys import FOLDED_PATH, FOLDED_WORDS, LOST_CONTENT, LOST_WORDS, REFUSAL_CODE

ADMIN = Identity("admin", "ADMIN", "a" * 32, admin=True)
SEGMENT = st.text(st.sampled_from("ab.+ %/;&=?#~!'()*,:@\\[]{}|^\"<>é€😀"), max_size=5)
PARTS = SEGMENT | st.sampled_from([".", "..", "", "%2F", "%5C", "\\", " "])
# SeaweedFS resets what is longer than a name of its.
KEYS = (
    st.lists(PARTS, min_size=1, max_size=4)
    .map("/".join)
    .filter(lambda key: 0 < len(key.encode()) < 200)
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_store(tmp_path_factory.mktemp("store"), [ADMIN]) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def client(store: str) -> Any:
    return connect(store, ADMIN.access_key, ADMIN.secret_key)


@pytest.fixture(scope="module")
def front_address(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_front(tmp_path_factory.mktemp("front"), store, ADMIN) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def front(front_address: str) -> Any:
    """A client of the front."""
    return connect(front_address, ADMIN.access_key, ADMIN.secret_key)


def sent(key: str) -> str:
    """The path of a key, as every client of S3 writes it."""
    return f"/rhods/{quote(key, safe='/~')}"


def is_refused(key: str) -> bool:
    path = sent(key)
    return bool(re.search(FOLDED_PATH, path) or re.search(LOST_CONTENT, f"PUT 7 {path}"))


def has_dots(key: str) -> bool:
    """The store refuses parts that are made of dots, in words of its own."""
    return bool({".", ".."} & set(re.split(r"[/\\]", key)))


def kept(client: Any, key: str) -> list[tuple[str, bytes]] | tuple[str, str]:
    """What the bucket holds after a key was written, which is removed again.

    If it was refused instead, the code and the words.
    """
    try:
        client.put_object(Bucket="rhods", Key=key, Body=b"content")
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    found = []
    for entry in client.list_objects_v2(Bucket="rhods").get("Contents", ()):
        body = client.get_object(Bucket="rhods", Key=entry["Key"])["Body"].read()
        found.append((entry["Key"], body))
        client.delete_object(Bucket="rhods", Key=entry["Key"])
    return found


@settings(max_examples=60, deadline=None)
# The store itself resets the connection of some whose names end in a slash.
@given(KEYS.filter(lambda key: not key.endswith(("/", "\\"))))
@example("a//b")
@example("/a")
@example("a\\b")
@example("a%2F%2Fb")
@example("a%5Cb")
def test_what_is_not_refused_is_kept_as_it_was_written(client: Any, key: str) -> None:
    """And what is refused would have been changed: the store alone, without its front."""
    found = kept(client, key)
    if has_dots(key):
        assert found[0] == "InvalidRequest"
    else:
        assert is_refused(key) == (found != [(key, b"content")]), found


@settings(max_examples=60, deadline=None)
@given(KEYS)
@example("a//b")
@example("/a")
@example("a\\b")
@example("a/b/")
@example("a%2F%2Fb")
def test_the_front_refuses_in_words_and_passes_on_all_else(front: Any, key: str) -> None:
    found = kept(front, key)
    if is_refused(key) or has_dots(key):
        # nginx itself refuses what leads above the root, the store what is made of dots.
        dots = ["InvalidRequest", "400"] if has_dots(key) else []
        assert found in [(REFUSAL_CODE, FOLDED_WORDS), (REFUSAL_CODE, LOST_WORDS)] or (
            found[0] in dots
        )
    else:
        assert found == [(key, b"content")]


@pytest.mark.parametrize(
    ("target", "refused"),
    [
        ("/", False),
        ("/rhods/", False),
        ("/rhods?prefix=a//b", False),
        ("/rhods/a?x=//", False),
        ("/rhods/a%2fb", False),
        ("/rhods/a%2f/b", True),
        ("/rhods/a/%2Fb", True),
        ("/rhods/a%5cb", True),
        ("//rhods/a", True),
    ],
)
def test_the_path_alone_decides(target: str, refused: bool) -> None:
    assert bool(re.search(FOLDED_PATH, target)) is refused


@pytest.mark.parametrize(
    ("request_line", "refused"),
    [
        ("PUT 3 /rhods/a/", True),
        ("PUT 12 /rhods/a/?partNumber=1", True),
        ("PUT 0 /rhods/a/", False),
        ("PUT  /rhods/a/", False),
        ("PUT 3 /rhods/a", False),
        ("PUT 120 /rhods/", False),
        ("PUT 120 /rhods/?location", False),
        ("GET 3 /rhods/a/", False),
    ],
)
def test_content_below_a_folder_s_mark(request_line: str, refused: bool) -> None:
    assert bool(re.search(LOST_CONTENT, request_line)) is refused
