"""Where an ImageStream's tags lead: the repository under which the node finds each image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FindStream = Callable[[str, str], Mapping[str, Any] | None]
_DEEPEST = 8


@dataclass(frozen=True)
class Resolved:
    """The image behind a tag, or why there is none."""

    reference: str = ""
    problem: str = ""


def repository(namespace: str, name: str, registry: str) -> str:
    """Return the name of a stream's repository in the cluster's own registry."""
    return f"{registry}/{namespace}/{name}"


def _tag(stream: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    tags: Sequence[Mapping[str, Any]] = (stream.get("spec") or {}).get("tags") or []
    return next((tag for tag in tags if tag["name"] == name), None)


def resolve(
    stream: Mapping[str, Any],
    tag: Mapping[str, Any],
    registry: str,
    find: FindStream,
    depth: int = 0,
) -> Resolved:
    """Follow a tag to an image; ``find`` gives another stream by namespace and name."""
    metadata = stream["metadata"]
    own = f"{repository(metadata['namespace'], metadata['name'], registry)}:{tag['name']}"
    origin = tag.get("from")
    if not origin:
        return Resolved(own)
    if origin["kind"] == "DockerImage":
        local = (tag.get("referencePolicy") or {}).get("type") == "Local"
        return Resolved(own if local else origin["name"])
    if origin["kind"] == "ImageStreamImage":
        return _resolve_image(metadata, origin, registry)
    if depth >= _DEEPEST:
        return Resolved(problem=f"tag {tag['name']} refers to itself")
    name, _, wanted = origin["name"].rpartition(":")
    other: Mapping[str, Any] | None = stream
    if name and (name != metadata["name"] or origin.get("namespace")):
        other = find(origin.get("namespace") or metadata["namespace"], name)
        if other is None:
            return Resolved(problem=f"there is no ImageStream {name}")
    found = _tag(other or {}, wanted)
    if found is None:
        return Resolved(problem=f"there is no tag {origin['name']}")
    return resolve(other or {}, found, registry, find, depth + 1)


def _resolve_image(
    metadata: Mapping[str, Any], origin: Mapping[str, Any], registry: str
) -> Resolved:
    name, _, digest = origin["name"].partition("@")
    if not digest:
        return Resolved(problem=f"{origin['name']} is not name@digest")
    namespace = origin.get("namespace") or metadata["namespace"]
    return Resolved(f"{repository(namespace, name, registry)}@{digest}")


def read_digests(nodes: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the digests of the images that the nodes hold, by every name of them."""
    digests: dict[str, str] = {}
    for node in nodes:
        for image in (node.get("status") or {}).get("images") or []:
            names = image.get("names") or []
            digest = next((n.partition("@")[2] for n in names if "@sha256:" in n), None)
            if digest:
                digests.update(dict.fromkeys(names, digest))
    return digests
