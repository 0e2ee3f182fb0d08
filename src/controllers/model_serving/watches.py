"""Which changes ask for a pass over a project's model servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import kopf

from controllers.model_serving.reconcile import Controller
from controllers.model_serving.storage_config import MANAGED_LABEL
from lab_ground.kubernetes.reconciler import Key, Reconciler
from lab_ground.kubernetes.watching import watch
from lab_ground.serving import constants


def _namespace_of(body: Mapping[str, Any]) -> Key | None:
    return "", body["metadata"]["namespace"]


def _own_name(body: Mapping[str, Any]) -> Key | None:
    return "", body["metadata"]["name"]


controller = Controller()
projects = Reconciler("model-serving", controller.reconcile, workers=4)

watch(projects, constants.GROUP, "v1beta1", "inferenceservices", key=_namespace_of)
watch(projects, constants.GROUP, "v1alpha1", "servingruntimes", key=_namespace_of)
watch(projects, "", "v1", "namespaces", key=_own_name)
watch(projects, "", "v1", "secrets", key=_namespace_of, labels={MANAGED_LABEL: "true"})
watch(
    projects,
    "",
    "v1",
    "pods",
    key=_namespace_of,
    labels={constants.COMPONENT_LABEL: constants.COMPONENT},
)
watch(
    projects,
    "route.openshift.io",
    "v1",
    "routes",
    key=_namespace_of,
    labels={"inferenceservice-name": kopf.PRESENT},
)


@kopf.on.event(
    "apps",
    "v1",
    "deployments",
    id="model-serving-on-own-deployments",
    labels={constants.COMPONENT_LABEL: constants.COMPONENT},
)
async def own_object_gone(*, event: Mapping[str, Any], body: Mapping[str, Any], **_: Any) -> None:
    """Somebody removed a Deployment of ours: it comes back."""
    if event.get("type") == "DELETED":
        metadata = body["metadata"]
        controller.applier.forget(metadata["namespace"], "Deployment", metadata["name"])
        projects.enqueue("", metadata["namespace"])
