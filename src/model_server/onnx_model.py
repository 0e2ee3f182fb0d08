"""MLServer's runtime class for ONNX models, on ONNX Runtime."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.errors import MLServerError
from mlserver.types import (
    Datatype,
    InferenceRequest,
    InferenceResponse,
    MetadataModelResponse,
    MetadataTensor,
)

from model_server.memory import available_bytes
from model_server.tensors import (
    DTYPES,
    ONNX_TO_V2,
    Array,
    InvalidTensorError,
    TensorSpec,
    from_json,
)

# A model slower than this runs in a thread, so that it does not hold up the others' requests.
INLINE_SECONDS = 0.003
# ONNX Runtime keeps the graph, its weights and a packed copy of them.
MEMORY_FACTOR = 3


class ModelLoadError(MLServerError):
    """The model cannot be loaded; the message says why."""

    def __init__(self, message: str, status_code: int = 400) -> None:
        super().__init__(message, status_code)


class OnnxModel(MLModel):
    """One revision of one ONNX model."""

    _session: onnxruntime.InferenceSession | None = None
    _run_inline = True

    @property
    def revision(self) -> str:
        """The revision's name, which replies carry as `model_name`."""
        parameters = self.settings.parameters
        extra = (parameters.extra if parameters else None) or {}
        return str(extra.get("revision", self.name))

    async def load(self) -> bool:
        """Open the model's file in ONNX Runtime and run it once on zeros."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._load)
        return True

    def _load(self) -> None:
        path = Path(str(self.settings.parameters.uri if self.settings.parameters else ""))
        folder = path.parent.resolve()
        if not path.is_file() or not path.resolve().is_relative_to(folder):
            raise ModelLoadError(f"no model file at {path.name}")
        free = available_bytes()
        if free is not None and path.stat().st_size * MEMORY_FACTOR > free:
            raise ModelLoadError(
                f"out of memory: the model's {path.stat().st_size} bytes need about "
                f"{path.stat().st_size * MEMORY_FACTOR}, {free} are left in the container",
                507,
            )
        self._session = open_session(path)
        self.input_specs = describe(self._session.get_inputs(), "input")
        self.output_specs = describe(self._session.get_outputs(), "output")
        self._inputs_by_name = {spec.name: spec for spec in self.input_specs}
        self._outputs_by_name = {spec.name: spec for spec in self.output_specs}
        self.inputs = [_metadata(spec) for spec in self.input_specs]
        self.outputs = [_metadata(spec) for spec in self.output_specs]
        self._run_inline = seconds_to_run(self._session, self.input_specs) < INLINE_SECONDS

    async def unload(self) -> bool:
        """Let go of the session; a prediction that still runs keeps it until it ends."""
        self._session = None
        return True

    async def metadata(self) -> MetadataModelResponse:
        """What V2 says of the model; the name is the revision's, as ModelMesh has it."""
        response = await super().metadata()
        response.name = self.revision
        return response

    def input_spec(self, name: object) -> TensorSpec:
        """The input of that name, else InvalidTensorError with the names there are."""
        spec = self._inputs_by_name.get(name) if isinstance(name, str) else None
        if spec is None:
            raise InvalidTensorError(
                f"model has no input '{str(name)[:64]}'; it has {sorted(self._inputs_by_name)}"
            )
        return spec

    def wanted_outputs(self, names: Iterable[object] | None) -> list[TensorSpec]:
        """The outputs that the request names, or all of them."""
        if not names:
            return self.output_specs
        wanted = []
        for name in names:
            spec = self._outputs_by_name.get(name) if isinstance(name, str) else None
            if spec is None:
                raise InvalidTensorError(
                    f"model has no output '{str(name)[:64]}'; "
                    f"it has {sorted(self._outputs_by_name)}"
                )
            wanted.append(spec)
        return wanted

    async def run(self, feeds: dict[str, Array], wanted: list[TensorSpec]) -> list[Array]:
        """Run the model on checked inputs."""
        missing = [spec.name for spec in self.input_specs if spec.name not in feeds]
        if missing:
            raise InvalidTensorError(f"the request lacks input {missing}")
        session = self._session
        if session is None:
            raise ModelLoadError(f"model {self.name} is being unloaded", 503)
        names = [spec.name for spec in wanted]
        try:
            if self._run_inline and _batch(feeds) <= 8:
                return session.run(names, feeds)  # type: ignore[no-any-return]
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(None, session.run, names, feeds)
        except (onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument, ValueError) as error:
            raise InvalidTensorError(f"the model refused its input: {_one_line(error)}") from error

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """MLServer's own way in, for callers of its data plane."""
        feeds = {}
        for tensor in payload.inputs:
            spec = self.input_spec(tensor.name)
            datatype = getattr(tensor.datatype, "value", tensor.datatype)
            shape = spec.check(str(datatype), tensor.shape)
            feeds[spec.name] = from_json(spec, shape, list(tensor.data))
        wanted = self.wanted_outputs([output.name for output in payload.outputs or []])
        arrays = await self.run(feeds, wanted)
        return InferenceResponse(
            model_name=self.revision,
            model_version=self.version,
            outputs=[
                NumpyCodec.encode_output(spec.name, array)
                for spec, array in zip(wanted, arrays, strict=True)
            ],
        )


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open a model for serving, or raise ModelLoadError with ONNX Runtime's reason."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("LAB_SERVER_THREADS", "1"))
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Threads that spin would take the cores from the proxy and from the request loop.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except MemoryError as error:
        raise ModelLoadError(f"out of memory: {_one_line(error)}", 507) from error
    except Exception as error:
        # ONNX Runtime raises a class of its own for each kind of fault, with no common parent.
        text = _one_line(error)
        if "bad_alloc" in text or "Failed to allocate memory" in text:
            raise ModelLoadError(f"out of memory: {text}", 507) from error
        raise ModelLoadError(f"not a loadable ONNX model: {text}") from error


def describe(arguments: Iterable[Any], kind: str) -> list[TensorSpec]:
    """ONNX Runtime's inputs or outputs in V2's terms."""
    specs = []
    for argument in arguments:
        datatype = ONNX_TO_V2.get(argument.type)
        if datatype is None:
            raise ModelLoadError(
                f"{kind} '{argument.name}' has type {argument.type}, which V2 cannot carry"
            )
        shape = tuple(size if isinstance(size, int) else -1 for size in argument.shape)
        specs.append(TensorSpec(argument.name, datatype, shape))
    return specs


def seconds_to_run(session: onnxruntime.InferenceSession, specs: list[TensorSpec]) -> float:
    """Seconds of the best of three runs on zeros; infinite where zeros do not fit the model."""
    feeds = {}
    for spec in specs:
        shape = [max(size, 1) for size in spec.shape]
        if spec.datatype == "BYTES":
            feeds[spec.name] = np.full(shape, "", dtype=np.object_)
        else:
            feeds[spec.name] = np.zeros(shape, dtype=DTYPES[spec.datatype])
    best = float("inf")
    try:
        for _ in range(3):
            started = time.perf_counter()
            session.run(None, feeds)
            best = min(best, time.perf_counter() - started)
    except Exception:
        # Some models cannot take a batch of one zero; they are served all the same.
        return float("inf")
    return best


def _batch(feeds: dict[str, Array]) -> int:
    return max((array.shape[0] if array.ndim else 1 for array in feeds.values()), default=1)


def _metadata(spec: TensorSpec) -> MetadataTensor:
    return MetadataTensor(name=spec.name, datatype=Datatype(spec.datatype), shape=list(spec.shape))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:400] or type(error).__name__
