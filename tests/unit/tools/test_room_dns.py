"""Names for a room: refused where they cannot be answered, before anything changes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded_cluster.preflight import name_of
from embedded_cluster.room_dns import refusals

ZONE = "apps.lab.internal"


def own_address() -> str:
    """An address of this machine's that is not the loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but the loopback's")
        return str(one.getsockname()[0])


@pytest.fixture(params=["tcp", "udp"])
def taken(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """A port that this process listens on, at all addresses."""
    kind = socket.SOCK_STREAM if request.param == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("0.0.0.0", 0))
        if request.param == "tcp":
            one.listen()
        yield request.param, one.getsockname()[1]


def test_without_the_option_nothing_is_looked_at() -> None:
    assert refusals("", "apps.mnist-lab.localhost", name_of) == []


def test_a_port_that_is_taken_is_named_with_who_holds_it(taken: tuple[str, int]) -> None:
    kind, port = taken
    (told,) = refusals(own_address(), ZONE, name_of, port)
    assert f"Port {port} ({kind})" in told
    assert f"(process {os.getpid()})" in told


def test_a_listener_at_another_address_takes_nothing() -> None:
    """As systemd-resolved, which keeps to 127.0.0.53."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.53", 0))
        assert refusals(own_address(), ZONE, name_of, one.getsockname()[1]) == []


@pytest.mark.parametrize(("address", "word"), [
    ("192.0.2.200", "no address of this machine"), ("127.0.0.1", "laptops reach"),
    ("0.0.0.0", "laptops reach"), ("::1", "IPv4"), ("224.0.0.1", "laptops reach"),
    ("room", "no address"),
])  # fmt: skip
def test_an_address_that_laptops_cannot_ask_is_refused(address: str, word: str) -> None:
    (told,) = refusals(address, ZONE, name_of)
    assert word in told
    assert address in told


@given(st.text(max_size=20))
def test_what_is_no_address_is_said_and_nothing_breaks(text: str) -> None:
    assert isinstance(refusals(text, ZONE, name_of), list)


def test_nobody_asks_for_localhost() -> None:
    (told,) = refusals(own_address(), "apps.mnist-lab.localhost", name_of)
    assert "LAB_BASE_DOMAIN" in told
