"""Makes a project's model servers what its InferenceServices and ServingRuntimes ask for."""

from __future__ import annotations

from controllers.model_serving.applier import Applier
from controllers.model_serving.inference_services import refusing, set_finalizers, write_refusal
from controllers.model_serving.mesh_servers import MeshServers
from controllers.model_serving.project import Project, ends, read_project
from controllers.model_serving.raw_servers import RawServers
from controllers.model_serving.specs import (
    MODEL_MESH,
    RAW,
    Model,
    Runtime,
    SpecError,
    check_names,
    choose_runtime,
    read_model,
    with_storage_key,
)
from controllers.model_serving.storage_config import build_storage_config
from lab_ground.kubernetes.client import KubernetesClient, get_client
from lab_ground.serving import constants
from lab_ground.settings import get_settings


class Controller:
    """One pass over one namespace at a time; the work queue sees to that."""

    def __init__(self) -> None:
        self.applier = Applier()
        self._mesh = MeshServers(self.applier)
        self._raw = RawServers(self.applier)

    def reconcile(self, _: str, namespace: str) -> float | None:
        """Bring the namespace to what it should be; returns when to look again."""
        client = get_client()
        project = read_project(client, namespace)
        if project is None:
            return None
        _hold(client, project)
        storage_version = self._storage_config(client, project)
        placed, refused = self._place(project)
        for service in project.living:
            error = refused.get(service["metadata"]["name"])
            if error is not None:
                write_refusal(client, service, error)
        again: list[float] = []
        delays = [self._mesh.reconcile(client, project, placed, storage_version)]
        for service in project.living:
            found = placed.get(service["metadata"]["name"])
            if found and found[0].mode == RAW:
                with refusing(client, [service], [found[0].name], again):
                    delays.append(self._raw.reconcile(client, service, *found))
        self._release(client, project)
        wanted = [delay for delay in (*delays, *again) if delay is not None]
        if not project.services and not project.runtimes:
            return None
        return min(wanted, default=constants.QUIET)

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
                if model.mode == MODEL_MESH and get_settings().plays_since("3.0"):
                    raise SpecError(
                        "InvalidPredictorSpec",
                        f"OpenShift AI {get_settings().openshift_ai_version} has no ModelMesh; "
                        f"use {RAW} (Standard)",
                    )
                if model.mode == MODEL_MESH and not project.model_mesh:
                    raise SpecError(
                        "InvalidPredictorSpec",
                        f"namespace {project.namespace} lacks the label "
                        f"{constants.ENABLED_LABEL}=true that mode ModelMesh needs",
                    )
                runtime = choose_runtime(model, project.runtimes)
                check_names(model, runtime)
                placed[name] = (
                    with_storage_key(model, project.connections, project.faults),
                    runtime,
                )
            except SpecError as error:
                refused[name] = error
        return placed, refused

    def _release(self, client: KubernetesClient, project: Project) -> None:
        """Remove what no owner reference removes, then let go of models that are being deleted."""
        for service in project.services:
            finalizers = service["metadata"].get("finalizers") or []
            if not ends(service) or constants.FINALIZER not in finalizers:
                continue
            remaining = [item for item in finalizers if item != constants.FINALIZER]
            set_finalizers(client, service, remaining)


def _hold(client: KubernetesClient, project: Project) -> None:
    """Put our finalizer on models, before anything outside the namespace is made for them."""
    for service in project.living:
        finalizers = service["metadata"].get("finalizers") or []
        if constants.FINALIZER not in finalizers:
            set_finalizers(client, service, [*finalizers, constants.FINALIZER])
