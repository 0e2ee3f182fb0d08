"""Our definitions and upstream's, path by path: the same fields, types, defaults and limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from upstream_data import upstream_definitions

from resource_definitions.definitions import VERSIONS, definitions

# What upstream has none of, since OpenShift's own API server serves the kinds.
SERVED_BY_OPENSHIFT = {"imagestreams.image.openshift.io", "templates.template.openshift.io"}


def plain(node: Any) -> Any:
    """A schema without its documentation, and with lists that are sets in one order."""
    if isinstance(node, dict):
        return {
            key: sorted(value) if key == "required" and isinstance(value, list) else plain(value)
            for key, value in node.items()
            # Sentences are documentation; a property may bear the name all the same.
            if value is not None
            and not (key in ("description", "message") and isinstance(value, str))
        }
    return [plain(value) for value in node] if isinstance(node, list) else node


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Every path at which the two differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            yield from differences(ours.get(key), theirs.get(key), f"{path}/{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for position, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(mine, other, f"{path}/{position}")
    elif ours != theirs:
        yield f"{path}: {ours!r} is {theirs!r} upstream"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_path_is_upstream_s(version: str) -> None:
    ours = {
        definition["metadata"]["name"]: definition["spec"] for definition in definitions(version)
    }
    theirs = upstream_definitions(version)
    found = []
    for name, spec in theirs.items():
        # How upstream converts between versions is a webhook of its own, or none.
        spec.pop("conversion", None)
        found += [f"{name}{line}" for line in differences(plain(ours[name]), plain(spec))]
    assert found == []
    if theirs:
        assert ours.keys() - theirs.keys() == SERVED_BY_OPENSHIFT


def test_a_difference_is_found() -> None:
    """The comparison itself: a laxer field, a missing one and another default are told."""
    ours = {"properties": {"a": {"type": "string"}, "b": {"default": 1}}, "required": ["b", "a"]}
    theirs = {"properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a", "b"]}
    assert list(differences(plain(ours), plain(theirs))) == [
        "/properties/a/type: 'string' is 'integer' upstream",
        "/properties/b/default: 1 is None upstream",
    ]
