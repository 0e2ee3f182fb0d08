"""The serverless function between the page and the model.

It turns a drawing (PNG) into the tensor that the model takes (`process_data`), puts that into
the request that a V2 inference server takes (`process_payload`), asks the model through its
token proxy and answers with ten probabilities and the picture that the model saw.

Starlette alone serves it: FastAPI on top would add half a second to every start from zero.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mnist_webapp.errors import PredictionError, answer_error
from mnist_webapp.model_client import ModelClient
from mnist_webapp.server import healthz, serve
from mnist_webapp.settings import FunctionSettings
from mnist_workload.errors import DrawingError, InferenceError
from mnist_workload.inference import process_data, process_payload, read_probabilities

STARTED = time.monotonic()


def create_app(
    settings: FunctionSettings, transport: httpx.AsyncBaseTransport | None = None
) -> Starlette:
    """Build the function's application; a transport stands in for the model in tests."""
    model = ModelClient(settings, transport)
    served = 0

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await model.close()

    async def predict(request: Request) -> JSONResponse:
        """Recognise the digit in `{"image": "data:image/png;base64,…"}`."""
        nonlocal served
        began = time.perf_counter()
        tensor = read_drawing(await read_image(request))
        prepared = time.perf_counter()
        model_input = await model.read_input()
        reply = await model.infer(process_payload(tensor))
        answered = time.perf_counter()
        served += 1
        probabilities = read_reply(reply)
        return JSONResponse(
            {
                "digit": max(range(len(probabilities)), key=probabilities.__getitem__),
                "probabilities": probabilities,
                "picture": [[round(float(v) * 255) for v in row] for row in tensor[0, :, :, 0]],
                "model": {
                    "name": settings.model_name,
                    "revision": reply.get("model_name", ""),
                    "version": reply.get("model_version", ""),
                    "input": model_input.name,
                },
                "timings_ms": {
                    "prepare": round((prepared - began) * 1000, 2),
                    "model": round((answered - prepared) * 1000, 2),
                },
                "first_of_this_instance": served == 1,
                "instance_seconds": round(time.monotonic() - STARTED, 1),
            }
        )

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/", predict, methods=["POST"]),
            Route("/predict", predict, methods=["POST"]),
        ],
        exception_handlers={PredictionError: answer_error},
        lifespan=lifespan,
    )


async def read_image(request: Request) -> str:
    """Return the drawing's data URL from the request's JSON."""
    try:
        body = await request.json()
    except ValueError as error:
        raise _refuse_drawing("The request is not JSON.") from error
    image = body.get("image") if isinstance(body, dict) else None
    if not isinstance(image, str):
        raise _refuse_drawing('The request must be {"image": "data:image/png;base64,…"}.')
    return image


def read_drawing(image: str) -> Any:
    """Turn the drawing into the model's tensor, or say why it cannot be used."""
    try:
        return process_data(image)
    except DrawingError as error:
        raise _refuse_drawing(str(error)) from error


def read_reply(reply: dict[str, Any]) -> list[float]:
    """Take the probabilities out of the model's reply, or say what it holds instead."""
    try:
        return read_probabilities(reply)
    except InferenceError as error:
        raise PredictionError(
            502,
            "model_reply_unknown",
            "The model's answer cannot be understood.",
            f"{error}.",
            "Deploy the model that the lab's pipeline stores at onnx/model-v2.onnx.",
        ) from error


def _refuse_drawing(cause: str) -> PredictionError:
    return PredictionError(
        422,
        "drawing_refused",
        "The drawing cannot be used.",
        cause,
        "Draw one digit on the canvas and try again.",
    )


def main() -> None:
    """Serve the function on port 8080."""
    serve(create_app(FunctionSettings.from_environment()))


if __name__ == "__main__":
    main()
