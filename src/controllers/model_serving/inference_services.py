"""What is written to InferenceServices, and taken away with what they ask for."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from controllers.model_serving.applier import Applier
from controllers.model_serving.specs import SpecError
from controllers.model_serving.status import Observation, build_refusal, build_status
from lab_ground.kubernetes import events
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ApiError, NotFoundError
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.ownership import ForeignObjectError
from lab_ground.serving import constants

# The API server's answers to an object that is not as it must be, which only a change mends.
_WRONG = (400, 422)
# Seconds until what it refuses for another reason (a quota, a policy, a right) is tried again.
TRY_AGAIN = 10.0


def write_status(client: KubernetesClient, service: Manifest, seen: Observation) -> None:
    """Write how its model is served; what keeps it from being is told in an event too."""
    status = build_status(*_before(service), seen)
    failure = (status.get("modelStatus") or {}).get("lastFailureInfo") or {}
    if failure.get("message"):
        events.warn(client, service, failure["reason"], failure["message"])
    _patch_status(client, service, status)


def write_refusal(client: KubernetesClient, service: Manifest, error: SpecError) -> None:
    """Write why it cannot be carried out as it is written, in its status and in an event."""
    events.warn(client, service, error.reason, error.message)
    _patch_status(client, service, build_refusal(*_before(service), error))


@contextmanager
def refusing(
    client: KubernetesClient,
    services: Iterable[Manifest],
    names: Container[str],
    delays: list[float],
) -> Iterator[None]:
    """Write to these what is wrong with their server, so that the others are gone on with.

    ``delays`` gets when to try again, where trying again may help.
    """
    try:
        yield
    except SpecError as error:
        refusal = error
    except ApiError as error:
        if not _is_refusal(error):
            raise
        if error.status not in _WRONG:
            delays.append(TRY_AGAIN)
        refusal = SpecError("RuntimeUnhealthy", f"the server cannot be made: {error.message}")
    else:
        return
    for service in services:
        if service["metadata"]["name"] in names:
            write_refusal(client, service, refusal)


def _is_refusal(error: ApiError) -> bool:
    """Whether the API server answered and does not take it, now or ever."""
    if isinstance(error, ForeignObjectError):
        return True
    ending = error.status == 403 and "being terminated" in error.message
    return 400 <= error.status < 500 and error.status not in (404, 409, 429) and not ending


def _before(service: Manifest) -> tuple[Mapping[str, Any], int]:
    metadata = service["metadata"]
    status = dict(service.get("status") or {})
    revision = (metadata.get("annotations") or {}).get(constants.SERVED_AS)
    if revision:
        status["modelStatus"] = {
            **(status.get("modelStatus") or {}),
            "activeRevisionName": revision,
        }
    return status, int(metadata.get("generation", 0))


def _patch_status(client: KubernetesClient, service: Manifest, status: Mapping[str, Any]) -> None:
    # The kind's status has no place for the name in replies: it is told by an annotation.
    model_status = dict(status.get("modelStatus") or {})
    revision = model_status.pop("activeRevisionName", None)
    status = {**status, "modelStatus": model_status}
    metadata = service["metadata"]
    if revision and (metadata.get("annotations") or {}).get(constants.SERVED_AS) != revision:
        client.patch(
            *constants.INFERENCE_SERVICE,
            metadata["name"],
            {"metadata": {"annotations": {constants.SERVED_AS: revision}}},
            metadata["namespace"],
        )
    current = service.get("status") or {}
    pruned = {key: _without_none(value) for key, value in status.items()}
    if all(current.get(key) == value for key, value in pruned.items()):
        return
    client.patch_status(service, status)


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value


def set_finalizers(client: KubernetesClient, service: Manifest, finalizers: Iterable[str]) -> None:
    """Hold it, or let it go; one that has gone or changed meanwhile is looked at again."""
    metadata = service["metadata"]
    patch = {
        "metadata": {
            "finalizers": list(finalizers),
            "resourceVersion": metadata["resourceVersion"],
        }
    }
    api, kind = constants.INFERENCE_SERVICE
    try:
        client.patch(api, kind, metadata["name"], patch, metadata["namespace"])
    except NotFoundError:
        return


def route_trouble(client: KubernetesClient, name: str, namespace: str) -> str:
    """Why nobody reaches a model by its Route; empty where it is served, or not looked at yet."""
    route = client.get(*constants.ROUTE, name, namespace)
    for entry in ((route or {}).get("status") or {}).get("ingress") or []:
        for condition in entry.get("conditions") or []:
            if condition.get("type") == "Admitted" and condition.get("status") == "False":
                said = condition.get("message") or condition.get("reason")
                return f"Route {name} is not admitted: {said}"
    return ""


def deployment_trouble(client: KubernetesClient, name: str, namespace: str) -> str:
    """Why a Deployment has not the pods that it should, where it says so: a quota, a policy."""
    deployment = client.get("apps/v1", "Deployment", name, namespace)
    for condition in ((deployment or {}).get("status") or {}).get("conditions") or []:
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return f"no pod can be made: {condition.get('message') or condition.get('reason')}"
    return ""


def delete_own_route(client: KubernetesClient, applier: Applier, service: Manifest) -> None:
    """Remove a Route that was made for it, not one of the same name that somebody else made."""
    metadata = service["metadata"]
    route = client.get(*constants.ROUTE, metadata["name"], metadata["namespace"])
    owners = (route or {}).get("metadata", {}).get("ownerReferences") or []
    if any(owner["uid"] == metadata["uid"] for owner in owners):
        applier.delete(client, *constants.ROUTE, metadata["name"], metadata["namespace"])
