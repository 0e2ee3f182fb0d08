"""How long the real router waits for a request, and that it waits for answers and sockets."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from platform_manifests import route
from real_router import RealRouter, running_router

from controllers.route.build.backends import Backend
from controllers.route.build.configuration import rules_of

HOST = "slow.test"
HELD, OTHER = "held.test", "other.test"
MOST = 3
LIMIT = 1
LONGER = 2.5
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: slow.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: aGVsbG8gd29ybGQgMTIzNA==\r\n\r\n"
)


class Slow(socketserver.StreamRequestHandler):
    """Answers for longer than a request may take; says back what comes by a socket."""

    def handle(self) -> None:
        lines = iter(lambda: self.rfile.readline().lower(), b"\r\n")
        if any(line.startswith(b"upgrade") for line in lines):
            self.wfile.write(
                b"HTTP/1.1 101 Switching Protocols\r\n"
                b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            )
            while data := self.request.recv(100):
                self.request.sendall(data)
            return
        with contextlib.suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            for _ in range(5):
                time.sleep(LONGER / 5)
                self.wfile.write(b"tick")
                self.wfile.flush()


class SlowServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRouter]:
    with SlowServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        rules = {
            "routers": {
                "slow": {"rule": f"Host(`{HOST}`)", "service": "slow", "entryPoints": ["web"]}
            },
            "services": {"slow": {"loadBalancer": {"servers": [{"url": url}]}}},
        }
        for host in (HELD, OTHER):
            for kind, some in bounded(host, url.removeprefix("http://")).items():
                rules.setdefault(kind, {}).update(some)
        with running_router(
            tmp_path_factory.mktemp("router"), platform_router_request_seconds=LIMIT
        ) as running:
            assert running.publish({"http": rules})
            yield running
        server.shutdown()


def bounded(host: str, address: str) -> dict[str, Any]:
    """What the controller makes of a Route that may have so many requests under way."""
    manifest = route(host.partition(".")[0], host=host)
    backend = Backend("page", (address,), 100)
    made = rules_of(manifest, host, [backend], "the authority", MOST).http
    return {kind: some for kind, some in made.items() if some}


def test_a_route_has_only_so_many_requests_under_way(router: RealRouter) -> None:
    """And the Route beside it has its own; sockets count as long as they are open."""
    with contextlib.ExitStack() as held:
        for _ in range(MOST):
            where = ("127.0.0.1", router.ports["web"])
            sock = held.enter_context(socket.create_connection(where, 10))
            sock.sendall(UPGRADE.replace(HOST.encode(), HELD.encode()))
            assert sock.recv(500).startswith(b"HTTP/1.1 101 ")
        assert b" 429 " in status_of(router, HELD)
        assert b" 200 " in status_of(router, OTHER)
    until = time.monotonic() + 5
    while b" 200 " not in (answer := status_of(router, HELD)):
        assert time.monotonic() < until, answer


def status_of(router: RealRouter, host: str) -> bytes:
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    return router.send(request.encode(), timeout=10)[:20]


@pytest.mark.parametrize("entry", ["web", "websecure"])
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: slow.te"])
def test_a_request_that_does_not_arrive_is_given_up(
    router: RealRouter, entry: str, sent: bytes
) -> None:
    begun = time.monotonic()
    assert b"200 OK" not in router.send(sent, entry=entry, timeout=10)
    assert time.monotonic() - begun < LIMIT + 2


def test_a_body_that_drips_is_given_up(router: RealRouter) -> None:
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", router.ports["web"]), 10) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: slow.test\r\nContent-Length: 100\r\n\r\n")
        with contextlib.suppress(OSError):
            while time.monotonic() - begun < 9:
                sock.sendall(b"x")
                time.sleep(0.1)
    assert time.monotonic() - begun < LIMIT + 4


def test_an_answer_may_take_longer(router: RealRouter) -> None:
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    assert router.send(request.encode(), timeout=10).count(b"tick") == 5


def test_a_socket_lives_longer(router: RealRouter) -> None:
    with socket.create_connection(("127.0.0.1", router.ports["web"]), 10) as sock:
        sock.sendall(UPGRADE)
        assert sock.recv(500).startswith(b"HTTP/1.1 101 ")
        until = time.monotonic() + LONGER
        while time.monotonic() < until:
            sock.sendall(b"x")
            assert sock.recv(10) == b"x"
            time.sleep(0.5)


def test_headers_have_a_bound(router: RealRouter) -> None:
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX: {'x' * 100_000}\r\n\r\n"
    assert b" 431 " in router.send(request.encode(), timeout=10)[:20]
