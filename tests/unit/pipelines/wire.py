"""Upstream's messages as protobuf classes, made of the contract, which parse strictly."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    json_format,
    message_factory,
    struct_pb2,
    timestamp_pb2,
)

from pipeline_server.api.contract import CONTRACT, Field

PACKAGE = "contract"
STATUS = "google.rpc.Status"
WELL_KNOWN = {
    "timestamp": timestamp_pb2.Timestamp,
    "struct": struct_pb2.Struct,
    "value": struct_pb2.Value,
    "any": any_pb2.Any,
}
Proto = descriptor_pb2.FieldDescriptorProto


def assert_wire(message: str, answer: Any) -> None:
    """The answer parses strictly as the message, and protojson would write it just so."""
    parsed = json_format.ParseDict(answer, _classes()[message](), descriptor_pool=_pool())
    written = json_format.MessageToDict(
        parsed, preserving_proto_field_name=True, descriptor_pool=_pool()
    )
    assert written == answer


@cache
def _pool() -> Any:
    pool = descriptor_pool.DescriptorPool()
    for known in (timestamp_pb2, struct_pb2, any_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    status = _file("status.proto", "google.rpc")
    _add_message(status, "Status", CONTRACT.messages["Status"])
    pool.Add(status)
    file = _file("contract.proto", PACKAGE)
    file.dependency.append("status.proto")
    for name, values in CONTRACT.enums.items():
        # An enum of its own scope: values of two enums may have one name.
        scope = file.message_type.add(name=f"{name}Scope")
        enum = scope.enum_type.add(name=name)
        for value, number in values.items():
            enum.value.add(name=value, number=number)
    for name, fields in CONTRACT.messages.items():
        if name != "Status":
            _add_message(file, name, fields)
    pool.Add(file)
    return pool


@cache
def _classes() -> dict[str, Any]:
    pool = _pool()
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(_full_name(name)))
        for name in CONTRACT.messages
    }


def _file(name: str, package: str) -> Any:
    file = descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax="proto3")
    file.dependency.extend(known.DESCRIPTOR.name for known in (timestamp_pb2, struct_pb2, any_pb2))
    return file


def _full_name(name: str) -> str:
    return STATUS if name == "Status" else f"{PACKAGE}.{name}"


def _add_message(file: Any, name: str, fields: dict[str, Field]) -> None:
    message = file.message_type.add(name=name)
    oneofs = {
        member: index
        for index, members in enumerate(CONTRACT.oneofs.get(name, {}).values())
        for member in members
    }
    for oneof in CONTRACT.oneofs.get(name, {}):
        message.oneof_decl.add(name=oneof)
    for number, item in enumerate(fields.values(), 1):
        field = message.field.add(
            name=item.name, number=number, json_name=item.json_name, label=Proto.LABEL_OPTIONAL
        )
        if item.mapped:
            entry = "".join(word.title() for word in item.name.split("_")) + "Entry"
            nested = message.nested_type.add(name=entry)
            nested.options.map_entry = True
            nested.field.add(
                name="key", number=1, type=Proto.TYPE_STRING, label=Proto.LABEL_OPTIONAL
            )
            _set_type(nested.field.add(name="value", number=2, label=Proto.LABEL_OPTIONAL), item)
            field.type, field.type_name = Proto.TYPE_MESSAGE, f".{file.package}.{name}.{entry}"
        else:
            _set_type(field, item)
        if item.repeated or item.mapped:
            field.label = Proto.LABEL_REPEATED
        if item.name in oneofs:
            field.oneof_index = oneofs[item.name]


def _set_type(field: Any, item: Field) -> None:
    kind = item.kind
    if kind in CONTRACT.enums:
        field.type, field.type_name = Proto.TYPE_ENUM, f".{PACKAGE}.{kind}Scope.{kind}"
    elif kind in CONTRACT.messages:
        field.type, field.type_name = Proto.TYPE_MESSAGE, f".{_full_name(kind)}"
    elif kind in WELL_KNOWN:
        field.type = Proto.TYPE_MESSAGE
        field.type_name = f".{WELL_KNOWN[kind].DESCRIPTOR.full_name}"
    else:
        field.type = getattr(Proto, f"TYPE_{kind.upper()}")
