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


def convolutional() -> onnx.ModelProto:
    """The layers of the lab's network, with weights by chance."""
    random = np.random.default_rng(0)

    def weights(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) * 0.05).astype(np.float32)

    node = helper.make_node
    pooling = {"kernel_shape": [2, 2], "strides": [2, 2]}
    return model(
        nodes=[
            node("Transpose", ["input_1"], ["first"], perm=[0, 3, 1, 2]),
            node("Conv", ["first", "kernel_1"], ["conv_1"]),
            node("Relu", ["conv_1"], ["relu_1"]),
            node("MaxPool", ["relu_1"], ["pool_1"], **pooling),
            node("Conv", ["pool_1", "kernel_2"], ["conv_2"]),
            node("Relu", ["conv_2"], ["relu_2"]),
            node("MaxPool", ["relu_2"], ["pool_2"], **pooling),
            node("Reshape", ["pool_2", "flat_shape"], ["flat"]),
            node("MatMul", ["flat", "dense_weights"], ["product"]),
            node("Softmax", ["product"], ["dense"]),
        ],
        inputs=[helper.make_tensor_value_info("input_1", TensorProto.FLOAT, ["n", 28, 28, 1])],
        outputs=[helper.make_tensor_value_info("dense", TensorProto.FLOAT, ["n", 10])],
        constants={
            "kernel_1": weights(32, 1, 3, 3),
            "kernel_2": weights(64, 32, 3, 3),
            "flat_shape": np.array([-1, 1600], dtype=np.int64),
            "dense_weights": weights(1600, 10),
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
