"""The server's ports: 8888 with TLS as upstream's podToPodTLS, and the one for the proxy beside."""

from __future__ import annotations

import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

import grpc
import pytest
from ports import free_port

from controllers.serving_certificate.build.authority import KeyPair, create_authority, sign
from lab_ground.waiting import wait_for
from pipeline_launcher import launcher
from pipeline_server import listening
from pipeline_server.api import grpc_port

HOST = "localhost"


@pytest.fixture(scope="module")
def authority() -> KeyPair:
    return create_authority([HOST])


def write(pair: KeyPair, directory: Path) -> None:
    (directory / "tls.crt").write_text(pair.certificate)
    (directory / "tls.key").write_text(pair.key)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers with the scheme by which it was asked."""
    if scope["type"] != "http":
        return
    body = b'{"scheme": "%s"}' % scope["scheme"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True)
class Served:
    directory: Path
    port: int
    local: int


@pytest.fixture
def served(authority: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    write(sign(authority, [HOST]), tmp_path)
    monkeypatch.setattr(listening, "_LOOK_SECONDS", 0.05)
    ports = free_port(), free_port()
    server = listening.Listener(
        application, ports[0], tls_directory=str(tmp_path), local_port=ports[1]
    )
    # Signals are the main thread's; the rest of what the server does is the same.
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started, 20, "the server")
        yield Served(tmp_path, *ports)
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


def ask(connection: HTTPConnection) -> bytes:
    connection.request("GET", "/")
    return connection.getresponse().read()


def trusting(authority: KeyPair) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.certificate)


def test_the_port_for_others_has_tls_and_the_pod_s_own_has_not(
    served: Served, authority: KeyPair
) -> None:
    """DSPO's config/internal/apiserver/default/deployment.yaml.tmpl: --tlsCertPath."""
    outer = HTTPSConnection(HOST, served.port, context=trusting(authority), timeout=10)
    assert b'"https"' in ask(outer)
    assert b'"http"' in ask(HTTPConnection("127.0.0.1", served.local, timeout=10))
    with pytest.raises((ConnectionError, HTTPException)):
        ask(HTTPConnection(HOST, served.port, timeout=10))


def test_a_renewed_certificate_is_served_without_a_restart(
    served: Served, authority: KeyPair
) -> None:
    def serial() -> int:
        with (
            socket.create_connection((HOST, served.port), timeout=10) as plain,
            trusting(authority).wrap_socket(plain, server_hostname=HOST) as wrapped,
        ):
            return int(dict(wrapped.getpeercert() or {})["serialNumber"], 16)

    before = serial()
    write(sign(authority, [HOST]), served.directory)
    wait_for(lambda: serial() != before, 10, "the new certificate")


def test_a_step_trusts_the_authority_that_came_with_its_launcher(
    served: Served, authority: KeyPair, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """And nobody else: with another authority beside it, it does not speak to the server."""
    url = f"https://{HOST}:{served.port}"
    for trusted, answer in ((authority, {"scheme": "https"}), (create_authority([HOST]), None)):
        folder = tmp_path_factory.mktemp("launcher")
        file = Path(shutil.copy(launcher.__file__, folder))
        (folder / "ca.crt").write_text(trusted.certificate)
        space: dict[str, Any] = {"__file__": str(file), "__name__": "launcher_in_a_step"}
        exec(compile(file.read_text(), file, "exec"), space)
        server = space["Server"](url, "token", patience=0.1)
        if answer is not None:
            assert server.call("begin", {}) == answer
            continue
        with pytest.raises(space["StepError"], match="certificate verify failed"):
            server.call("begin", {})


def test_port_8887_speaks_tls_too(authority: KeyPair, tmp_path: Path) -> None:
    write(sign(authority, [HOST]), tmp_path)
    server, port = grpc_port.listen("127.0.0.1:0", lambda: True, 8888, str(tmp_path))
    credentials = grpc.ssl_channel_credentials(authority.certificate.encode())
    with grpc.secure_channel(f"{HOST}:{port}", credentials) as channel:
        assert channel.unary_unary(grpc_port.HEALTH)(b"", timeout=10) == b"\x08\x01"
        with pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary("/any.Service/Call")(b"", timeout=10)
    assert "/apis/v2beta1 over HTTPS on port 8888" in refused.value.details()
    server.stop(grace=None)
