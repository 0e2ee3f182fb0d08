"""MLServer's data plane with one way in for both fronts: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mlserver.handlers import DataPlane
from mlserver.registry import MultiModelRegistry

from model_server.onnx_model import ModelLoadError, OnnxModel
from model_server.tensors import Array, TensorSpec

Feeds = dict[str, Array]


@dataclass(frozen=True)
class Prediction:
    """Outputs of one prediction and the revision that made them."""

    model_name: str
    model_version: str
    outputs: list[tuple[TensorSpec, Array]]


class ArrayInference:
    """Keeps MLServer's registry, readiness and metrics; skips its per-tensor type objects."""

    def __init__(self, data_plane: DataPlane, registry: MultiModelRegistry) -> None:
        self._data_plane = data_plane
        self._registry = registry

    async def infer_arrays(
        self,
        name: str,
        version: str | None,
        read: Callable[[OnnxModel], tuple[Feeds, list[TensorSpec]]],
    ) -> Prediction:
        """Predict with the model of that name; `read` makes the inputs once it is known."""
        async with self._onnx_model(name, version) as model:
            feeds, wanted = read(model)
            arrays = await model.run(feeds, wanted)
            return Prediction(
                model.revision, model.version or "", list(zip(wanted, arrays, strict=True))
            )

    @asynccontextmanager
    async def _onnx_model(self, name: str, version: str | None) -> AsyncIterator[OnnxModel]:
        # First the look-up: an unknown name must not become a label of the metrics.
        await self._registry.get_model(name, version)
        async with self._data_plane._infer_contextmanager(name, version) as model:
            if not isinstance(model, OnnxModel):
                raise ModelLoadError(f"model {name} is not an ONNX model")
            yield model
