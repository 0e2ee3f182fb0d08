"""What an API server does to an object by its structural schema: refuse, prune, default.

Source: Kubernetes, "Extend the Kubernetes API with CustomResourceDefinitions", the sections on
structural schemas, field pruning and defaulting. For tests and for refusing bad input early; the
API server has the last word.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from resource_definitions.notation import Schema

_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = "x-kubernetes-embedded-resource"
# Known of every object, whatever its schema says.
_OBJECT_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


def unknown_fields(schema: Schema, value: Any, path: str = "") -> Iterator[str]:
    """Paths of the fields that an API server would drop from the value, as ``spec.field``."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        more = schema.get("additionalProperties")
        whole = schema.get(_EMBEDDED) or not path
        for name, inner in value.items():
            here = f"{path}.{name}" if path else name
            if whole and name in _OBJECT_FIELDS:
                continue
            if name in properties:
                yield from unknown_fields(properties[name], inner, here)
            elif isinstance(more, dict):
                yield from unknown_fields(more, inner, here)
            elif not more and not schema.get(_PRESERVE):
                yield here
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for position, inner in enumerate(value):
            yield from unknown_fields(schema["items"], inner, f"{path}[{position}]")


def pruned(schema: Schema, value: Any, *, root: bool = True) -> Any:
    """The value as it is stored: without the fields that `unknown_fields` tells."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        more = schema.get("additionalProperties")
        whole = root or schema.get(_EMBEDDED)
        kept = {}
        for name, inner in value.items():
            if whole and name in _OBJECT_FIELDS:
                kept[name] = inner
            elif name in properties:
                kept[name] = pruned(properties[name], inner, root=False)
            elif isinstance(more, dict):
                kept[name] = pruned(more, inner, root=False)
            elif more or schema.get(_PRESERVE):
                kept[name] = inner
        return kept
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [pruned(schema["items"], inner, root=False) for inner in value]
    return value


def with_defaults(schema: Schema, value: Any) -> Any:
    """The value with what the schema fills in where nothing is said."""
    if isinstance(value, dict):
        filled = dict(value)
        for name, field in schema.get("properties", {}).items():
            if name not in filled and "default" in field:
                filled[name] = copy.deepcopy(field["default"])
            if name in filled:
                filled[name] = with_defaults(field, filled[name])
        more = schema.get("additionalProperties")
        if isinstance(more, dict):
            known = schema.get("properties", {})
            filled |= {
                name: with_defaults(more, inner)
                for name, inner in filled.items()
                if name not in known
            }
        return filled
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [with_defaults(schema["items"], inner) for inner in value]
    return value
