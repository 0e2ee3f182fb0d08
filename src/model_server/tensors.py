"""V2 tensors: their datatypes, and the checks that turn a bad one into a clear refusal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from mlserver.errors import MLServerError
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(np.object_),
}
ONNX_TO_V2 = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}


class InvalidTensorError(MLServerError):
    """The request's tensor is not what the model takes; the message says in what."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 400)


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a model; -1 in the shape is a free dimension."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def check(self, datatype: str, shape: Sequence[object]) -> tuple[int, ...]:
        """The request's shape when it and the datatype fit, else InvalidTensorError."""
        if datatype != self.datatype:
            raise InvalidTensorError(
                f"input '{self.name}' takes datatype {self.datatype}, not {datatype}"
            )
        given = tuple(shape)
        fits = len(given) == len(self.shape) and all(
            type(size) is int and size > 0 and wanted in (-1, size)
            for size, wanted in zip(given, self.shape, strict=True)
        )
        if not fits:
            raise InvalidTensorError(
                f"input '{self.name}' takes shape {list(self.shape)}, not {list(given)[:16]}"
            )
        return given  # type: ignore[return-value]


def from_json(spec: TensorSpec, shape: tuple[int, ...], data: object) -> Array:
    """The array that a JSON `data` list (flat or nested) stands for."""
    if not isinstance(data, list):
        raise InvalidTensorError(f"data of input '{spec.name}' must be a list")
    wanted = DTYPES[spec.datatype]
    if spec.datatype == "BYTES":
        return _shaped(spec, shape, _strings(spec, data))
    try:
        found = np.asarray(data)
    except (ValueError, OverflowError) as error:
        raise InvalidTensorError(
            f"data of input '{spec.name}' is not a regular array of numbers"
        ) from error
    allowed = {"f": "fiub", "i": "iub", "u": "iub", "b": "b"}[wanted.kind]
    if found.dtype.kind not in allowed:
        raise InvalidTensorError(
            f"data of input '{spec.name}' must be numbers of datatype {spec.datatype}"
        )
    if wanted.kind in "iu" and found.size:
        limits = np.iinfo(wanted)
        if int(found.min()) < limits.min or int(found.max()) > limits.max:
            raise InvalidTensorError(
                f"data of input '{spec.name}' lies outside the range of {spec.datatype}"
            )
    with np.errstate(over="ignore"):
        array = found.astype(wanted, copy=False)
    return _shaped(spec, shape, array)


def from_bytes(spec: TensorSpec, shape: tuple[int, ...], raw: bytes | memoryview) -> Array:
    """The array that the raw bytes of the binary extension or of gRPC stand for."""
    wanted = DTYPES[spec.datatype]
    if spec.datatype == "BYTES":
        return _shaped(spec, shape, _length_prefixed(spec, bytes(raw)))
    if len(raw) != math.prod(shape) * wanted.itemsize:
        raise InvalidTensorError(
            f"input '{spec.name}' has {len(raw)} bytes, "
            f"its shape needs {math.prod(shape) * wanted.itemsize}"
        )
    return _shaped(spec, shape, np.frombuffer(raw, dtype=wanted.newbyteorder("<")))


def from_values(spec: TensorSpec, shape: tuple[int, ...], values: Sequence[Any]) -> Array:
    """The array that gRPC's typed contents stand for."""
    return _shaped(spec, shape, np.array(values, dtype=DTYPES[spec.datatype]))


def to_bytes(datatype: str, array: Array) -> bytes:
    """Raw little-endian bytes of an output, strings length-prefixed."""
    if datatype != "BYTES":
        return np.ascontiguousarray(array, dtype=DTYPES[datatype].newbyteorder("<")).tobytes()
    parts = bytearray()
    for item in array.ravel():
        encoded = item if isinstance(item, bytes) else str(item).encode()
        parts += len(encoded).to_bytes(4, "little") + encoded
    return bytes(parts)


def _shaped(spec: TensorSpec, shape: tuple[int, ...], array: Array) -> Array:
    if array.size != math.prod(shape):
        raise InvalidTensorError(
            f"input '{spec.name}' has {array.size} values, its shape needs {math.prod(shape)}"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidTensorError(f"input '{spec.name}' holds a value that is not finite")
    return array.reshape(shape)


def _strings(spec: TensorSpec, data: list[Any]) -> Array:
    flat: list[str] = []
    stack = [iter(data)]
    while stack:
        for item in stack[-1]:
            if isinstance(item, list):
                stack.append(iter(item))
                break
            if not isinstance(item, str):
                raise InvalidTensorError(f"data of input '{spec.name}' must be strings")
            flat.append(item)
        else:
            stack.pop()
    array = np.empty(len(flat), dtype=np.object_)
    array[:] = flat
    return array


def _length_prefixed(spec: TensorSpec, raw: bytes) -> Array:
    texts: list[str] = []
    position = 0
    try:
        while position < len(raw):
            size = int.from_bytes(raw[position : position + 4], "little")
            position += 4
            if position + size > len(raw):
                raise ValueError
            texts.append(raw[position : position + size].decode())
            position += size
    except ValueError as error:
        raise InvalidTensorError(
            f"input '{spec.name}' is not a list of length-prefixed UTF-8 strings"
        ) from error
    array = np.empty(len(texts), dtype=np.object_)
    array[:] = texts
    return array
