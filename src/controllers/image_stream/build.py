"""An ImageStream's status: the repository under which the node finds it, and its tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab_ground.kubernetes.conditions import now, set_condition
from lab_ground.kubernetes.manifest import Manifest

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


def build_status(
    stream: Mapping[str, Any], registry: str, find: FindStream, digests: Mapping[str, str]
) -> Manifest:
    """Build the status; an image that has not changed keeps the time it appeared."""
    metadata = stream["metadata"]
    previous = {tag["tag"]: tag for tag in (stream.get("status") or {}).get("tags") or []}
    tags = []
    for tag in (stream.get("spec") or {}).get("tags") or []:
        old = previous.get(tag["name"]) or {}
        resolved = resolve(stream, tag, registry, find)
        entry: Manifest = {"tag": tag["name"]}
        if resolved.problem:
            entry["items"] = old.get("items") or []
            conditions = set_condition(
                old.get("conditions"), "ImportSuccess", False, "NotFound", resolved.problem
            )
            generation = int(tag.get("generation") or 0)
            entry["conditions"] = [{**each, "generation": generation} for each in conditions]
        else:
            entry["items"] = [_item(old, resolved.reference, digests)]
        tags.append(entry)
    return {
        "dockerImageRepository": repository(metadata["namespace"], metadata["name"], registry),
        "tags": tags,
    }


def _item(old: Mapping[str, Any], reference: str, digests: Mapping[str, str]) -> Manifest:
    before = (old.get("items") or [{}])[0]
    same = before.get("dockerImageReference") == reference
    item = {
        "dockerImageReference": reference,
        "created": before["created"] if same and "created" in before else now(),
        "generation": int(before.get("generation") or 0) + (0 if same else 1),
    }
    digest = digests.get(reference) or (before.get("image") if same else None)
    # Empty where the node could not tell, as upstream has it.
    item["image"] = digest or ""
    return item
