"""Our definitions and upstream's, path by path: the same fields, types, defaults and limits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from upstream_data import upstream_definitions

from resource_definitions.definitions import VERSIONS, definitions

# What upstream has none of, since OpenShift's own API server serves the kinds.
SERVED_BY_OPENSHIFT = {"imagestreams.image.openshift.io", "templates.template.openshift.io"}
# Since 3.0 there is the Gateway API, which is no part of that data but a Go module.
GATEWAY_API = {
    f"{plural}.gateway.networking.k8s.io"
    for plural in ("gatewayclasses", "gateways", "httproutes", "referencegrants")
}
MODULE = Path(os.environ.get("GOMODCACHE", Path.home() / "go/pkg/mod")) / (
    "sigs.k8s.io/gateway-api@v1.3.0/config/crd/standard"
)


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
        gateway_api = GATEWAY_API if version == "3.5" else set()
        assert ours.keys() - theirs.keys() == SERVED_BY_OPENSHIFT | gateway_api


def test_the_gateway_api_is_its_module_s() -> None:
    ours = {each["metadata"]["name"]: each for each in definitions("3.5")}
    for name in GATEWAY_API:
        annotations = ours[name]["metadata"]["annotations"]
        # Without it an API server takes no definition of a group of Kubernetes' own.
        assert annotations["api-approved.kubernetes.io"].startswith("https://")
        assert annotations["gateway.networking.k8s.io/bundle-version"] == "v1.3.0"
    if not MODULE.is_dir():
        pytest.skip(f"{MODULE} is not on this machine: go mod download sigs.k8s.io/gateway-api")
    for name in GATEWAY_API:
        plural, _, group = name.partition(".")
        theirs = yaml.safe_load((MODULE / f"{group}_{plural}.yaml").read_text())
        assert list(differences(plain(ours[name]["spec"]), plain(theirs["spec"]))) == []


def test_a_difference_is_found() -> None:
    """The comparison itself: a laxer field, a missing one and another default are told."""
    ours = {"properties": {"a": {"type": "string"}, "b": {"default": 1}}, "required": ["b", "a"]}
    theirs = {"properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a", "b"]}
    assert list(differences(plain(ours), plain(theirs))) == [
        "/properties/a/type: 'string' is 'integer' upstream",
        "/properties/b/default: 1 is None upstream",
    ]
