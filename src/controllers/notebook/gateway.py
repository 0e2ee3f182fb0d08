"""Makes a workbench's way through the gateway, and takes it away with the workbench."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from controllers.notebook.build import gateway as builders
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.errors import NotFoundError
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.settings import get_settings

NOTEBOOK = ("kubeflow.org/v1", "Notebook")


def _set_finalizers(notebook: Mapping[str, Any], wanted: list[str]) -> None:
    metadata = notebook["metadata"]
    if wanted == (metadata.get("finalizers") or []):
        return
    # With the version that was read: a finalizer that somebody adds now is not lost.
    patch = {"finalizers": wanted, "resourceVersion": metadata["resourceVersion"]}
    with contextlib.suppress(NotFoundError):
        kubernetes.get_client().patch(
            *NOTEBOOK, metadata["name"], {"metadata": patch}, metadata["namespace"]
        )


def hold(notebook: Mapping[str, Any]) -> None:
    """Keep the Notebook from going before what lies elsewhere; before anything is made there.

    Where a version without a gateway is played again, what lies there of 3.x goes now.
    """
    if not get_settings().plays_since("3.0"):
        release(notebook)
        return
    present = notebook["metadata"].get("finalizers") or []
    wanted = builders.finalizers_of(notebook)
    _set_finalizers(notebook, [*present, *(each for each in wanted if each not in present)])


def apply(notebook: Mapping[str, Any]) -> Manifest:
    """Make the grant and the HTTPRoute; returns the latter as it is."""
    client = kubernetes.get_client()
    client.apply(builders.build_reference_grant(notebook["metadata"]["namespace"]))
    return client.apply(builders.build_http_route(notebook))


def release(notebook: Mapping[str, Any]) -> None:
    """Take away what lies elsewhere, and let the Notebook go.

    Also where another version is played now: a Notebook of 3.x must not stay for ever.
    """
    present = notebook["metadata"].get("finalizers") or []
    left = [each for each in present if each not in builders.FINALIZERS]
    if left == present:
        return
    client, namespace = kubernetes.get_client(), notebook["metadata"]["namespace"]
    labels = builders.http_route_labels(notebook)
    with contextlib.suppress(NotFoundError):
        for found in client.list_objects(
            *builders.HTTP_ROUTE,
            get_settings().image_namespace,
            label_selector=",".join(f"{key}={value}" for key, value in labels.items()),
        ):
            client.delete(
                *builders.HTTP_ROUTE, found["metadata"]["name"], found["metadata"]["namespace"]
            )
    if _is_last(notebook):
        with contextlib.suppress(NotFoundError):
            client.delete(*builders.REFERENCE_GRANT, builders.GRANT_NAME, namespace)
    _set_finalizers(notebook, left)


def _is_last(notebook: Mapping[str, Any]) -> bool:
    """Whether no other Notebook of the project stays."""
    metadata = notebook["metadata"]
    return not any(
        other["metadata"]["name"] != metadata["name"]
        and not other["metadata"].get("deletionTimestamp")
        for other in kubernetes.get_client().list_objects(*NOTEBOOK, metadata["namespace"])
    )
