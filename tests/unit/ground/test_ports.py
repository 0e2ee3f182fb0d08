"""Ports that tests' servers get: one each, and none that outgoing connections use."""

from __future__ import annotations

import socket
from pathlib import Path

import ports
import pytest


def test_no_port_is_given_twice() -> None:
    numbers = [ports.free_port() for _ in range(400)]
    assert len(set(numbers)) == len(numbers)


def test_outgoing_connections_get_other_ports() -> None:
    """The kernel gives theirs from its range; NodePorts are 30000 to 32767."""
    first = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]
    assert min(int(first), 30000) >= ports.END


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_somebody_has_is_passed_over(kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        assert not ports._is_free(taken.getsockname()[1])


def test_when_none_is_left_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_is_free", lambda port: False)
    with pytest.raises(OSError, match="no port from 20000 to 29999 is free"):
        ports.free_port()
