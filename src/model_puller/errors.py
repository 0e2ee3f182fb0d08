"""Why a model could not be fetched or loaded."""

from __future__ import annotations


class PullError(Exception):
    """The model cannot be served; `retry` is false where only a changed model can help."""

    def __init__(self, message: str, *, retry: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.retry = retry
