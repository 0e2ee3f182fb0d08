"""The runtime images that Elyra offers in a workbench, from the ImageStreams that describe them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import standard_labels
from lab_ground.settings import get_settings

CONFIG_MAP = "pipeline-runtime-images"
VOLUME = "runtime-images"
MOUNT_PATH = "/opt/app-root/pipeline-runtimes"
LABEL = "opendatahub.io/runtime-image"
ANNOTATION = "opendatahub.io/runtime-image-metadata"


def _file_name(display_name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", display_name.lower()).strip("-")
    return f"{words or 'runtime'}.json"


def list_runtime_images(streams: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return Elyra's files, one a tag of an ImageStream with runtime-image metadata.

    Upstream's notebook_runtime.go leaves out a tag that does not say where its image is from, and
    up to 2.16 the controller lists none at all.
    """
    files: dict[str, str] = {}
    if not get_settings().plays_since("2.17"):
        return files
    for stream in streams:
        for tag in (stream.get("spec") or {}).get("tags") or []:
            text = (tag.get("annotations") or {}).get(ANNOTATION)
            if not text or not (tag.get("from") or {}).get("name"):
                continue
            try:
                described = json.loads(text)
                image = described[0] if isinstance(described, list) else described
                display_name = str(image["display_name"])
                image["metadata"]["image_name"]
            except (ValueError, LookupError, TypeError):
                continue
            files[_file_name(display_name)] = json.dumps(image, sort_keys=True)
    return files


def build_config_map(namespace: str, files: Mapping[str, str]) -> Manifest:
    """Build the ConfigMap that workbenches of a project mount."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": CONFIG_MAP,
            "namespace": namespace,
            "labels": {
                **standard_labels(CONFIG_MAP, "notebook"),
                "opendatahub.io/managed-by": "workbenches",
            },
        },
        "data": dict(files),
    }


def add_volume(spec: Manifest, container: Manifest) -> None:
    """Mount the ConfigMap, unless the Notebook brings a volume of that name itself."""
    volumes = spec.setdefault("volumes", [])
    if any(volume["name"] == VOLUME for volume in volumes):
        return
    volumes.append({"name": VOLUME, "configMap": {"name": CONFIG_MAP, "optional": True}})
    container.setdefault("volumeMounts", []).append(
        {"name": VOLUME, "mountPath": MOUNT_PATH, "readOnly": True}
    )
