"""What the suite's images are made from, noted on the pods that run them.

A rebuilt image keeps its tag, so a pod's template alone would not change with it: the note does,
and the Deployment rolls. Where the content is the same, so is the note, and nothing moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_ground.settings import get_settings

PREFIX = "lab.opendatahub.io/revision-of-"


def image_revisions(pod: Mapping[str, Any]) -> dict[str, str]:
    """Return the annotations of a template with this pod spec; other people's images have none."""
    settings = get_settings()
    known = {
        settings.platform_image: settings.platform_revision,
        settings.serving_image: settings.serving_revision,
    }
    containers = [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]
    used = {container.get("image") for container in containers}
    return {
        PREFIX + image.rpartition("/")[2].partition(":")[0]: revision
        for image, revision in known.items()
        if revision and image in used
    }
