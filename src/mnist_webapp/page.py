"""The web page: its files under a strict policy, and the way to the function behind it.

The browser talks to this server only. It passes a drawing on to the serverless function, waits
while that starts, and turns every failure into an answer with a cause.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from mnist_webapp.errors import PredictionError, answer_error
from mnist_webapp.server import healthz, serve
from mnist_webapp.settings import PageSettings

BODY_LIMIT = 2 * 1024 * 1024
# Digits that there are, and pixels along a side of the picture that the model sees.
CLASSES, SIDE = 10, 28
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
logger = logging.getLogger(__name__)


def create_app(
    settings: PageSettings, transport: httpx.AsyncBaseTransport | None = None
) -> Starlette:
    """Build the page's application; a transport stands in for the function in tests."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        timeout = httpx.Timeout(settings.timeout, connect=10)
        async with httpx.AsyncClient(transport=transport, timeout=timeout) as client:
            app.state.function = client
            yield

    async def wake_function(request: Request) -> JSONResponse:
        """Wake the function, and say how long that took."""
        began = time.perf_counter()
        await call_function(request.app.state.function, settings, "GET", "/healthz")
        return JSONResponse({"ready": True, "waited_ms": milliseconds_since(began)})

    async def predict(request: Request) -> JSONResponse:
        """Pass a drawing on to the function and its answer back."""
        body = await read_body(request)
        began = time.perf_counter()
        answer = await call_function(request.app.state.function, settings, "POST", "/predict", body)
        if not can_be_shown(answer):
            raise PredictionError(
                502,
                "function_reply_unknown",
                "The preprocessing function's answer cannot be understood.",
                f"{settings.function_url} answered, but not with a digit and how likely it is.",
                "Deploy page and function of the same image with oc apply -k ./inference/.",
            )
        answer["waited_ms"] = milliseconds_since(began)
        return JSONResponse(answer)

    async def index(_request: Request) -> FileResponse:
        return FileResponse(settings.static_directory / "index.html")

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/api/function", wake_function),
            Route("/api/predict", predict, methods=["POST"]),
            Route("/", index),
            Mount("/", StaticFiles(directory=settings.static_directory)),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=add_security_headers)],
        exception_handlers={PredictionError: answer_error},
        lifespan=lifespan,
    )


async def add_security_headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Put the page's policy on every answer."""
    response = await call_next(request)
    for name, value in SECURITY_HEADERS.items():
        response.headers[name] = value
    # A browser asks each time whether a file has changed, so that a page never meets the script of
    # an older image.
    api = request.url.path.startswith("/api/")
    response.headers["Cache-Control"] = "no-store" if api else "no-cache"
    return response


async def read_body(request: Request) -> bytes:
    """Read a request's body, up to the limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise PredictionError(
                413,
                "drawing_refused",
                "The drawing is too large.",
                f"The request is larger than {BODY_LIMIT // 1024} KiB.",
                "Send a picture of at most 1 MiB.",
            )
    return bytes(body)


async def call_function(
    client: httpx.AsyncClient,
    settings: PageSettings,
    method: str,
    path: str,
    body: bytes | None = None,
) -> dict[str, Any]:
    """Ask the function, and explain it when that fails."""
    url = f"{settings.function_url}{path}"
    headers = {"Content-Type": "application/json"} if body is not None else {}
    try:
        reply = await client.request(method, url, content=body, headers=headers)
    except httpx.TimeoutException as error:
        raise PredictionError(
            504,
            "function_timeout",
            "The preprocessing function did not start in time.",
            f"No reply from {settings.function_url} within {settings.timeout:g} s.",
            "Look at the function's pods: oc get pods,ksvc.",
        ) from error
    except httpx.TransportError as error:
        raise PredictionError(
            503,
            "function_down",
            "The preprocessing function cannot be reached.",
            f"{settings.function_url}: {error or type(error).__name__}.",
            "Deploy it with oc apply -k ./inference/ and look at oc get ksvc.",
        ) from error
    try:
        answer = reply.json()
    except ValueError:
        answer = None
    if reply.status_code == 200 and isinstance(answer, dict):
        return answer
    raise explain_reply(settings, reply, answer)


def can_be_shown(answer: dict[str, Any]) -> bool:
    """Tell whether an answer holds all that the page shows."""
    probabilities, picture = answer.get("probabilities"), answer.get("picture")
    timings = answer.get("timings_ms")
    return (
        answer.get("digit") in range(CLASSES)
        and has_numbers(probabilities, CLASSES)
        and isinstance(picture, list)
        and len(picture) == SIDE
        and all(has_numbers(row, SIDE) for row in picture)
        and isinstance(timings, dict)
        and has_numbers([timings.get("prepare"), timings.get("model")], 2)
    )


def has_numbers(values: Any, count: int) -> bool:
    """Tell whether this is a list of so many numbers."""
    return (
        isinstance(values, list)
        and len(values) == count
        and all(isinstance(value, int | float) for value in values)
    )


def explain_reply(settings: PageSettings, reply: httpx.Response, answer: Any) -> PredictionError:
    """Turn the function's refusal, or another's in its place, into a failure with a cause."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict) and {"code", "message", "cause"} <= error.keys():
        return PredictionError(
            reply.status_code,
            str(error["code"]),
            str(error["message"]),
            str(error["cause"]),
            str(error.get("remedy", "")),
        )
    said = reply.text.strip()[:200]
    return PredictionError(
        503,
        "function_down",
        "The preprocessing function cannot answer.",
        f"{settings.function_url} answered {reply.status_code}{f': {said}' if said else ''}.",
        "Look at the function's status and pods: oc get ksvc,pods.",
    )


def milliseconds_since(began: float) -> float:
    """Return the milliseconds since a perf_counter reading."""
    return round((time.perf_counter() - began) * 1000, 2)


def main() -> None:
    """Serve the page on port 8080."""
    serve(create_app(PageSettings.from_environment()))


if __name__ == "__main__":
    main()
