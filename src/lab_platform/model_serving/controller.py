"""Makes a project's model servers what its InferenceServices and ServingRuntimes ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lab_platform.kubernetes.client import KubernetesClient, get_client
from lab_platform.kubernetes.errors import NotFoundError
from lab_platform.model_serving import constants, model_mesh, raw_deployment
from lab_platform.model_serving.applier import Applier
from lab_platform.model_serving.common import Manifest
from lab_platform.model_serving.copies import copy_of, raw_copy_of
from lab_platform.model_serving.pods import ask_pods
from lab_platform.model_serving.project import Project, ends, mode_of, read_project
from lab_platform.model_serving.specs import (
    MODEL_MESH,
    RAW,
    Model,
    Runtime,
    SpecError,
    choose_runtime,
    read_model,
    with_storage_key,
)
from lab_platform.model_serving.statuses import (
    Observation,
    build_refusal,
    build_status,
    pod_trouble,
)
from lab_platform.model_serving.storage_config import (
    build_storage_config,
)

# How long one pass waits for the pods to settle; longer would keep newer orders waiting.
_WAIT = 1.0
_SOON, _FAILED_AGAIN, _QUIET = 0.1, 5.0, 60.0


class Controller:
    """One pass over one namespace at a time; the work queue sees to that."""

    def __init__(self) -> None:
        self.applier = Applier()

    def reconcile(self, _: str, namespace: str) -> float | None:
        """Bring the namespace to what it should be; returns when to look again."""
        client = get_client()
        project = read_project(client, namespace)
        if project is None:
            return None
        _hold(client, project)
        storage_version = self._storage_config(client, project)
        placed, refused = self._place(project)
        delays = [self._refuse(client, project, refused)]
        delays.append(self._model_mesh(client, project, placed, storage_version))
        for service in project.living:
            found = placed.get(service["metadata"]["name"])
            if found and found[0].mode == RAW:
                delays.append(self._raw(client, service, *found))
        self._release(client, project)
        wanted = [delay for delay in delays if delay is not None]
        if not project.services and not project.runtimes:
            return None
        return min(wanted, default=_QUIET)

    # -- what all modes share ----------------------------------------------------------------

    def _storage_config(self, client: KubernetesClient, project: Project) -> str:
        namespace = project.namespace
        in_use = bool(project.model_mesh or project.runtimes or project.services)
        if not project.connections or not in_use:
            if project.storage_version:
                self.applier.delete(client, "v1", "Secret", constants.STORAGE_CONFIG, namespace)
            return ""
        if not project.storage_version:
            self.applier.forget(namespace, "Secret", constants.STORAGE_CONFIG)
        secret = build_storage_config(namespace, project.connections)
        applied = self.applier.apply(client, secret)
        if applied is None:
            return project.storage_version
        return str(applied["metadata"]["resourceVersion"])

    def _place(
        self, project: Project
    ) -> tuple[dict[str, tuple[Model, Runtime]], dict[str, SpecError]]:
        placed: dict[str, tuple[Model, Runtime]] = {}
        refused: dict[str, SpecError] = {}
        for service in project.living:
            name = service["metadata"]["name"]
            try:
                model = read_model(service, model_mesh_enabled=project.model_mesh)
                if model.mode not in (MODEL_MESH, RAW):
                    raise SpecError(
                        "InvalidPredictorSpec",
                        f"deployment mode {model.mode} is not offered here; "
                        f"use {MODEL_MESH} or {RAW}",
                    )
                if model.mode == MODEL_MESH and not project.model_mesh:
                    raise SpecError(
                        "InvalidPredictorSpec",
                        f"namespace {project.namespace} lacks the label "
                        f"{constants.ENABLED_LABEL}=true that mode ModelMesh needs",
                    )
                runtime = choose_runtime(model, project.runtimes)
                placed[name] = (with_storage_key(model, project.connections), runtime)
            except SpecError as error:
                refused[name] = error
        return placed, refused

    def _refuse(
        self, client: KubernetesClient, project: Project, refused: Mapping[str, SpecError]
    ) -> float | None:
        for service in project.living:
            error = refused.get(service["metadata"]["name"])
            if error is not None:
                _patch_status(client, service, build_refusal(*_before(service), error))
        return None

    # -- ModelMesh ---------------------------------------------------------------------------

    def _model_mesh(
        self,
        client: KubernetesClient,
        project: Project,
        placed: Mapping[str, tuple[Model, Runtime]],
        storage_version: str,
    ) -> float | None:
        namespace = project.namespace
        runtimes = [
            runtime
            for runtime in project.runtimes
            if project.model_mesh and runtime.multi_model and not ends(runtime.manifest)
        ]
        self._shared_objects(client, project, runtimes)
        delays: list[float] = []
        for runtime in runtimes:
            models = {
                name: model
                for name, (model, chosen) in placed.items()
                if model.mode == MODEL_MESH and chosen.name == runtime.name
            }
            orders = model_mesh.build_models_config_map(
                namespace, runtime, models.values(), storage_version
            )
            self.applier.apply(client, orders, runtime.manifest)
            self.applier.apply(
                client, model_mesh.build_deployment(namespace, runtime), runtime.manifest
            )
            self.applier.apply(
                client, model_mesh.build_network_policy(namespace, runtime), runtime.manifest
            )
            self._routes(client, project, models, runtime)
            self._remove_raw(client, project, models)
            delays.append(self._observe(client, project, runtime, models, orders))
        return min(delays, default=None)

    def _shared_objects(
        self, client: KubernetesClient, project: Project, runtimes: Sequence[Runtime]
    ) -> None:
        namespace = project.namespace
        mesh_models = [item for item in project.living if mode_of(item, project) == MODEL_MESH]
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
        delegator = model_mesh.delegator_name(namespace)
        if mesh_models and runtimes:
            self.applier.apply(client, model_mesh.build_delegator(namespace))
        elif client.get("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", delegator):
            self.applier.delete(
                client, "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", delegator
            )

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
                _delete_own_route(client, self.applier, service)

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
        reports = ask_pods(pods, generation, _WAIT)
        trouble = pod_trouble(pods)
        delay = _QUIET
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
            )
            _patch_status(client, service, build_status(*_before(service), seen))
            if not seen.settled:
                delay = min(delay, _SOON if reports else 1.0)
            elif seen.failed:
                delay = min(delay, _FAILED_AGAIN)
        return delay

    # -- RawDeployment -----------------------------------------------------------------------

    def _raw(
        self, client: KubernetesClient, service: Manifest, model: Model, runtime: Runtime
    ) -> float:
        manifests = [
            raw_deployment.build_service(model),
            raw_deployment.build_network_policy(model),
            raw_deployment.build_deployment(model, runtime),
        ]
        if not model.service_account:
            manifests.insert(0, raw_deployment.build_service_account(model))
        for manifest in manifests:
            self.applier.apply(client, manifest, service)
        if model.authorised:
            self.applier.apply(client, raw_deployment.build_delegator(model))
        if model.exposed:
            self.applier.apply(client, raw_deployment.build_route(model), service)
        else:
            _delete_own_route(client, self.applier, service)
        seen = self._observe_raw(client, model)
        _patch_status(client, service, build_status(*_before(service), seen))
        return _QUIET if seen.settled and not seen.failed else 2.0

    def _observe_raw(self, client: KubernetesClient, model: Model) -> Observation:
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
            pod_trouble=pod_trouble(pods),
        )

    # -- the end of a model ------------------------------------------------------------------

    def _release(self, client: KubernetesClient, project: Project) -> None:
        """Remove what no owner reference removes, then let go of models that are being deleted."""
        rbac = "rbac.authorization.k8s.io/v1"
        for service in project.services:
            finalizers = service["metadata"].get("finalizers") or []
            if not ends(service) or constants.FINALIZER not in finalizers:
                continue
            name = service["metadata"]["name"]
            for binding in client.list_objects(
                rbac,
                "ClusterRoleBinding",
                label_selector=f"{constants.RAW_POD_LABEL}={name},"
                f"lab.opendatahub.io/namespace={project.namespace}",
            ):
                self.applier.delete(client, rbac, "ClusterRoleBinding", binding["metadata"]["name"])
            remaining = [item for item in finalizers if item != constants.FINALIZER]
            _set_finalizers(client, service, remaining)


def _hold(client: KubernetesClient, project: Project) -> None:
    """Put our finalizer on models, before anything outside the namespace is made for them."""
    for service in project.living:
        finalizers = service["metadata"].get("finalizers") or []
        if constants.FINALIZER not in finalizers:
            _set_finalizers(client, service, [*finalizers, constants.FINALIZER])


def _patch_status(client: KubernetesClient, service: Manifest, status: Mapping[str, Any]) -> None:
    current = service.get("status") or {}
    pruned = {key: _without_none(value) for key, value in status.items()}
    if all(current.get(key) == value for key, value in pruned.items()):
        return
    client.patch_status(service, status)


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value


def _before(service: Manifest) -> tuple[Mapping[str, Any], int]:
    return service.get("status") or {}, int(service["metadata"].get("generation", 0))


def _set_finalizers(client: KubernetesClient, service: Manifest, finalizers: Iterable[str]) -> None:
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


def _delete_own_route(client: KubernetesClient, applier: Applier, service: Manifest) -> None:
    metadata = service["metadata"]
    route = client.get(*constants.ROUTE, metadata["name"], metadata["namespace"])
    owners = (route or {}).get("metadata", {}).get("ownerReferences") or []
    if any(owner["uid"] == metadata["uid"] for owner in owners):
        applier.delete(client, *constants.ROUTE, metadata["name"], metadata["namespace"])
