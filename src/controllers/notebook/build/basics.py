"""What is read from a Notebook, and what all of its objects have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import standard_labels

INJECT_OAUTH = "notebooks.opendatahub.io/inject-oauth"
STOPPED = "kubeflow-resource-stopped"
PORT = 8888
PROXY_PORT = 8443


class InvalidNotebookError(ValueError):
    """The Notebook cannot be made into pods; the message says what is wrong in it."""


def is_stopped(notebook: Mapping[str, Any]) -> bool:
    """Say whether the Notebook is stopped: the annotation's presence alone counts."""
    return STOPPED in (notebook["metadata"].get("annotations") or {})


def has_login(notebook: Mapping[str, Any]) -> bool:
    """Say whether the Notebook wants the proxy with the sign-in."""
    return (notebook["metadata"].get("annotations") or {}).get(INJECT_OAUTH) == "true"


def identity(notebook: Mapping[str, Any]) -> tuple[str, str]:
    """Return namespace and name."""
    return notebook["metadata"]["namespace"], notebook["metadata"]["name"]


def metadata(notebook: Mapping[str, Any], name: str, **more: Any) -> Manifest:
    """Return the metadata of one of its objects."""
    namespace, notebook_name = identity(notebook)
    labels = {"notebook-name": notebook_name, **standard_labels(notebook_name, "notebook")}
    return {"name": name, "namespace": namespace, "labels": labels, **more}


def account(notebook: Mapping[str, Any]) -> str:
    """Return the service account that the workbench runs as: its own where none is named."""
    own = notebook["metadata"]["name"]
    return str(notebook["spec"]["template"]["spec"].get("serviceAccountName") or own)
