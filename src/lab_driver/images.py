"""What speaks against an image: its stream's own words, and pods that wait for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Manifest = Mapping[str, Any]

# What the kubelet says of a container whose image does not come.
NOT_PULLED = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"}
)
# A registry's host, a path, and a tag or a digest.
REFERENCE = re.compile(r"[\w.-]+(:\d+)?(/[\w.-]+)+(:[\w.-]+|@sha256:[0-9a-f]{64})")


def references(stream: Manifest) -> list[str]:
    """Return the images to which an ImageStream's tags resolve, the newest of each tag first."""
    return [
        str(item.get("dockerImageReference") or "")
        for tag in (stream.get("status") or {}).get("tags") or ()
        for item in tag.get("items") or ()
    ]


def troubles(stream: Manifest, pods: Iterable[Manifest]) -> list[str]:
    """Return a sentence for each thing that keeps a pod from the images of a stream."""
    name = stream["metadata"]["name"]
    asked_for = references(stream)
    told = [f"ImageStream {name} resolves to no image"] if not asked_for else []
    told += [
        f"ImageStream {name} names {image!r}, which no pod can pull: it lacks a registry, or a tag"
        for image in asked_for
        if not REFERENCE.fullmatch(image)
    ]
    for tag in (stream.get("status") or {}).get("tags") or ():
        told += [
            f"ImageStream {name} could not take in its tag {tag['tag']}: {condition.get('message')}"
            for condition in tag.get("conditions") or ()
            if condition["type"] == "ImportSuccess" and condition["status"] == "False"
        ]
    return [*told, *_waiting(pods, set(asked_for))]


def _waiting(pods: Iterable[Manifest], images: set[str]) -> Iterator[str]:
    for pod in pods:
        status = pod.get("status") or {}
        for container in (
            *(status.get("initContainerStatuses") or ()),
            *(status.get("containerStatuses") or ()),
        ):
            waiting = (container.get("state") or {}).get("waiting") or {}
            if container.get("image") in images and waiting.get("reason") in NOT_PULLED:
                yield (
                    f"Pod {pod['metadata']['name']} cannot get {container['image']}: "
                    f"{waiting['reason']}: {waiting.get('message', '')}"
                )
