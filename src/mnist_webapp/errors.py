"""Failures that a person at the page can understand: what, why, and what to do."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse


class PredictionError(Exception):
    """One reason why there is no prediction."""

    def __init__(self, status: int, code: str, message: str, cause: str, remedy: str = "") -> None:
        super().__init__(f"{message} {cause}".strip())
        self.status = status
        self.code = code
        self.message = message
        self.cause = cause
        self.remedy = remedy

    def as_json(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "cause": self.cause,
                "remedy": self.remedy,
            }
        }


async def answer_error(_request: Request, failure: Exception) -> JSONResponse:
    """Turn a PredictionError into its answer."""
    if not isinstance(failure, PredictionError):
        raise failure
    return JSONResponse(failure.as_json(), status_code=failure.status)
