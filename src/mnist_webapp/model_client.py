"""The model behind the token proxy: its metadata and its predictions, over verified TLS."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from mnist_webapp.errors import PredictionError
from mnist_webapp.settings import FunctionSettings
from mnist_workload.inference import INPUT_NAME

METADATA_SECONDS = 15.0
PICTURE_SHAPE = (28, 28, 1)


@dataclass(frozen=True)
class ModelInput:
    """The one tensor that the model takes."""

    name: str
    datatype: str
    shape: tuple[int, ...]


def read_model_input(metadata: dict[str, Any]) -> ModelInput:
    """Return the model's input, or refuse a model whose input is not a known one.

    A model that takes something else would answer with confident nonsense, so name, type and
    shape must all be what a 28 x 28 picture fits.
    """
    inputs = metadata.get("inputs") or []
    known = f"one FP32 input named {INPUT_NAME} of shape [1, 28, 28, 1]"
    try:
        tensors = [
            ModelInput(str(item["name"]), str(item["datatype"]), tuple(map(int, item["shape"])))
            for item in inputs
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise _unknown_input(metadata, known, f"metadata that cannot be read: {error}") from error
    if len(tensors) != 1:
        raise _unknown_input(metadata, known, f"{len(tensors)} inputs")
    (tensor,) = tensors
    batch, *picture = tensor.shape or (0,)
    if (
        tensor.name != INPUT_NAME
        or tensor.datatype != "FP32"
        or batch not in (-1, 1)
        or tuple(picture) != PICTURE_SHAPE
    ):
        seen = f"{tensor.datatype} input {tensor.name} of shape {list(tensor.shape)}"
        raise _unknown_input(metadata, known, seen)
    return tensor


def _unknown_input(metadata: dict[str, Any], known: str, has: str) -> PredictionError:
    return PredictionError(
        502,
        "model_input_unknown",
        "The deployed model is not one this page knows how to ask.",
        f"Model {metadata.get('name', '?')} has {has}; the page knows {known}.",
        "Deploy the model that the lab's pipeline stores at onnx/model-v2.onnx.",
    )


class ModelClient:
    """Asks one model, keeping its connection and its metadata for a while."""

    def __init__(
        self, settings: FunctionSettings, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._http: httpx.AsyncClient | None = None
        self._ca_stamp: float | None = None
        self._input: ModelInput | None = None
        self._input_until = 0.0

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def read_input(self) -> ModelInput:
        """Return the model's input from its metadata, asked for at most every 15 seconds."""
        if self._input is None or time.monotonic() >= self._input_until:
            self._input = None
            metadata = await self._call("GET", "")
            self._input = read_model_input(metadata)
            self._input_until = time.monotonic() + METADATA_SECONDS
        return self._input

    async def infer(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a V2 request and return the model's reply."""
        try:
            return await self._call("POST", "/infer", payload)
        except PredictionError:
            self._input = None
            raise

    async def _call(
        self, method: str, path: str, payload: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        settings = self._settings
        url = f"{settings.model_url}/v2/models/{settings.model_name}{path}"
        headers = {"Authorization": f"Bearer {self._read_token()}"}
        http = await self._connect()
        try:
            reply = await http.request(method, url, headers=headers, json=payload)
        except httpx.TimeoutException as error:
            raise PredictionError(
                504,
                "model_timeout",
                "The model did not answer in time.",
                f"No reply from {settings.model_url} within {settings.timeout:g} s.",
                "Look at the model server's pods and their load.",
            ) from error
        except httpx.TransportError as error:
            raise self._explain_transport(error) from error
        if reply.status_code != 200:
            raise self._explain_status(reply)
        try:
            body = reply.json()
        except ValueError as error:
            raise self._broken_reply("its reply is not JSON") from error
        if not isinstance(body, dict):
            raise self._broken_reply("its reply is not a JSON object")
        return body

    def _read_token(self) -> str:
        # Read for each request: a token that is replaced in the Secret works at once.
        path = self._settings.token_file
        try:
            token = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            token = ""
        if not token:
            raise PredictionError(
                503,
                "token_missing",
                "The function has no token for the model server.",
                f"{path} is missing or empty: the Secret model-mesh is not there yet.",
                "Configure the model server with token authorization, service account model-mesh.",
            )
        return token

    async def _connect(self) -> httpx.AsyncClient:
        if self._transport is not None:
            self._http = self._http or httpx.AsyncClient(transport=self._transport)
            return self._http
        path = self._settings.ca_file
        try:
            stamp = path.stat().st_mtime
            if self._http is None or stamp != self._ca_stamp:
                await self.close()
                context = ssl.create_default_context(cafile=str(path))
                self._http = httpx.AsyncClient(verify=context, timeout=self._settings.timeout)
                self._ca_stamp = stamp
        except (OSError, ssl.SSLError) as error:
            raise PredictionError(
                503,
                "ca_missing",
                "The function cannot verify the model server's certificate.",
                f"The certificate authority at {path} cannot be read: {error}.",
                "The ConfigMap mnist-function-ca should carry service-ca.crt.",
            ) from error
        return self._http

    def _explain_transport(self, error: httpx.TransportError) -> PredictionError:
        url = self._settings.model_url
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return PredictionError(
                    502,
                    "model_certificate_refused",
                    "The model server's certificate is not trusted.",
                    f"{url}: {cause.verify_message}.",
                    "The serving certificate must be signed by the cluster's service CA.",
                )
            cause = cause.__cause__ or cause.__context__
        return PredictionError(
            503,
            "model_server_down",
            "The model server does not answer.",
            f"{url}: {error or type(error).__name__}.",
            "Configure the model server and deploy the model; its pods may still be starting.",
        )

    def _explain_status(self, reply: httpx.Response) -> PredictionError:
        name, url = self._settings.model_name, self._settings.model_url
        said = _read_error(reply)
        if reply.status_code == 401:
            return PredictionError(
                502,
                "token_refused",
                "The model server refused the function's token.",
                f"{url} answered 401{said}. The token in Secret model-mesh is not valid any more.",
                "Create the Secret model-mesh anew, or wait until it has been renewed.",
            )
        if reply.status_code == 403:
            right, remedy = _explain_right(self._settings)
            return PredictionError(
                502,
                "token_forbidden",
                "The function's token may not use this model server.",
                f"{url} answered 403{said}: the service account lacks the right to {right}.",
                remedy,
            )
        if reply.status_code == 404:
            return PredictionError(
                503,
                "model_not_deployed",
                f"The model {name} is not deployed.",
                f"{url} knows no model of that name, or it is still loading{said}.",
                "Deploy the model, and look at its status if it is.",
            )
        return PredictionError(
            502,
            "model_failed",
            "The model server could not answer.",
            f"{url} answered {reply.status_code}{said}.",
            "Look at the model server's log.",
        )

    def _broken_reply(self, what: str) -> PredictionError:
        return PredictionError(
            502,
            "model_reply_unknown",
            "The model server's reply cannot be understood.",
            f"{self._settings.model_url}: {what}.",
            "Check that MODEL_URL names a V2 inference server.",
        )


def _explain_right(settings: FunctionSettings) -> tuple[str, str]:
    """Name the right that the token proxy asks for, and how the service account gets it.

    A model that KServe serves by itself (Service ``<model>-predictor``) is guarded by the right to
    get that one InferenceService, ModelMesh by the right to get Services in its project.
    """
    name = settings.model_name
    host = urlsplit(settings.model_url).hostname or ""
    if host.split(".")[0] == f"{name}-predictor":
        return (
            f"get the InferenceService {name}",
            f"Bind the service account of Secret model-mesh to the Role {name}-view-role.",
        )
    return (
        "get services",
        "Bind the service account of Secret model-mesh to the ClusterRole view.",
    )


def _read_error(reply: httpx.Response) -> str:
    try:
        said = reply.json().get("error", "")
    except (ValueError, AttributeError):
        return ""
    return f" ({str(said)[:200]})" if said else ""
