"""The V2 gRPC front on port 8033: `inference.GRPCInferenceService`, less the repository calls."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc import aio
from mlserver.errors import MLServerError
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc.dataplane_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from mlserver.grpc.server import GRPCServer
from mlserver.grpc.servicers import InferenceServicer
from mlserver.handlers import DataPlane, ModelRepositoryHandlers

from model_server.data_plane import ArrayInference, Feeds
from model_server.onnx_model import OnnxModel
from model_server.tensors import InvalidTensorError, TensorSpec, from_bytes, from_values, to_bytes

_CONTENTS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
}
_CODES = {
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    507: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class ArrayServicer(InferenceServicer):
    """Answers `ModelInfer` from arrays; refuses the model-repository calls."""

    def __init__(
        self, data_plane: DataPlane, repository: ModelRepositoryHandlers, inference: ArrayInference
    ) -> None:
        super().__init__(data_plane, repository)
        self._inference = inference

    async def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802 - the service's name
        """One prediction."""
        try:
            prediction = await self._inference.infer_arrays(
                request.model_name,
                request.model_version or None,
                lambda model: read_inputs(model, request),
            )
        except MLServerError as error:
            code = _CODES.get(error.status_code, grpc.StatusCode.INVALID_ARGUMENT)
            await context.abort(code, str(error))
        reply = pb.ModelInferResponse(
            model_name=prediction.model_name,
            model_version=prediction.model_version,
            id=request.id,
        )
        for spec, array in prediction.outputs:
            reply.outputs.add(name=spec.name, datatype=spec.datatype, shape=array.shape)
            if request.raw_input_contents or spec.datatype not in _CONTENTS:
                reply.raw_output_contents.append(to_bytes(spec.datatype, array))
            else:
                field = getattr(reply.outputs[-1].contents, _CONTENTS[spec.datatype])
                field.extend(array.ravel().tolist())
        return reply

    async def ModelReady(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Whether that model answers; an unknown one is NOT_FOUND."""
        try:
            ready = await self._data_plane.model_ready(request.name, request.version or None)
        except MLServerError as error:
            await context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        return pb.ModelReadyResponse(ready=ready)

    async def ModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Inputs and outputs of a model."""
        try:
            found = await self._data_plane.model_metadata(request.name, request.version or None)
        except MLServerError as error:
            await context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        reply = pb.ModelMetadataResponse(
            name=found.name, platform=found.platform, versions=found.versions or []
        )
        for tensors, target in ((found.inputs, reply.inputs), (found.outputs, reply.outputs)):
            for tensor in tensors or []:
                datatype = getattr(tensor.datatype, "value", tensor.datatype)
                target.add(name=tensor.name, datatype=datatype, shape=tensor.shape)
        return reply

    async def ModelStreamInfer(self, _requests: Any, context: Any) -> Any:  # noqa: N802
        """Not offered: the models here answer once."""
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "streaming inference is not offered")

    async def _no_repository(self, _request: Any, context: Any) -> Any:
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED, "the model repository is not offered on this port"
        )

    RepositoryIndex = _no_repository
    RepositoryModelLoad = _no_repository
    RepositoryModelUnload = _no_repository


class ArrayGRPCServer(GRPCServer):
    """MLServer's gRPC server with the servicer above."""

    inference: ArrayInference

    def _create_server(self) -> Any:
        self._server = aio.server(ThreadPoolExecutor(max_workers=2), options=self._get_options())
        servicer = ArrayServicer(self._data_plane, self._model_repository_handlers, self.inference)
        add_GRPCInferenceServiceServicer_to_server(servicer, self._server)
        self._server.add_insecure_port(f"{self._settings.host}:{self._settings.grpc_port}")
        return self._server


def read_inputs(model: OnnxModel, request: Any) -> tuple[Feeds, list[TensorSpec]]:
    """Check the request against the model and make its arrays."""
    if not request.inputs:
        raise InvalidTensorError("the request lacks inputs")
    raws = request.raw_input_contents
    if raws and len(raws) != len(request.inputs):
        raise InvalidTensorError("raw_input_contents must have one entry for each input")
    feeds: Feeds = {}
    for position, tensor in enumerate(request.inputs):
        spec = model.input_spec(tensor.name)
        if spec.name in feeds:
            raise InvalidTensorError(f"input '{spec.name}' is given twice")
        shape = spec.check(tensor.datatype, list(tensor.shape))
        if raws:
            feeds[spec.name] = from_bytes(spec, shape, raws[position])
        elif spec.datatype in _CONTENTS:
            values = getattr(tensor.contents, _CONTENTS[spec.datatype])
            feeds[spec.name] = from_values(spec, shape, values)
        else:
            raise InvalidTensorError(f"datatype {spec.datatype} needs raw_input_contents")
    return feeds, model.wanted_outputs([output.name for output in request.outputs])
