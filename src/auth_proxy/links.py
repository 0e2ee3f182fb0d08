"""Links that sign a browser in once: which were used, and short codes for them."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from lab_ground.files import write_whole


class UsedTickets:
    """Remembers the links that were used and the sessions that were ended, also over a restart."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._used: dict[str, float] = {}
        if file is not None and file.exists():
            for line in file.read_text().splitlines():
                nonce, _, expires = line.partition(" ")
                if expires:
                    self._used[nonce] = float(expires)

    def is_used(self, nonce: str) -> bool:
        """Whether this link was used, or this session was ended, before its time."""
        return nonce in self._used

    def use(self, nonce: str, expires: float) -> bool:
        """Mark a link as used; return False if it was used already."""
        now = time.time()
        self._used = {key: until for key, until in self._used.items() if until > now}
        if nonce in self._used:
            return False
        self._used[nonce] = expires
        if self._file is not None:
            lines = (f"{key} {until}\n" for key, until in self._used.items())
            write_whole(self._file, "".join(lines), 0o600)
        return True


class ShortLinks:
    """Keeps tickets under codes of a few characters, so that a link fits on a line.

    In memory only: after a restart of the container the code is unknown, and a new link is asked
    for. Only tickets of our own seal are kept, so nobody else can fill it.
    """

    MOST = 100

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, str | None, float]] = {}

    def keep(self, ticket: str, target: str | None, expires: float) -> str:
        """Keep a ticket until it ends; return its code. The oldest makes room where need be."""
        now = time.time()
        self._kept = {code: kept for code, kept in self._kept.items() if kept[2] > now}
        while len(self._kept) >= self.MOST:
            del self._kept[next(iter(self._kept))]
        code = secrets.token_urlsafe(9)
        self._kept[code] = (ticket, target, expires)
        return code

    def take(self, code: str) -> tuple[str, str | None]:
        """Return ticket and target of a code, once."""
        ticket, target, _ = self._kept.pop(code, ("", None, 0.0))
        return ticket, target
