"""What the board asks through: GET of the Kubernetes API as one account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class AskError(Exception):
    """The API refused, or what is behind it did not answer; ``status`` is HTTP's, 0 for none."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Ask(Protocol):
    """Asks for a path of the API; gives decoded JSON, or with ``text`` the text."""

    async def __call__(
        self, path: str, query: Mapping[str, str] | None = None, *, text: bool = False
    ) -> Any:
        """One request.

        Raises:
            AskError: it was refused or not answered.
        """
        ...
