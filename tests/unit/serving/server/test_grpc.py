"""The gRPC front: predictions, metadata, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from serving_requests import image_request

from .running import RunningServer


@pytest.fixture(scope="module")
def stub(server: RunningServer) -> Iterator[Any]:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
        yield GRPCInferenceServiceStub(channel)


def request(**changes: Any) -> Any:
    """A picture as typed contents."""
    tensor = pb.ModelInferRequest.InferInputTensor(
        name=changes.pop("name", "input_1"),
        datatype=changes.pop("datatype", "FP32"),
        shape=changes.pop("shape", [1, 28, 28, 1]),
    )
    tensor.contents.fp32_contents.extend(changes.pop("values", [0.0] * 784))
    return pb.ModelInferRequest(model_name="mnist", id="7", inputs=[tensor], **changes)


def test_typed_and_raw_contents_answer_the_same_as_rest(server: RunningServer, stub: Any) -> None:
    picture = np.random.default_rng(3).random((1, 28, 28, 1), dtype=np.float32)
    body = image_request()
    body["inputs"][0]["data"] = picture.ravel().tolist()
    expected = server.infer("mnist", body)[1]["outputs"][0]["data"]
    typed = stub.ModelInfer(request(values=picture.ravel().tolist()))
    raw = request(values=[], raw_input_contents=[picture.tobytes()])
    answered = stub.ModelInfer(raw)
    assert np.allclose(typed.outputs[0].contents.fp32_contents, expected, atol=1e-5)
    assert np.allclose(np.frombuffer(answered.raw_output_contents[0], "<f4"), expected, atol=1e-5)
    assert (typed.model_name, typed.id) == ("mnist__isvc-0123456789", "7")
    assert list(typed.outputs[0].shape) == [1, 10]


def test_metadata_and_readiness(stub: Any) -> None:
    found = stub.ModelMetadata(pb.ModelMetadataRequest(name="mnist"))
    tensor = found.inputs[0]
    assert (tensor.name, tensor.datatype, list(tensor.shape)) == (
        "input_1",
        "FP32",
        [-1, 28, 28, 1],
    )
    assert stub.ModelReady(pb.ModelReadyRequest(name="mnist", version="1")).ready
    assert stub.ServerLive(pb.ServerLiveRequest()).live
    assert stub.ServerReady(pb.ServerReadyRequest()).ready


BAD: dict[str, tuple[Callable[[Any], Any], grpc.StatusCode]] = {
    "unknown model": (
        lambda stub: stub.ModelReady(pb.ModelReadyRequest(name="absent")),
        grpc.StatusCode.NOT_FOUND,
    ),
    "metadata of an unknown model": (
        lambda stub: stub.ModelMetadata(pb.ModelMetadataRequest(name="absent")),
        grpc.StatusCode.NOT_FOUND,
    ),
    "unknown version": (
        lambda stub: stub.ModelInfer(request(model_version="9")),
        grpc.StatusCode.NOT_FOUND,
    ),
    "no inputs": (
        lambda stub: stub.ModelInfer(pb.ModelInferRequest(model_name="mnist")),
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
    "wrong name": (
        lambda stub: stub.ModelInfer(request(name="inputs")),
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
    "wrong shape": (
        lambda stub: stub.ModelInfer(request(shape=[784])),
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
    "wrong datatype": (
        lambda stub: stub.ModelInfer(request(datatype="INT64")),
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
    "too few values": (
        lambda stub: stub.ModelInfer(request(values=[0.0])),
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
    "NaN": (
        lambda stub: stub.ModelInfer(request(values=[float("nan")] * 784)),
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
    "raw bytes that do not fit": (
        lambda stub: stub.ModelInfer(request(values=[], raw_input_contents=[b"123"])),
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
    "too large": (
        lambda stub: stub.ModelInfer(request(values=[], raw_input_contents=[bytes(10 << 20)])),
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ),
    "repository calls": (
        lambda stub: stub.RepositoryModelUnload(
            pb.RepositoryModelUnloadRequest(model_name="mnist")
        ),
        grpc.StatusCode.UNIMPLEMENTED,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_call_is_refused_with_its_code(stub: Any, name: str) -> None:
    call, code = BAD[name]
    with pytest.raises(grpc.RpcError) as refused:
        call(stub)
    assert refused.value.code() == code
    assert stub.ModelInfer(request()).model_name == "mnist__isvc-0123456789"
