"""Makes what a workbench needs, and writes how it is."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import kopf

from controllers.notebook import build as builders
from controllers.notebook import gateway, runtime_images
from controllers.notebook.status import (
    build_failed_status,
    build_invalid_status,
    build_status,
    refused_by_gateway,
    refused_by_router,
    trouble_of,
)
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes import events
from lab_ground.kubernetes.errors import ApiError, ConflictError, InvalidError
from lab_ground.kubernetes.metadata import is_owned_by
from lab_ground.settings import get_settings

NOTEBOOK = ("kubeflow.org/v1", "Notebook")
ROLE = ("rbac.authorization.k8s.io/v1", "Role")
ROUTE = ("route.openshift.io/v1", "Route")
USER_ROLE = "ds-pipeline-user-access-"
# The one pipeline server that upstream's controller binds workbenches to (notebook_rbac.go).
BOUND_ROLE = f"{USER_ROLE}dspa"
_TRY_AGAIN = 10.0
_LOOK_AGAIN = 600.0


def _image(notebook: Mapping[str, Any]) -> str:
    settings = get_settings()
    name = notebook["metadata"]["name"]
    containers = notebook["spec"]["template"]["spec"].get("containers") or []
    if not containers:
        return ""
    main = next((c for c in containers if c["name"] == name), containers[0])
    annotations = notebook["metadata"].get("annotations") or {}
    selection = annotations.get(builders.IMAGE_SELECTION)
    stream = None
    if selection:
        stream = kubernetes.get_client().get(
            "image.openshift.io/v1",
            "ImageStream",
            selection.partition(":")[0],
            settings.image_namespace,
        )
    return builders.choose_image(
        main.get("image") or "", selection, settings.image_registry, stream
    )


def _ensure_session_secret(notebook: Mapping[str, Any]) -> None:
    client = kubernetes.get_client()
    namespace, name = notebook["metadata"]["namespace"], notebook["metadata"]["name"]
    if client.get("v1", "Secret", f"{name}-oauth-config", namespace) is None:
        # Made once: a new one would end every session.
        client.apply(
            builders.build_session_secret(notebook, secrets.token_urlsafe(32)), owner=notebook
        )


def _apply_login(notebook: Mapping[str, Any]) -> None:
    client = kubernetes.get_client()
    _ensure_session_secret(notebook)
    if not notebook["spec"]["template"]["spec"].get("serviceAccountName") or (
        notebook["spec"]["template"]["spec"]["serviceAccountName"] == notebook["metadata"]["name"]
    ):
        client.apply(builders.build_service_account(notebook), owner=notebook)
    client.apply(builders.build_tls_service(notebook), owner=notebook)
    if not get_settings().plays_since("3.0"):
        client.apply(builders.build_route(notebook), owner=notebook)
    for manifest in builders.build_access(notebook):
        client.apply(manifest, owner=notebook)


def _remove_login(notebook: Mapping[str, Any], *, route_only: bool = False) -> None:
    namespace = notebook["metadata"]["namespace"]
    client = kubernetes.get_client()
    children = builders.login_children(notebook)
    for api_version, kind, child in children[:1] if route_only else children:
        present = client.get(api_version, kind, child, namespace)
        if present is not None and is_owned_by(present, notebook):
            client.delete(api_version, kind, child, namespace)


def _apply_way(notebook: Mapping[str, Any]) -> None:
    """Make the way to the workbench: since 3.0 through the gateway, before by its login's Route."""
    if get_settings().plays_since("3.0"):
        gateway.apply(notebook)
        # Of an older version.
        _remove_login(notebook, route_only=True)
    if builders.has_login(notebook):
        _apply_login(notebook)
    else:
        _remove_login(notebook)


def _refusal(notebook: Mapping[str, Any]) -> str | None:
    """Why nobody comes to the workbench by the way that was made; None where it is well."""
    client, metadata = kubernetes.get_client(), notebook["metadata"]
    if get_settings().plays_since("3.0"):
        name = builders.http_route_name(notebook)
        namespace = get_settings().image_namespace
        return refused_by_gateway(client.get(*builders.HTTP_ROUTE, name, namespace))
    if not builders.has_login(notebook):
        return None
    return refused_by_router(client.get(*ROUTE, metadata["name"], metadata["namespace"]))


