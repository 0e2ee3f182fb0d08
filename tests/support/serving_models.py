"""Small ONNX models for tests, made on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


def save(model: onnx.ModelProto, path: Path) -> Path:
    """Write a model file, its folder included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def digits(bias: float = 0.0) -> onnx.ModelProto:
    """Takes `input_1` FP32 [batch, 28, 28, 1] and answers ten numbers, `bias` among them."""
    weights = np.random.default_rng(7).standard_normal((784, 10)).astype(np.float32) * 0.05
    return model(
        nodes=[
            helper.make_node("Reshape", ["input_1", "flat_shape"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["dense"]),
        ],
        inputs=[helper.make_tensor_value_info("input_1", TensorProto.FLOAT, ["n", 28, 28, 1])],
        outputs=[helper.make_tensor_value_info("dense", TensorProto.FLOAT, ["n", 10])],
        constants={
            "flat_shape": np.array([-1, 784], dtype=np.int64),
            "weights": weights,
            "bias": np.full(10, bias, dtype=np.float32),
        },
    )


def echo(element: int, name: str = "x") -> onnx.ModelProto:
    """Answers what it gets, of any element type."""
    return model(
        nodes=[helper.make_node("Identity", [name], ["y"])],
        inputs=[helper.make_tensor_value_info(name, element, [None])],
        outputs=[helper.make_tensor_value_info("y", element, [None])],
        constants={},
    )


def large(mebibytes: int) -> onnx.ModelProto:
    """A model whose weights take that much memory."""
    weights = np.ones((mebibytes * 1024, 256), dtype=np.float32)
    return model(
        nodes=[helper.make_node("MatMul", ["x", "weights"], ["y"])],
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", mebibytes * 1024])],
        outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 256])],
        constants={"weights": weights},
    )


def with_external_data(location: str) -> onnx.ModelProto:
    """A model one of whose weights lies in another file."""
    made = digits()
    for tensor in made.graph.initializer:
        if tensor.name == "weights":
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            entry = tensor.external_data.add()
            entry.key, entry.value = "location", location
    return made


def weights_bytes() -> bytes:
    """What the external file of the model above must hold."""
    made = digits()
    return next(t.raw_data for t in made.graph.initializer if t.name == "weights")


def model(nodes, inputs, outputs, constants) -> onnx.ModelProto:  # type: ignore[no-untyped-def]
    """A model of these nodes."""
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "test", inputs, outputs, initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    made.ir_version = 9
    return made
