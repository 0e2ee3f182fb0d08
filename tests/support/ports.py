"""Ports for the servers that tests start.

A port that the kernel picks (bind to 0) is one of those that it gives to outgoing connections, too,
and once let go it may be picked again at the next call: two of a server's ports were the same one.
These lie below that range and below NodePorts', and a process never gives one twice.
"""

from __future__ import annotations

import itertools
import os
import socket

FIRST, END = 20000, 30000

# Processes that run side by side begin apart from one another.
_APART = 97
_order = itertools.count(os.getpid() * _APART)


def _is_free(port: int) -> bool:
    """Whether neither TCP nor UDP has it on any address of the machine."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                return False
    return True


def free_port() -> int:
    """A port of this machine that nobody has and that was not given before.

    Raises:
        OSError: none is free in the whole range.
    """
    for number in itertools.islice(_order, END - FIRST):
        port = FIRST + number % (END - FIRST)
        if _is_free(port):
            return port
    raise OSError(f"no port from {FIRST} to {END - 1} is free")
