"""The notation in which a kind's schema is written down, and what becomes of it.

A node of a schema is written as in OpenAPI, or it names another:

``like: NAME``
    the schema of that name: of the kind's own ``define``, of ``kubernetes.json``, or one of
    `WELL_KNOWN`.
``with: {FIELD: …}``, ``without: [FIELD, …]``
    further fields of it, and fields that it has not got here.
``but: {KEYWORD: …}``
    other keywords of it; null takes one away.

The part ``kubernetes:`` of a kind says how the release that the kind was generated from differs
from the one in ``kubernetes.json``, by name of the definition: null takes away.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

# controller-gen's forms of the types that Kubernetes' own document leaves open.
_INT_OR_STRING: Schema = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "x-kubernetes-int-or-string": True,
}
_NUMBER = r"(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
WELL_KNOWN: dict[str, Schema] = {
    "int-or-string": _INT_OR_STRING,
    "quantity": {
        **_INT_OR_STRING,
        "pattern": rf"^(\+|-)?{_NUMBER}(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?{_NUMBER}))?$",
    },
    "time": {"type": "string", "format": "date-time"},
    "object": {"type": "object"},
}
_NOTATION = ("like", "with", "without", "but")


class NotationError(ValueError):
    """A schema names something that is not there."""


def merge(schema: Schema, changes: Mapping[str, Any]) -> Schema:
    """A schema with changes: null takes a part away, a mapping changes within, else replaces."""
    merged = dict(schema)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


class Expander:
    """Makes schemas out of the notation, for one kind.

    Args:
        define: the kind's own parts, by name.
        kubernetes: Kubernetes' definitions, by name, themselves in the notation.
        changes: how the kind's release differs from ``kubernetes``, by name of a definition.
    """

    def __init__(
        self,
        define: Mapping[str, Schema],
        kubernetes: Mapping[str, Schema],
        changes: Mapping[str, Schema],
    ) -> None:
        unknown = sorted(set(changes) - set(kubernetes))
        if unknown:
            raise NotationError(f"{', '.join(unknown)}: Kubernetes has no such definition")
        self._define = define
        self._kubernetes = kubernetes
        self._changes = changes

    def _named(self, name: str) -> Schema:
        if name in WELL_KNOWN:
            return copy.deepcopy(WELL_KNOWN[name])
        if name in self._define:
            return self._define[name]
        if name in self._kubernetes:
            return merge(self._kubernetes[name], self._changes.get(name, {}))
        raise NotationError(f"{name}: neither this kind nor Kubernetes defines it")

    def expand(self, node: Schema) -> Schema:
        """The node as OpenAPI has it, with nothing of the notation left."""
        if "like" in node:
            # What stands beside the name (a default) is this place's own.
            beside = {key: value for key, value in node.items() if key not in _NOTATION}
            named = {**self._named(node["like"]), **beside}
            fields = {
                name: field
                for name, field in named.get("properties", {}).items()
                if name not in node.get("without", ())
            } | node.get("with", {})
            if fields:
                named = {**named, "properties": fields}
            return self.expand(merge(named, node.get("but", {})))
        expanded = dict(node)
        if "properties" in node:
            expanded["properties"] = {
                name: self.expand(field) for name, field in node["properties"].items()
            }
        for keyword in ("items", "additionalProperties"):
            if isinstance(node.get(keyword), dict):
                expanded[keyword] = self.expand(node[keyword])
        return expanded
