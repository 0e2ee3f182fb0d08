"""Makes what a function needs; the activator moves its requests and its number of pods."""

from __future__ import annotations

import kopf

from activator.scaling import SERVICE_LABEL, InvalidFunctionError
from controllers.serverless.build import objects
from controllers.serverless.status import build_invalid_status, build_status
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.errors import ApiError, InvalidError
from lab_ground.kubernetes.ownership import ForeignObjectError
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
        objects.find_port(function)
        service = objects.build_service(
            function, settings.platform_namespace, settings.cluster_domain
        )
        for manifest in (service, objects.build_private_service(function)):
            client.apply(manifest, owner=function)
        deployment = client.apply(objects.build_deployment(function), owner=function)
    except ForeignObjectError as error:
        client.patch_status(function, build_invalid_status(function, error.message))
        raise kopf.TemporaryError(f"{namespace}/{name}: {error.message}", delay=10) from error
    except (InvalidFunctionError, InvalidError) as error:
        client.patch_status(function, build_invalid_status(function, str(error)))
        raise kopf.PermanentError(f"{namespace}/{name}: {error}") from error
    except ApiError as error:
        if error.status == 403 and "being terminated" in error.message:
            return None
        raise
    pods = client.list_objects("v1", "Pod", namespace, label_selector=f"{SERVICE_LABEL}={name}")
    client.patch_status(function, build_status(function, deployment, pods, settings.cluster_domain))
    return None
