"""Model servers of one model's own (RawDeployment)."""

from __future__ import annotations

from controllers.model_serving.applier import Applier
from controllers.model_serving.build import raw_deployment
from controllers.model_serving.copies import raw_copy_of
from controllers.model_serving.inference_services import (
    delete_own_route,
    deployment_trouble,
    route_trouble,
    write_status,
)
from controllers.model_serving.project import ends
from controllers.model_serving.specs import Model, Runtime
from controllers.model_serving.status import Observation, pod_trouble
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.serving import constants


class RawServers:
    """Keeps a server for each model that has one to itself."""

    def __init__(self, applier: Applier) -> None:
        self.applier = applier

    def reconcile(
        self, client: KubernetesClient, service: Manifest, model: Model, runtime: Runtime
    ) -> float:
        """Bring one model's server to what it should be; returns when to look again."""
        manifests = [
            raw_deployment.build_service(model),
            raw_deployment.build_network_policy(model),
            raw_deployment.build_deployment(model, runtime),
        ]
        if not model.service_account:
            manifests.insert(0, raw_deployment.build_service_account(model))
        for manifest in manifests:
            self.applier.apply(client, manifest, service)
        if model.exposed:
            self.applier.apply(client, raw_deployment.build_route(model), service)
        else:
            delete_own_route(client, self.applier, service)
        seen = self._observe(client, model)
        write_status(client, service, seen)
        return constants.QUIET if seen.settled and not seen.failed else 2.0

    def _observe(self, client: KubernetesClient, model: Model) -> Observation:
        pods = client.list_objects(
            "v1",
            "Pod",
            model.namespace,
            label_selector=f"{constants.RAW_POD_LABEL}={model.name},component=predictor",
        )
        copies = [raw_copy_of(pod) for pod in pods if not ends(pod)]
        return Observation(
            revision=model.revision,
            wanted_copies=model.min_replicas,
            copies=copies,
            urls=raw_deployment.urls(model),
            pod_trouble=pod_trouble(pods)
            or deployment_trouble(client, raw_deployment.name_of(model), model.namespace),
            route_trouble=route_trouble(client, model.name, model.namespace)
            if model.exposed
            else "",
        )
