"""A project's shared model servers (ModelMesh): one for each runtime, with many models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controllers.model_serving.applier import Applier
from controllers.model_serving.build import model_mesh, raw_deployment
from controllers.model_serving.copies import copy_of
from controllers.model_serving.inference_services import (
    delete_own_route,
    deployment_trouble,
    refusing,
    route_trouble,
    write_status,
)
from controllers.model_serving.pods import ask_pods
from controllers.model_serving.project import Project, ends
from controllers.model_serving.specs import LABEL_LIMIT, MODEL_MESH, Model, Runtime
from controllers.model_serving.status import Observation, pod_trouble
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.serving import constants

# How long one pass waits for the pods to settle; longer would keep newer orders waiting.
WAIT = 1.0
SOON, FAILED_AGAIN = 0.1, 5.0


class MeshServers:
    """Keeps the servers that models share, and what the servers share."""

    def __init__(self, applier: Applier) -> None:
        self.applier = applier

    def reconcile(
        self,
        client: KubernetesClient,
        project: Project,
        placed: Mapping[str, tuple[Model, Runtime]],
        storage_version: str,
    ) -> float | None:
        """Bring all of them to what they should be; returns when to look again."""
        runtimes = [
            runtime
            for runtime in project.runtimes
            if project.model_mesh
            and runtime.multi_model
            and not ends(runtime.manifest)
            # One whose name is too long has its models refused.
            and len(model_mesh.deployment_name(runtime.name)) <= LABEL_LIMIT
            and 0 <= runtime.replicas <= constants.MOST_REPLICAS
        ]
        mesh = [name for name, (model, _) in placed.items() if model.mode == MODEL_MESH]
        delays: list[float] = []
        with refusing(client, project.living, mesh, delays):
            self._shared_objects(client, project, runtimes)
        for runtime in runtimes:
            models = {
                name: model
                for name, (model, chosen) in placed.items()
                if model.mode == MODEL_MESH and chosen.name == runtime.name
            }
            with refusing(client, project.living, models, delays):
                delays.append(self._serve(client, project, runtime, models, storage_version))
        return min(delays, default=None)

    def _serve(
        self,
        client: KubernetesClient,
        project: Project,
        runtime: Runtime,
        models: Mapping[str, Model],
        storage_version: str,
    ) -> float:
        namespace = project.namespace
        orders = model_mesh.build_models_config_map(
            namespace, runtime, models.values(), storage_version
        )
        for manifest in (
            orders,
            model_mesh.build_deployment(namespace, runtime),
            model_mesh.build_network_policy(namespace, runtime),
        ):
            self.applier.apply(client, manifest, runtime.manifest)
        self._routes(client, project, models, runtime)
        self._remove_raw(client, project, models)
        return self._observe(client, project, runtime, models, orders)

    def _shared_objects(
        self, client: KubernetesClient, project: Project, runtimes: Sequence[Runtime]
    ) -> None:
        namespace = project.namespace
        if runtimes:
            for manifest in (
                model_mesh.build_service(namespace),
                model_mesh.build_service_account(namespace),
                model_mesh.build_role(namespace, [runtime.name for runtime in runtimes]),
                model_mesh.build_role_binding(namespace),
            ):
                self.applier.apply(client, manifest)
        elif project.model_mesh or project.services:
            self._remove_shared_objects(client, project)

    def _remove_shared_objects(self, client: KubernetesClient, project: Project) -> None:
        """Remove what model servers share, and the servers: they hold tokens of its account."""
        namespace = project.namespace
        service = client.get("v1", "Service", constants.SERVICE, namespace)
        if service is None:
            return
        if service["metadata"].get("labels", {}).get(constants.COMPONENT_LABEL) is None:
            return
        rbac = "rbac.authorization.k8s.io/v1"
        servers = [
            ("apps/v1", "Deployment", model_mesh.deployment_name(runtime.name))
            for runtime in project.runtimes
            if runtime.multi_model
        ]
        for api, kind, name in (
            *servers,
            (rbac, "RoleBinding", constants.SERVICE_ACCOUNT),
            (rbac, "Role", constants.SERVICE_ACCOUNT),
            ("v1", "ServiceAccount", constants.SERVICE_ACCOUNT),
            ("v1", "Service", constants.SERVICE),
        ):
            self.applier.delete(client, api, kind, name, namespace)

    def _routes(
        self,
        client: KubernetesClient,
        project: Project,
        models: Mapping[str, Model],
        runtime: Runtime,
    ) -> None:
        for service in project.living:
            model = models.get(service["metadata"]["name"])
            if model is None:
                continue
            if runtime.route:
                self.applier.apply(client, model_mesh.build_route(model, runtime), service)
            else:
                delete_own_route(client, self.applier, service)

    def _remove_raw(
        self, client: KubernetesClient, project: Project, models: Mapping[str, Model]
    ) -> None:
        """What a model had of its own before it moved to a shared server."""
        for service in project.living:
            model = models.get(service["metadata"]["name"])
            before = (service.get("status") or {}).get("url") or ""
            if model is None or raw_deployment.name_of(model) not in before:
                continue
            for api, kind in (
                ("apps/v1", "Deployment"),
                ("v1", "Service"),
                ("networking.k8s.io/v1", "NetworkPolicy"),
            ):
                name = raw_deployment.name_of(model)
                self.applier.delete(client, api, kind, name, project.namespace)

    def _observe(
        self,
        client: KubernetesClient,
        project: Project,
        runtime: Runtime,
        models: Mapping[str, Model],
        orders: Manifest,
    ) -> float:
        namespace = project.namespace
        pods = client.list_objects(
            "v1",
            "Pod",
            namespace,
            label_selector=f"{constants.POD_LABEL}={constants.SERVICE},"
            f"{constants.RUNTIME_LABEL}={runtime.name}",
        )
        generation = orders["data"]["generation"]
        reports = ask_pods(pods, generation, WAIT)
        deployment = model_mesh.deployment_name(runtime.name)
        trouble = pod_trouble(pods) or deployment_trouble(client, deployment, namespace)
        delay = constants.QUIET
        for service in project.living:
            name = service["metadata"]["name"]
            if name not in models:
                continue
            seen = Observation(
                revision=models[name].revision,
                wanted_copies=runtime.replicas,
                copies=[copy_of(report, name) for report in reports.values()],
                urls=model_mesh.urls(namespace, runtime),
                pod_trouble=trouble,
                route_trouble=route_trouble(client, name, namespace) if runtime.route else "",
            )
            write_status(client, service, seen)
            if not seen.settled:
                delay = min(delay, SOON if reports else 1.0)
            elif seen.failed:
                delay = min(delay, FAILED_AGAIN)
        return delay
