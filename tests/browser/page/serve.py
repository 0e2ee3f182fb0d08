"""Runs the page's server, or the function behind it with a model that answers by a script.

    python serve.py page PORT FUNCTION_PORT DIRECTORY
    python serve.py function PORT TOKEN_FILE

Run by the fixtures, in the function's own environment. ``POST /_lever/NAME`` at the function makes
it, or its model, go wrong in one way; ``/_lever/none`` mends it.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from mnist_webapp import function, page
from mnist_webapp.settings import FunctionSettings, PageSettings

# The page gives the function up after this many seconds; a start takes longer than a glance.
PATIENCE, START, TOO_LONG = 4.0, 2.0, 6.0
SHAPE = [-1, 28, 28, 1]
PROBABILITIES = [0.01, 0.02, 0.0, 0.0, 0.0, 0.0, 0.0, 0.95, 0.0, 0.02]

Faults = dict[str, Callable[[], httpx.Response]]


def distrust() -> httpx.Response:
    """What a certificate of an unknown authority comes to."""
    cause = ssl.SSLCertVerificationError("certificate verify failed")
    cause.verify_message = "self-signed certificate"
    raise httpx.ConnectError("certificate verify failed") from cause


def fail(error: Exception) -> Callable[[], httpx.Response]:
    """A model that cannot be reached."""

    def raise_it() -> httpx.Response:
        raise error

    return raise_it


MODEL_FAULTS: Faults = {
    "token_refused": lambda: httpx.Response(401),
    "token_forbidden": lambda: httpx.Response(403),
    "model_not_deployed": lambda: httpx.Response(404, json={"error": "Model mnist is not there"}),
    "model_failed": lambda: httpx.Response(500, json={"error": "out of memory"}),
    "model_timeout": fail(httpx.ReadTimeout("late")),
    "model_server_down": fail(httpx.ConnectError("Connection refused")),
    "model_certificate_refused": distrust,
    "model_reply_unknown": lambda: httpx.Response(200, text="<html>not a model</html>"),
    "model_input_unknown": lambda: describe("image", [-1, 784]),
}
FUNCTION_FAULTS: dict[str, Response] = {
    "html": HTMLResponse("<h1>It works!</h1>"),
    "no pod": PlainTextResponse("no pod became ready", 503),
    "strange": JSONResponse({"digit": "seven"}),
}
PAUSES = {"slow": START, "late": TOO_LONG}


def describe(name: str, shape: list[int]) -> httpx.Response:
    """A model's metadata."""
    tensor = {"name": name, "datatype": "FP32", "shape": shape}
    return httpx.Response(200, json={"name": "mnist", "inputs": [tensor]})


class ScriptedFunction:
    """The real function in front of a scripted model, with a lever for each fault."""

    def __init__(self, token: Path) -> None:
        self.token = token
        self.fault = "none"
        self.app = self.build()

    def build(self) -> Starlette:
        """The function as it is after a start: it remembers nothing."""
        settings = FunctionSettings.from_environment(
            {"NAMESPACE": "mnist", "MODEL_TOKEN_FILE": str(self.token)}
        )
        return function.create_app(settings, httpx.MockTransport(self.answer_for_the_model))

    def answer_for_the_model(self, request: httpx.Request) -> httpx.Response:
        """What the model says."""
        if fault := MODEL_FAULTS.get(self.fault):
            return fault()
        if request.method == "GET":
            return describe("input_1", SHAPE)
        output = {"name": "out", "shape": [1, 10], "datatype": "FP32", "data": PROBABILITIES}
        return httpx.Response(200, json={"model_name": "mnist", "outputs": [output]})

    async def pull(self, request: Request) -> Response:
        """Let one thing go wrong, or none."""
        self.fault = request.path_params["name"]
        self.token.write_text("" if self.fault == "token_missing" else "a-token")
        self.app = self.build()
        return Response(status_code=204)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as the function does, unless it is the function that goes wrong."""
        await asyncio.sleep(PAUSES.get(self.fault, 0))
        answer = FUNCTION_FAULTS.get(self.fault, self.app)
        await answer(scope, receive, send)


def build_function(token: Path) -> Starlette:
    """The function with its levers."""
    scripted = ScriptedFunction(token)
    lever = Route("/_lever/{name}", scripted.pull, methods=["POST"])
    return Starlette(routes=[lever, Mount("/", scripted)])


def build_page(function_port: str, directory: str) -> Starlette:
    """The page as its pod serves it."""
    settings = PageSettings(f"http://127.0.0.1:{function_port}", Path(directory), PATIENCE)
    return page.create_app(settings)


if __name__ == "__main__":
    kind, port, *rest = sys.argv[1:]
    made = build_page(*rest) if kind == "page" else build_function(Path(rest[0]))
    uvicorn.run(made, host="127.0.0.1", port=int(port), log_level="warning")
