"""The V2 REST front on port 8008.

`infer` is answered here, from bytes to arrays and back without a model object per tensor, which
is most of what a small model's request costs. Everything else (metadata, readiness, health) is
MLServer's own application, less the model-repository calls, which only the pod itself may make.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from fastapi import FastAPI
from mlserver.errors import MLServerError, ModelNotReady
from mlserver.handlers import DataPlane, ModelRepositoryHandlers
from mlserver.rest.app import create_app
from mlserver.settings import Settings

from model_server.data_plane import ArrayInference, Feeds, Prediction
from model_server.onnx_model import OnnxModel
from model_server.tensors import InvalidTensorError, TensorSpec, from_bytes, from_json, to_bytes

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_INFER = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer/?")
_DRAIN_FACTOR = 4
_HEADER_LENGTH = b"inference-header-content-length"
_PUBLIC = re.compile(
    r"/v2(?:/health/(?:live|ready)|/models/\{model_name\}(?:/versions/\{model_version\})?(?:/ready)?)?"
)


class RequestError(MLServerError):
    """A request that is refused before any model sees it."""


class InferenceApp:
    """ASGI application: `infer` here, the rest of V2 by MLServer."""

    def __init__(
        self, inference: ArrayInference, rest: FastAPI, *, max_bytes: int, timeout: float
    ) -> None:
        self._inference = inference
        self._rest = rest
        self._max_bytes = max_bytes
        self._timeout = timeout

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request."""
        match = _INFER.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if match is None:
            await self._rest(scope, receive, send)
            return
        try:
            status, headers, body = await self._infer(scope, receive, match[1], match[2])
        except MLServerError as error:
            status, headers, body = _refusal(error)
            if status == 413:
                await self._drain(receive)
        except asyncio.CancelledError:
            raise
        except Exception:
            status, headers, body = 500, [], b'{"error":"internal error"}'
            _log_exception()
        headers = [(b"content-length", str(len(body)).encode()), *headers]
        if status in {408, 413}:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _infer(
        self, scope: MutableMapping[str, Any], receive: Receive, name: str, version: str | None
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        if scope["method"] != "POST":
            raise RequestError("infer takes POST", 405)
        length = declared_json_length(scope["headers"], self._max_bytes)
        body = await self._read(receive)
        request, tail = split_body(body, length)
        prediction = await self._inference.infer_arrays(
            name, version, lambda model: read_inputs(model, request, tail)
        )
        return render(request, prediction)

    async def _read(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self._timeout):
                message = await _part(receive)
                if not message.get("more_body"):
                    return self._within(message.get("body", b""))
                chunks = bytearray(message.get("body", b""))
                while message.get("more_body"):
                    message = await _part(receive)
                    chunks += message.get("body", b"")
                    self._within(chunks)
        except TimeoutError:
            raise RequestError(f"the body did not arrive within {self._timeout:g} s", 408) from None
        return bytes(chunks)

    async def _drain(self, receive: Receive) -> None:
        """Take what a client still sends, within bounds, so that it gets to read the refusal."""
        left = _DRAIN_FACTOR * self._max_bytes
        message: Message = {"more_body": True}
        try:
            async with asyncio.timeout(self._timeout):
                while message.get("more_body") and left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
        except TimeoutError:
            return

    def _within(self, body: Any) -> Any:
        if len(body) > self._max_bytes:
            raise RequestError(f"the body is larger than {self._max_bytes} bytes", 413)
        return body


async def _part(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise RequestError("the client went away", 400)
    return message


def public_app(
    settings: Settings, data_plane: DataPlane, repository: ModelRepositoryHandlers
) -> FastAPI:
    """MLServer's application with only what a client of the models may call."""
    app = create_app(settings, data_plane=data_plane, model_repository_handlers=repository)
    app.router.routes = [
        route for route in app.router.routes if _PUBLIC.fullmatch(getattr(route, "path", ""))
    ]
    return app


def declared_json_length(headers: list[tuple[bytes, bytes]], max_bytes: int) -> int | None:
    """Length of the JSON part where the body has a binary part; refuses an announced excess."""
    length = None
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value) > max_bytes:
            raise RequestError(f"the body is larger than {max_bytes} bytes", 413)
        if name == b"content-encoding" and value != b"identity":
            raise RequestError("compressed bodies are not taken", 415)
        if name == _HEADER_LENGTH:
            if not value.isdigit():
                raise RequestError("Inference-Header-Content-Length is not a number", 400)
            length = int(value)
    return length


def split_body(body: bytes, length: int | None) -> tuple[dict[str, Any], memoryview]:
    """The JSON object and the binary tensors after it."""
    view = memoryview(body)
    if length is not None and length > len(body):
        raise RequestError("Inference-Header-Content-Length is larger than the body", 400)
    try:
        request = orjson.loads(body if length is None else view[:length])
    except (orjson.JSONDecodeError, json.JSONDecodeError) as error:
        raise RequestError(f"malformed JSON: {error}", 400) from error
    if not isinstance(request, dict):
        raise RequestError("the request must be a JSON object", 400)
    return request, view[length:] if length is not None else view[:0]


def read_inputs(
    model: OnnxModel, request: dict[str, Any], tail: memoryview
) -> tuple[Feeds, list[TensorSpec]]:
    """Check the request against the model and make its arrays."""
    tensors = request.get("inputs")
    if not isinstance(tensors, list) or not tensors:
        raise InvalidTensorError("the request lacks 'inputs', a list of tensors")
    feeds: Feeds = {}
    position = 0
    for tensor in tensors:
        if not isinstance(tensor, dict):
            raise InvalidTensorError("each of 'inputs' must be an object")
        for field in ("name", "shape", "datatype"):
            if field not in tensor:
                raise InvalidTensorError(f"an input lacks '{field}'")
        spec = model.input_spec(tensor["name"])
        if spec.name in feeds:
            raise InvalidTensorError(f"input '{spec.name}' is given twice")
        shape = tensor["shape"]
        if not isinstance(shape, list):
            raise InvalidTensorError(f"shape of input '{spec.name}' must be a list")
        shape = spec.check(tensor["datatype"], shape)
        size = _parameters(tensor).get("binary_data_size")
        if size is None:
            if "data" not in tensor:
                raise InvalidTensorError("an input lacks 'data'")
            feeds[spec.name] = from_json(spec, shape, tensor["data"])
            continue
        if type(size) is not int or size < 0 or position + size > len(tail):
            raise InvalidTensorError(f"binary_data_size of input '{spec.name}' does not fit")
        feeds[spec.name] = from_bytes(spec, shape, tail[position : position + size])
        position += size
    outputs = request.get("outputs")
    if outputs is not None and not (
        isinstance(outputs, list) and all(isinstance(item, dict) for item in outputs)
    ):
        raise InvalidTensorError("'outputs' must be a list of objects")
    return feeds, model.wanted_outputs([item.get("name") for item in outputs or []])


def render(
    request: dict[str, Any], prediction: Prediction
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """The V2 reply, with binary tensors where the request asks for them."""
    all_binary = _parameters(request).get("binary_data_output") is True
    asked = {item.get("name"): item for item in request.get("outputs") or []}
    reply: dict[str, Any] = {
        "model_name": prediction.model_name,
        "model_version": prediction.model_version,
    }
    if isinstance(request.get("id"), str):
        reply["id"] = request["id"]
    outputs = []
    tail = b""
    for spec, array in prediction.outputs:
        output: dict[str, Any] = {
            "name": spec.name,
            "shape": list(array.shape),
            "datatype": spec.datatype,
        }
        binary = _parameters(asked.get(spec.name, {})).get("binary_data", all_binary)
        if binary is True:
            raw = to_bytes(spec.datatype, array)
            output["parameters"] = {"binary_data_size": len(raw)}
            tail += raw
        elif array.dtype.kind in "fiub" and array.dtype.itemsize > 1 and array.dtype.kind != "b":
            output["data"] = array.ravel()
        else:
            output["data"] = array.ravel().tolist()
        outputs.append(output)
    reply["outputs"] = outputs
    text = orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY)
    if not tail:
        return 200, [(b"content-type", b"application/json")], text
    headers = [
        (b"content-type", b"application/octet-stream"),
        (_HEADER_LENGTH, str(len(text)).encode()),
    ]
    return 200, headers, text + tail


def _parameters(item: dict[str, Any]) -> dict[str, Any]:
    parameters = item.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _refusal(error: MLServerError) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    status = 503 if isinstance(error, ModelNotReady) else error.status_code
    headers = [(b"content-type", b"application/json")]
    if status == 405:
        headers.append((b"allow", b"POST"))
    return status, headers, orjson.dumps({"error": str(error)})


def _log_exception() -> None:
    from mlserver.logging import logger

    logger.exception("A request failed for a reason that is not the client's")
