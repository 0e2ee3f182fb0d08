"""Port 8887, which the Service names as upstream's does: health, and where to go for the rest.

Upstream's own parts call there (persistence agent, scheduled workflows, driver, launcher) and none
of them is here: steps report over HTTP. What people use, the SDK, Elyra and curl, speaks HTTP too.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

HEALTH = "/grpc.health.v1.Health/Check"
# HealthCheckResponse: field 1 is the status, 1 stands for SERVING and 2 for NOT_SERVING.
_SERVING, _NOT_SERVING = b"\x08\x01", b"\x08\x02"


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers every method there is."""

    def __init__(self, alive: Callable[[], bool], http_port: int, scheme: str) -> None:
        self._alive = alive
        self._words = (
            f"this server has no gRPC API: use /apis/v2beta1 over {scheme} on port {http_port}"
        )

    def service(self, details: Any) -> Any:
        """Return what answers a call."""
        answer = self._check if details.method == HEALTH else self._refuse
        return grpc.unary_unary_rpc_method_handler(answer)

    def _check(self, _request: bytes, _context: Any) -> bytes:
        return _SERVING if self._alive() else _NOT_SERVING

    def _refuse(self, _request: bytes, context: Any) -> None:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, self._words)


def listen(
    address: str, alive: Callable[[], bool], http_port: int, tls_directory: str = ""
) -> tuple[Any, int]:
    """Start answering; returns the server, to be stopped, and its port.

    With ``tls_directory`` (tls.crt and tls.key, PEM) it speaks TLS, as port 8888 does then; a
    certificate that is renewed there is taken with the next connection.
    """
    scheme = "HTTPS" if tls_directory else "HTTP"
    options = [("grpc.max_receive_message_length", 64 * 1024), ("grpc.so_reuseport", 0)]
    server = grpc.server(
        ThreadPoolExecutor(max_workers=2, thread_name_prefix="grpc"),
        handlers=[_Handler(alive, http_port, scheme)],
        options=options,
        maximum_concurrent_rpcs=16,
    )
    if tls_directory:
        port = server.add_secure_port(address, _credentials(Path(tls_directory)))
    else:
        port = server.add_insecure_port(address)
    server.start()
    return server, port


def _credentials(directory: Path) -> Any:
    def read() -> Any:
        pair = (directory / "tls.key").read_bytes(), (directory / "tls.crt").read_bytes()
        return grpc.ssl_server_certificate_configuration([pair])

    return grpc.dynamic_ssl_server_credentials(read(), read)
