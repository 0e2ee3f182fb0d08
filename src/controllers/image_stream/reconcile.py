"""One pass over an ImageStream: where its images are goes into its status."""

from __future__ import annotations

from controllers.image_stream.build.references import read_digests
from controllers.image_stream.status import build_status
from lab_ground.kubernetes import client as kubernetes
from lab_ground.settings import get_settings

IMAGE_STREAM = ("image.openshift.io/v1", "ImageStream")
# What the node holds is not watched; it is looked up again now and then.
_LOOK_AGAIN = 600.0


def reconcile_image_stream(namespace: str, name: str) -> float | None:
    """Write where the stream's images are into its status."""
    client = kubernetes.get_client()
    stream = client.get(*IMAGE_STREAM, name, namespace)
    if stream is None or stream["metadata"].get("deletionTimestamp"):
        return None
    status = build_status(
        stream,
        get_settings().image_registry,
        lambda other_namespace, other: client.get(*IMAGE_STREAM, other, other_namespace),
        read_digests(client.list_objects("v1", "Node")),
    )
    client.patch_status(stream, status)
    unresolved = any("conditions" in tag for tag in status["tags"])
    return 15.0 if unresolved else _LOOK_AGAIN
