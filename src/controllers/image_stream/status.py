"""An ImageStream's status: its repository, and the image behind each tag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controllers.image_stream.build.references import FindStream, repository, resolve
from lab_ground.kubernetes.conditions import now, set_condition
from lab_ground.kubernetes.manifest import Manifest


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
