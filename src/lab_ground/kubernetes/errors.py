"""What the API server says when it does not do what it is asked."""

from __future__ import annotations

import json


class ApiError(Exception):
    """The API server refused a request; ``status`` and ``reason`` are its own."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class NotFoundError(ApiError):
    """The object, or the kind, does not exist."""


class UnknownKindError(NotFoundError):
    """The cluster does not know the kind, in this version or at all."""


class ConflictError(ApiError):
    """The object exists already, or was changed by somebody else in between."""


class UnavailableError(ApiError):
    """The API server, or an API that it passes on to, is away."""


class InvalidError(ApiError):
    """The API server found the object invalid."""


def error_from(status: int, data: bytes) -> ApiError:
    """What the API server said with an answer of 400 and above."""
    try:
        body = json.loads(data)
    except ValueError:
        body = {}
    reason = str(body.get("reason") or "")
    message = str(body.get("message") or data.decode("utf-8", "replace")[:500])
    kinds = {404: NotFoundError, 409: ConflictError, 422: InvalidError, 503: UnavailableError}
    return kinds.get(status, ApiError)(status, reason, message)
