"""The smallest model in ONNX that a server takes, written without ONNX's own library."""

from __future__ import annotations


def tiny_model() -> bytes:
    """A model that answers the one number that it is asked with (`x` FP32 [1, 1] to `y`).

    By onnx.proto: fields are a tag (number and kind), for texts and messages a length, the content.
    """
    shape = _message(1, _number(1, 1)) * 2
    tensor = _message(1, _number(1, 1) + _message(2, shape))
    node = _message(1, b"x") + _message(2, b"y") + _message(4, b"Identity")
    ends = [_message(place, _message(1, name) + _message(2, tensor)) for place, name in _ENDS]
    graph = _message(1, node) + _message(2, b"tiny") + b"".join(ends)
    return _number(1, 8) + _message(7, graph) + _message(8, _number(2, 17))


_ENDS = ((11, b"x"), (12, b"y"))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
