"""The published messages of v2beta1, and JSON as protobuf's own mapping reads and writes it.

``v2beta1.json`` is the contract. Upstream's gateway writes proto names without unset fields
and refuses fields that it does not know (``CustomMarshaler`` in ``backend/src/apiserver/common/
utils.go``); requests and answers go through here, so that both hold for every message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency

from pipeline_server.errors import InvalidArgumentError
from pipeline_server.services.listing import parse_time

WHOLE = {"int32": 2**31, "int64": 2**63}
# What is passed on as it stands: documents of the caller's.
OPEN = {"struct", "value", "any"}
_INTEGER = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Field:
    """One field: ``kind`` is a scalar's name, an enum's or a message's."""

    name: str
    kind: str
    repeated: bool = False
    mapped: bool = False

    @cached_property
    def json_name(self) -> str:
        """The camel-case spelling, which is read as well."""
        return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), self.name)


class Contract:
    """All messages, by their names in the protos."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.enums: dict[str, dict[str, int]] = document["enums"]
        self.oneofs: dict[str, dict[str, list[str]]] = document["oneofs"]
        self.messages: dict[str, dict[str, Field]] = {
            message: {name: _field(name, kind) for name, kind in fields.items()}
            for message, fields in document["messages"].items()
        }

    # -- requests ------------------------------------------------------------------------------

    def check(self, message: str, content: Any, where: str = "") -> None:
        """Raise InvalidArgumentError for JSON that is not this message, naming the place."""
        what = where or message
        if not isinstance(content, dict):
            raise InvalidArgumentError(f"{what} must be an object, not {_kind(content)}")
        fields = self.messages[message]
        spellings = {item.json_name: name for name, item in fields.items()} | {
            name: name for name in fields
        }
        found: dict[str, Any] = {}
        for key, value in content.items():
            if key not in spellings:
                raise InvalidArgumentError(
                    f"unknown field {str(key)[:80]!r} in {what}; known: {', '.join(fields)}"
                )
            name = spellings[key]
            if name in found:
                raise InvalidArgumentError(f"{what} has the field {name!r} twice")
            if value is not None or fields[name].kind == "value":
                found[name] = value
        for oneof, members in self.oneofs.get(message, {}).items():
            given = [name for name in members if name in found]
            if len(given) > 1:
                raise InvalidArgumentError(
                    f"{what} has {' and '.join(given)}; of {oneof} only one may be set"
                )
        for name, value in found.items():
            self._check_field(fields[name], value, f"{where}.{name}" if where else name)

    def _check_field(self, item: Field, value: Any, where: str) -> None:
        if item.repeated:
            if not isinstance(value, list):
                raise InvalidArgumentError(f"{where} must be a list, not {_kind(value)}")
            for index, one in enumerate(value):
                self._check_value(item.kind, one, f"{where}[{index}]")
        elif item.mapped:
            if not isinstance(value, dict):
                raise InvalidArgumentError(f"{where} must be an object, not {_kind(value)}")
            for key, one in value.items():
                self._check_value(item.kind, one, f"{where}[{key[:80]!r}]")
        else:
            self._check_value(item.kind, value, where)

    def _check_value(self, kind: str, value: Any, where: str) -> None:
        if kind in self.messages:
            self.check(kind, value, where)
        elif kind in self.enums:
            known = self.enums[kind]
            number = isinstance(value, int) and not isinstance(value, bool)
            if not (number or (isinstance(value, str) and value in known)):
                raise InvalidArgumentError(f"{where} {value!r} must be one of {', '.join(known)}")
        elif kind in WHOLE:
            if not _is_whole(value, WHOLE[kind]):
                raise InvalidArgumentError(f"{where} {value!r} must be an integer ({kind})")
        elif kind == "timestamp":
            if not isinstance(value, str):
                raise InvalidArgumentError(f"{where} must be an RFC 3339 time, not {_kind(value)}")
            parse_time(value)
        elif kind not in OPEN:
            wanted = {"string": str, "bytes": str, "bool": bool}[kind]
            if not isinstance(value, wanted):
                words = "true or false" if kind == "bool" else "a text"
                raise InvalidArgumentError(f"{where} must be {words}, not {_kind(value)}")
        elif kind == "struct" and not isinstance(value, dict):
            raise InvalidArgumentError(f"{where} must be an object, not {_kind(value)}")

    # -- answers -------------------------------------------------------------------------------

    def write(self, message: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """The content as protojson writes the message: what is unset is left out.

        Raises KeyError for a field that the message does not have.
        """
        fields = self.messages[message]
        return {
            name: self._written(fields[name], value)
            for name, value in content.items()
            if not self._is_unset(fields[name], value)
        }

    def _is_unset(self, item: Field, value: Any) -> bool:
        if value is None:
            return True
        if not (item.repeated or item.mapped) and (item.kind in self.messages or item.kind in OPEN):
            return False
        # Nought, false, the empty text, an empty list or map; an enum's first name.
        return not value or (item.kind in self.enums and self.enums[item.kind].get(value) == 0)

    def _written(self, item: Field, value: Any) -> Any:
        if item.repeated:
            return [self._scalar(item.kind, one) for one in value]
        if item.mapped:
            return {key: self._scalar(item.kind, one) for key, one in value.items()}
        return self._scalar(item.kind, value)

    def _scalar(self, kind: str, value: Any) -> Any:
        if kind in self.messages:
            return self.write(kind, value)
        return str(value) if kind == "int64" else value


def _field(name: str, kind: str) -> Field:
    if kind[0] in "[{":
        return Field(name, kind[1:-1], repeated=kind[0] == "[", mapped=kind[0] == "{")
    return Field(name, kind)


def _is_whole(value: Any, limit: int) -> bool:
    """An integer, also as a text or without a fraction, as protojson reads one."""
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value) or len(value) > 20:
            return False
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")


CONTRACT = Contract(json.loads((Path(__file__).parent / "v2beta1.json").read_text("utf-8")))


def body_of(message: str) -> Dependency:
    """For a route: its body is this message and nothing beside it."""

    async def checked(request: Request) -> None:
        try:
            content = await request.json()
        except ValueError:
            return  # the route itself says what is wrong with it
        CONTRACT.check(message, content)

    check: Callable[[Request], Awaitable[None]] = checked
    dependency: Dependency = Depends(check)
    return dependency
