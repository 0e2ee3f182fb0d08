"""A drawing, a model that answers by a script, and clients of the function and the page."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw
from starlette.testclient import TestClient

from mnist_webapp import function, page
from mnist_webapp.settings import FunctionSettings, PageSettings

Handler = Callable[[httpx.Request], httpx.Response]

METADATA = {
    "name": "mnist",
    "platform": "onnx",
    "inputs": [{"name": "input_1", "datatype": "FP32", "shape": [-1, 28, 28, 1]}],
}
PROBABILITIES = [0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.9, 0.02, 0.01]


class ScriptedModel:
    """A V2 server whose answers a test sets; it remembers what it was asked."""

    def __init__(self) -> None:
        self.metadata: Any = METADATA
        self.reply: httpx.Response | Exception | None = None
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.reply, Exception):
            raise self.reply
        if self.reply is not None:
            return self.reply
        if request.method == "GET":
            return httpx.Response(200, json=self.metadata)
        output = {"name": "out", "shape": [1, 10], "datatype": "FP32", "data": PROBABILITIES}
        return httpx.Response(
            200, json={"model_name": "mnist__isvc-0123456789", "outputs": [output]}
        )

    def sent(self) -> dict[str, Any]:
        """Return the last inference request."""
        return json.loads(self.requests[-1].content)


def draw_seven() -> Image.Image:
    """Draw a seven, black on white."""
    image = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(image).line([(80, 60), (200, 60), (120, 230)], fill=0, width=22, joint="curve")
    return image


def as_data_url(image: Image.Image) -> str:
    """Return a picture as the browser sends it."""
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


@pytest.fixture
def drawing() -> str:
    """A seven, as the browser sends it."""
    return as_data_url(draw_seven())


@pytest.fixture
def blank() -> str:
    """An empty canvas, as the browser sends it."""
    return as_data_url(Image.new("L", (280, 280), 255))


@pytest.fixture
def model() -> ScriptedModel:
    """The model behind the function."""
    return ScriptedModel()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """The mounted token."""
    path = tmp_path / "token"
    path.write_text("first-token\n", encoding="ascii")
    return path


@pytest.fixture
def function_settings(tmp_path: Path, token_file: Path) -> FunctionSettings:
    """Settings as the pod has them."""
    return FunctionSettings.from_environment(
        {
            "NAMESPACE": "seat-1",
            "MODEL_TOKEN_FILE": str(token_file),
            "MODEL_CA_FILE": str(tmp_path / "ca.crt"),
            "MODEL_TIMEOUT_SECONDS": "2",
        }
    )


@pytest.fixture
def function_client(
    function_settings: FunctionSettings, model: ScriptedModel
) -> Iterator[TestClient]:
    """A client of the function, whose model is the scripted one."""
    app = function.create_app(function_settings, httpx.MockTransport(model))
    with TestClient(app) as client:
        yield client


@pytest.fixture
def static_directory(tmp_path: Path) -> Path:
    """A page, smaller than the real one."""
    directory = tmp_path / "static"
    directory.mkdir()
    (directory / "index.html").write_text("<!doctype html><title>page</title>", encoding="ascii")
    (directory / "page.js").write_text("export {};", encoding="ascii")
    return directory


@pytest.fixture
def page_client(static_directory: Path) -> Iterator[Callable[[Handler], TestClient]]:
    """A maker of clients of the page, whose function is the given handler."""
    clients: list[TestClient] = []

    def make(handler: Handler) -> TestClient:
        settings = PageSettings.from_environment(
            {"NAMESPACE": "seat-1", "PAGE_STATIC_DIRECTORY": str(static_directory)}
        )
        client = TestClient(page.create_app(settings, httpx.MockTransport(handler)))
        client.__enter__()
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.__exit__(None, None, None)
