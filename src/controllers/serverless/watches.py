"""The controller of Knative Service: makes the objects; the activator moves the requests."""

from __future__ import annotations

import kopf

from controllers.serverless import build as builders
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.errors import ApiError, InvalidError
from lab_ground.kubernetes.metadata import is_owned_by
from lab_ground.kubernetes.reconciler import Reconciler
from lab_ground.kubernetes.watching import label_key, owner_key, watch
from lab_ground.settings import get_settings

FUNCTION = ("serving.knative.dev/v1", "Service")


def reconcile_function(namespace: str, name: str) -> float | None:
    """Make what a function needs and write how it is."""
    client = kubernetes.get_client()
    settings = get_settings()
    function = client.get(*FUNCTION, name, namespace)
    if function is None or function["metadata"].get("deletionTimestamp"):
        return None
    try:
        service = builders.build_service(
            function, settings.platform_namespace, settings.cluster_domain
        )
        for manifest in (service, builders.build_private_service(function)):
            child = manifest["metadata"]["name"]
            present = client.get("v1", "Service", child, namespace)
            if present is not None and not is_owned_by(present, function):
                raise builders.InvalidFunctionError(
                    f"Service {child} exists and is not this function's"
                )
            client.apply(manifest, owner=function)
        deployment = client.apply(builders.build_deployment(function), owner=function)
    except (builders.InvalidFunctionError, InvalidError) as error:
        client.patch_status(function, builders.build_invalid_status(function, str(error)))
        raise kopf.PermanentError(f"{namespace}/{name}: {error}") from error
    except ApiError as error:
        if error.status == 403 and "being terminated" in error.message:
            return None
        raise
    pods = client.list_objects(
        "v1", "Pod", namespace, label_selector=f"{builders.SERVICE_LABEL}={name}"
    )
    client.patch_status(
        function, builders.build_status(function, deployment, pods, settings.cluster_domain)
    )
    return None


functions = Reconciler("function", reconcile_function, workers=2)

watch(functions, "serving.knative.dev", "v1", "services")
for _group, _plural in (("apps", "deployments"), ("", "services")):
    watch(
        functions,
        _group,
        "v1",
        _plural,
        key=owner_key("Service"),
        labels={builders.SERVICE_LABEL: kopf.PRESENT},
    )
watch(
    functions,
    "",
    "v1",
    "pods",
    key=label_key(builders.SERVICE_LABEL),
    labels={builders.SERVICE_LABEL: kopf.PRESENT},
)
