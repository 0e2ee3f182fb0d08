"""Parameter values: their types, checks and conversions."""

from __future__ import annotations

import json
from typing import Any

from kfp.local import executor_output_utils
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.plain import LARGEST_INTEGER
from pipeline_server.ir.plain import check as check_plain

Kind = pb.ParameterType.ParameterTypeEnum

_NAMES = {
    Kind.NUMBER_DOUBLE: "a number",
    Kind.NUMBER_INTEGER: "an integer",
    Kind.STRING: "a text",
    Kind.BOOLEAN: "true or false",
    Kind.LIST: "a list",
    Kind.STRUCT: "an object",
}
_LEGACY = {
    pb.PrimitiveType.PrimitiveTypeEnum.INT: Kind.NUMBER_INTEGER,
    pb.PrimitiveType.PrimitiveTypeEnum.DOUBLE: Kind.NUMBER_DOUBLE,
    pb.PrimitiveType.PrimitiveTypeEnum.STRING: Kind.STRING,
}


def kind_of(spec: Any) -> int:
    """The type of a parameter, whichever of the two fields states it."""
    return int(spec.parameter_type or _LEGACY.get(spec.type, Kind.PARAMETER_TYPE_ENUM_UNSPECIFIED))


def plain(value: Any) -> Any:
    """A protobuf ``Value`` as Python knows it, whole numbers as integers."""
    return whole(executor_output_utils.pb2_value_to_python(value))


def whole(value: Any) -> Any:
    """Integers where a number has no fraction and 64 bits hold it, all the way down."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_INTEGER:
        return int(value)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return value


def check(name: str, value: Any, kind: int) -> Any:
    """The value as its type wants it, or an error that names both."""
    check_plain(value, f"parameter {name!r}")
    match kind:
        case Kind.NUMBER_INTEGER:
            found = whole(value)
            if isinstance(found, int) and not isinstance(found, bool):
                return found
        case Kind.NUMBER_DOUBLE:
            if _is_number(value):
                return value
        case Kind.STRING:
            if isinstance(value, str):
                return value
        case Kind.BOOLEAN:
            if isinstance(value, bool):
                return value
        case Kind.LIST:
            if isinstance(value, list):
                return value
        case Kind.STRUCT:
            if isinstance(value, dict):
                return value
        case _:
            return value
    shown = json.dumps(value, default=str)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    raise PipelineError(f"parameter {name!r} must be {_NAMES[kind]}, got {shown}")


def convert(name: str, value: Any, kind: int) -> Any:
    """Like check, but lenient where one step's output is another's input."""
    if kind == Kind.STRING and not isinstance(value, str):
        return to_text(value)
    if isinstance(value, str) and kind in {
        Kind.NUMBER_INTEGER,
        Kind.NUMBER_DOUBLE,
        Kind.BOOLEAN,
        Kind.LIST,
        Kind.STRUCT,
    }:
        return check(name, from_text(name, value, kind), kind)
    return check(name, value, kind)


def from_text(name: str, text: str, kind: int) -> Any:
    """What a step wrote into a parameter's file, in the parameter's type."""
    if kind in {Kind.STRING, Kind.PARAMETER_TYPE_ENUM_UNSPECIFIED}:
        return text
    try:
        return json.loads(text.strip().lower() if kind == Kind.BOOLEAN else text)
    except ValueError:
        raise PipelineError(
            f"parameter {name!r} must be {_NAMES.get(kind, 'JSON')}, got the text {text[:80]!r}"
        ) from None


def to_text(value: Any) -> str:
    """A value within a text: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
