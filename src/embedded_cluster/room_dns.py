"""Names for a room without DNS of its own: whether this machine can answer them, on port 53.

CoreDNS answers there for the base domain alone, by a port of its pod; the packets are led to it
before anything that listens on the machine sees them, so that nothing may listen there.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

PORT = 53
_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}

# Says who holds one of some sockets, by their inodes: a name for a sentence.
Name = Callable[[set[str]], str]


def refusals(
    address: str, zone: str, name: Name, port: int = PORT, table: Path = Path("/proc/net")
) -> list[str]:
    """Say why the base domain cannot be answered at an address; nothing where it can, or need not.

    Args:
        address: of this machine, as laptops reach it; empty where nothing is to be answered.
        zone: the base domain.
        name: tells who holds sockets.
        port: another than 53 in tests.
        table: where the kernel lists its sockets.
    """
    if not address:
        return []
    told = f"lab_room_dns_address is {address!r}"
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return [f"{told}, which is no address: name the one by which laptops reach this machine."]
    if found.version != 4 or found.is_loopback or found.is_unspecified or found.is_multicast:
        return [f"{told}: an IPv4 address is needed by which laptops reach this machine."]
    if zone == "localhost" or zone.endswith(".localhost"):
        return [
            f"{told}, and the base domain {zone}: laptops ask nobody for *.localhost. Set "
            "LAB_BASE_DOMAIN to another domain, for example apps.lab.internal."
        ]
    for kind, flavour in _KINDS.items():
        with socket.socket(socket.AF_INET, flavour) as one:
            try:
                one.bind((address, port))
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    return [
                        f"{told}, which is no address of this machine (ip -4 address lists them)."
                    ]
                if error.errno != errno.EADDRINUSE:
                    raise
                holder = name(set(sockets(address, port, table)))
                return [
                    f"Port {port} ({kind}) of {address} is taken by {holder} and must be free if "
                    "the base domain is to be answered: stop it, or keep it to other addresses "
                    "(DNSStubListenerExtra= of systemd-resolved, listen-address= of dnsmasq), or "
                    "leave lab_room_dns_address out and enter the wildcard there."
                ]
    return []


def sockets(address: str, port: int, table: Path) -> Iterator[str]:
    """Return the inodes of what listens at an address and port, or at all addresses."""
    own = ipaddress.ip_address(address).packed[::-1].hex().upper()
    for kind in _KINDS:
        for name in (kind, f"{kind}6"):
            try:
                lines = (table / name).read_text().splitlines()[1:]
            except OSError:
                continue
            for line in lines:
                words = line.split()
                where, _, number = words[1].rpartition(":")
                listens = words[3] in ("0A", "07")
                if listens and int(number, 16) == port and (where == own or not where.strip("0")):
                    yield words[9]
