"""What every part of the interface needs: who asks, errors as answers, where a write came from."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard import errors
from dashboard.errors import RefusalError
from dashboard.learner import Learner
from lab_ground.same_origin import is_same_origin

logger = logging.getLogger(__name__)

TOKEN_HEADER = "x-forwarded-access-token"  # noqa: S105 - a header's name
USER_HEADER = "x-forwarded-user"
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
LARGEST_BODY = 4 * 1024 * 1024
# All scripts and styles are the bundle's own. PatternFly's popovers are placed by the element's
# style, which React sets through the DOM: no style is inline in the page's text.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def learner_of(request: Request) -> Learner:
    """Who asks.

    Raises:
        RefusalError: nobody is signed in.
    """
    token = request.headers.get(TOKEN_HEADER, "")
    if not token:
        raise errors.sign_in()
    state = request.app.state
    return Learner(
        user=request.headers.get(USER_HEADER) or "unknown",
        token=token,
        acting=state.cluster.acting(token),
        catalogue=state.catalogue,
        settings=state.settings,
        reviews=state.reviews,
    )


Asking = Annotated[Learner, Depends(learner_of)]
DryRun = Annotated[bool, Query(alias="dryRun")]


def answer_refusal(_: Request, refusal: Exception) -> JSONResponse:
    """A refusal as an answer."""
    assert isinstance(refusal, RefusalError)  # noqa: S101 - registered for it alone
    headers = {"Retry-After": "2"} if refusal.status == 503 else {}
    return JSONResponse(refusal.as_dict(), refusal.status, headers)


def answer_invalid(_: Request, error: Exception) -> JSONResponse:
    """What pydantic says of a body, in the same shape."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    refusal = errors.invalid(faults_of(error.errors()))
    return JSONResponse(refusal.as_dict(), refusal.status)


def faults_of(found: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Faults of shape by field, each a sentence."""
    faults: dict[str, str] = {}
    for fault in found:
        place = [str(part) for part in fault["loc"] if part not in ("body", "query", "new",
                                                                     "existing")]  # fmt: skip
        name = ".".join(place) or "body"
        faults.setdefault(name, f"The field {name} cannot be used: {fault['msg']}.")
    return faults or {"body": "The request cannot be read."}


class Guard:
    """Refuses writes that come from elsewhere or are no JSON, and puts the headers on answers."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        refusal = refused(scope["method"], str(scope["path"]), headers)

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                present = {key.lower() for key, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (key.lower().encode(), value.encode())
                        for key, value in HEADERS.items()
                        if key.lower().encode() not in present
                    ),
                ]
                if str(scope["path"]).startswith("/api/") and b"cache-control" not in present:
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        if refusal is not None:
            response = JSONResponse(refusal.as_dict(), refusal.status)
            await response(scope, receive, with_headers)
            return
        await self._application(scope, receive, with_headers)


def refused(method: str, path: str, headers: Mapping[str, str]) -> RefusalError | None:
    """Why a request is not let in; None where it is."""
    if method not in WRITES:
        return None
    if not is_same_origin(headers):
        return RefusalError(
            403, "Origin", "This request does not come from the dashboard's own page."
        )
    if "transfer-encoding" in headers:
        return RefusalError(411, "Length", "The length of what is sent must be told before.")
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > LARGEST_BODY:
        return RefusalError(413, "TooLarge", f"More than {LARGEST_BODY // 2**20} MiB were sent.")
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    upload = path.endswith("/pipelines") and kind == "multipart/form-data"
    if kind != "application/json" and not upload and (method != "DELETE" or kind):
        return RefusalError(415, "MediaType", "The content type must be application/json.")
    return None


def stream_headers() -> dict[str, str]:
    """Headers of a stream of events."""
    return {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def parse_json(text: str) -> Any:
    """JSON, or a RefusalError."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise errors.invalid({"body": f"This is no JSON: {error}."}) from error