def _apply_runtime_images(namespace: str) -> None:
    """Keep the project's list of runtime images as the ImageStreams have it."""
    client = kubernetes.get_client()
    streams = client.list_objects(
        "image.openshift.io/v1",
        "ImageStream",
        get_settings().image_namespace,
        label_selector=f"{runtime_images.LABEL}=true",
    )
    files = runtime_images.list_runtime_images(streams)
    present = client.get("v1", "ConfigMap", runtime_images.CONFIG_MAP, namespace)
    if (present or {}).get("data", {}) != files:
        client.apply(runtime_images.build_config_map(namespace, files))


def _apply_pipelines_binding(notebook: Mapping[str, Any]) -> None:
    """Bind the workbench to the role of the pipeline server called dspa, once there is one."""
    client = kubernetes.get_client()
    namespace = notebook["metadata"]["namespace"]
    binding = builders.build_pipelines_binding(notebook, BOUND_ROLE)
    key = binding["apiVersion"], binding["kind"], binding["metadata"]["name"]
    present = client.get(*key, namespace)
    if (
        present is not None
        and is_owned_by(present, notebook)
        and present["roleRef"]["name"] != BOUND_ROLE
    ):
        # Made by an older version; a binding's role cannot be changed.
        client.delete(*key, namespace)
    if client.get(*ROLE, BOUND_ROLE, namespace) is not None:
        client.apply(binding, owner=notebook)


def _events(stateful_set: Mapping[str, Any]) -> list[builders.Manifest]:
    metadata = stateful_set["metadata"]
    found = kubernetes.get_client().list_objects(
        "v1",
        "Event",
        metadata["namespace"],
        field_selector=f"involvedObject.uid={metadata['uid']}",
    )
    return sorted(found, key=lambda event: str(event.get("lastTimestamp") or ""), reverse=True)


def reconcile_notebook(namespace: str, name: str) -> float | None:
    """Make what a Notebook needs and write how it is."""
    client = kubernetes.get_client()
    notebook = client.get(*NOTEBOOK, name, namespace)
    if notebook is None:
        return None
    if notebook["metadata"].get("deletionTimestamp"):
        gateway.release(notebook)
        return None
    try:
        builders.check(notebook)
        gateway.hold(notebook)
        _apply_way(notebook)
        for manifest in (
            builders.build_service(notebook),
            *builders.build_mounted_access(notebook),
        ):
            client.apply(manifest, owner=notebook)
        policies = builders.build_network_policies(notebook)
        for policy in policies if builders.has_login(notebook) else policies[:1]:
            client.apply(policy, owner=notebook)
        _apply_pipelines_binding(notebook)
        _apply_runtime_images(namespace)
        wanted = builders.build_stateful_set(notebook, _image(notebook))
        stateful_set = client.apply(wanted, owner=notebook)
    except (builders.InvalidNotebookError, InvalidError) as error:
        client.patch_status(notebook, build_invalid_status(notebook, str(error)))
        events.warn(client, notebook, "InvalidSpec", str(error))
        raise kopf.PermanentError(f"{namespace}/{name}: {error}") from error
    except ApiError as error:
        if error.status == 403 and "being terminated" in error.message:
            return None
        if isinstance(error, ConflictError):
            raise kopf.TemporaryError(str(error), delay=1) from error
        # The API server's own words: a quota, a policy, or something that nobody knows here.
        reason = error.reason or "ApiError"
        client.patch_status(notebook, build_failed_status(notebook, reason, error.message))
        events.warn(client, notebook, reason, error.message)
        raise kopf.TemporaryError(str(error), delay=_TRY_AGAIN) from error
    pod = client.get("v1", "Pod", f"{name}-0", namespace)
    waiting = pod is None and not builders.is_stopped(notebook)
    refusals = _events(stateful_set) if waiting else []
    refusal = _refusal(notebook)
    status = build_status(notebook, stateful_set, pod, refusals, refusal)
    client.patch_status(notebook, status)
    if trouble := trouble_of(status):
        events.warn(client, notebook, *trouble)
    return 2.0 if waiting else _LOOK_AGAIN
