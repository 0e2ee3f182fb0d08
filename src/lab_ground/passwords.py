"""Passwords that can be typed, and what is kept of them: Argon2id, as RFC 9106 writes it.

The costs are one of OWASP's for Argon2id (7 MiB, five passes), which are said to be equal; this one
takes the fewest milliseconds (12 of a processor, 15 with 19 MiB and two passes): a class of thirty
signs in at nine o'clock on two cores. Tries are slowed down beside it, so more would buy little.
A hash says its own costs: those that were made with others stay good.
"""

from __future__ import annotations

import os
import secrets

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

# Without the signs that look like others on paper: 0 and o, 1, l and i.
SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, GROUP = 3, 4
SHORTEST, LONGEST = 10, 256
_ITERATIONS, _LANES, _KIB, _LENGTH = 5, 1, 7168, 32


class PasswordError(Exception):
    """A password that somebody wants to have cannot be taken; the message says why."""


def generate_password() -> str:
    """Return a new password as ``k4mp-x7wd-9hnc``: 59 bits, typed without Shift."""
    groups = ("".join(secrets.choice(SIGNS) for _ in range(GROUP)) for _ in range(GROUPS))
    return "-".join(groups)


def check_password(password: str, user: str) -> None:
    """Refuse what is no password of one's own choice.

    Raises:
        PasswordError: it is too short or too long, or the user's name.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordError(
            f"A password has {SHORTEST} to {LONGEST} signs; this one has {len(password)}."
        )
    if password.lower() == user.lower() or len(set(password)) < 5:
        raise PasswordError("This password is too easy to guess: use at least five other signs.")


def hash_password(password: str) -> str:
    """Return what is kept of a password: ``$argon2id$v=19$m=…,t=…,p=…$salt$hash``."""
    function = Argon2id(
        salt=os.urandom(16),
        length=_LENGTH,
        iterations=_ITERATIONS,
        lanes=_LANES,
        memory_cost=_KIB,
    )
    return function.derive_phc_encoded(password.encode())


def is_password(password: str, kept: str) -> bool:
    """Tell whether this is the password of which ``kept`` is kept; False for what is no hash."""
    try:
        Argon2id.verify_phc_encoded(password.encode("utf-8", "replace"), kept)
    except (InvalidKey, ValueError, TypeError):
        return False
    return True
