"""Keys and paths arrive as they were sent: client → Route → store, with the real programs."""

from __future__ import annotations

import socketserver
import string
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import pytest
from botocore.exceptions import ClientError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from real_router import RealRouter, running_router
from real_store import running_store

from object_storage.buckets import connect
from object_storage.builders import Identity
from object_storage.keys import fault_of_access_key, fault_of_secret_key

HOST = "127.0.0.1"
SIGNS = string.punctuation
ADMIN = Identity("admin", "ADMIN", "a" * 32, admin=True)
BY_SIGN = [
    (
        Identity(f"access-{ord(sign)}", f"KEY{sign}{ord(sign)}", "s" * 32, ("rhods",)),
        Identity(f"secret-{ord(sign)}", f"SECRET{ord(sign)}", f"s{sign}" * 16, ("rhods",)),
    )
    for sign in SIGNS
]


class Echo(socketserver.StreamRequestHandler):
    """Answers with the target of the request, byte by byte."""

    def handle(self) -> None:
        target = self.rfile.readline().split(b" ")[1]
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(target)}\r\n\r\n"
        self.wfile.write(head.encode() + target)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    with EchoServer((HOST, 0), Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://{HOST}:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    identities = [ADMIN, *(one for pair in BY_SIGN for one in pair)]
    with running_store(tmp_path_factory.mktemp("store"), identities) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def router(echo: str, store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRouter]:
    services = {"echo": echo, "store": store}
    hosts = {"echo": "echo.test", "store": HOST}
    rules = {
        "routers": {
            name: {"rule": f"Host(`{host}`)", "service": name, "entryPoints": ["web"]}
            for name, host in hosts.items()
        },
        "services": {
            name: {"loadBalancer": {"servers": [{"url": url}]}} for name, url in services.items()
        },
    }
    with running_router(tmp_path_factory.mktemp("router")) as running:
        assert running.publish({"http": rules})
        yield running


def arrives(router: RealRouter, target: str) -> str:
    request = f"GET {target} HTTP/1.1\r\nHost: echo.test\r\nConnection: close\r\n\r\n"
    head, _, body = router.send(request.encode()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    return body.decode()


SEGMENT = st.text(
    st.sampled_from("ab.+ %/;&=?#~!'()*,:@\\[]{}|^\"<>é€😀\t\n"), min_size=0, max_size=6
) | st.sampled_from([".", "..", "", "%2F", "%2e%2e"])
KEYS = st.lists(SEGMENT, min_size=1, max_size=4).map("/".join)


@settings(max_examples=150, deadline=None)
@given(KEYS)
@example("a//b")
@example("/a")
@example("a/../b")
@example("a%2Fb")
@example("a/./b//")
@example("a\\b")
def test_a_key_arrives_byte_by_byte(router: RealRouter, key: str) -> None:
    """As every client of S3 writes it: all but letters, digits and -._~/ as %XX."""
    target = f"/rhods/{quote(key, safe='/~')}"
    assert arrives(router, target) == target


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["/", "//", ".", "..", "a", "%2F", "%2f", "%5C", "%25", "%7E", "%00", "+"]),
        max_size=8,
    ).map("".join)
)
def test_whatever_way_a_path_is_written_it_means_the_same(router: RealRouter, path: str) -> None:
    found = arrives(router, f"/{path}")
    assert unquote_to_bytes(found) == unquote_to_bytes(f"/{path}")
    assert found.count("/") == path.count("/") + 1


@pytest.mark.parametrize("query", ["x=%2F%2f", "a;b=1", "x=a+b%20c", "prefix=a//b/../c", "x=&&y"])
def test_a_query_keeps_its_meaning(router: RealRouter, query: str) -> None:
    assert arrives(router, f"/?{query}") in (f"/?{query}", f"/?{query.replace(';', '%3B')}")


def outcome(client: Any, key: str, reader: Any) -> tuple[str, bytes | str]:
    """What becomes of an object: what is read of it, or the code with which it is refused."""
    try:
        client.put_object(Bucket="rhods", Key=key, Body=b"content")
        found = reader.get_object(Bucket="rhods", Key=key)["Body"].read()
        client.delete_object(Bucket="rhods", Key=key)
    except ClientError as error:
        return "refused", error.response["Error"]["Code"]
    return "read", found


def is_an_object(key: str) -> bool:
    """SeaweedFS takes a name that ends in a slash for a folder's, and resets what else is sent."""
    return 0 < len(key.encode()) < 200 and not key.endswith(("/", "\\"))


@settings(max_examples=60, deadline=None)
@given(KEYS.filter(is_an_object))
@example("a//b")
@example("//a")
@example("a/../b")
@example("a%2F%2Fb")
def test_a_key_means_the_same_through_the_route(store: str, router: RealRouter, key: str) -> None:
    """Signed by the client, for what the store then sees: key → Route → store → key."""
    keys = ADMIN.access_key, ADMIN.secret_key
    direct = connect(store, *keys)
    routed = connect(f"http://{HOST}:{router.ports['web']}", *keys)
    through = outcome(routed, key, routed)
    assert through == outcome(direct, key, direct) == outcome(routed, key, direct)
    assert through[0] == "read" or "." in key or "\n" in key or "\t" in key, through
    assert through[1] not in ("SignatureDoesNotMatch", "AccessDenied")


@pytest.mark.parametrize("number", range(len(SIGNS)), ids=list(SIGNS))
def test_keys_that_the_store_cannot_read_are_those_that_are_refused(
    store: str, router: RealRouter, number: int
) -> None:
    for identity in BY_SIGN[number]:
        routed = connect(
            f"http://{HOST}:{router.ports['web']}", identity.access_key, identity.secret_key
        )
        fault = fault_of_access_key(identity.access_key) or fault_of_secret_key(identity.secret_key)
        if fault:
            assert SIGNS[number] in fault
            with pytest.raises(ClientError):
                routed.put_object(Bucket="rhods", Key="x", Body=b"x")
        else:
            routed.put_object(Bucket="rhods", Key="x", Body=b"x")


@pytest.mark.parametrize("key", ["AB/CD", "AB,CD", "AB CD", "AB\n", "AB", "ABé", "A" * 129])
def test_an_access_key_that_cannot_be_is_told_in_words(key: str) -> None:
    assert "the object store takes 3 to 128 visible characters" in fault_of_access_key(key)
