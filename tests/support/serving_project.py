"""One project for tests: a namespace with an object store, model servers and models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import serving_models
from store_project import IMAGE, StoreProject, condition, is_ready

from lab_ground.kubernetes.manifest import Manifest
from lab_ground.serving.constants import INFERENCE_SERVICE, SERVED_AS
from lab_ground.waiting import wait_for

SERVING_RUNTIME = ("serving.kserve.io/v1alpha1", "ServingRuntime")


class Project(StoreProject):
    """Shorthands for what tests do with model servers and models."""

    def put_model(self, path: str, bias: float = 0.0) -> None:
        """Store a model whose answer to a black picture is ten times `bias`."""
        self.put(path, serving_models.digits(bias).SerializeToString())

    def serve(
        self,
        name: str = "model-server",
        *,
        wait: bool = True,
        cpu: str = "50m",
        memory: str = "1Gi",
        **changes: Any,
    ) -> None:
        """Make a ServingRuntime, and wait until its pods are ready."""
        annotations = changes.pop("annotations", {"enable-auth": "true", "enable-route": "true"})
        spec = {
            "multiModel": True,
            "replicas": 1,
            "supportedModelFormats": [{"name": "onnx", "version": "1", "autoSelect": True}],
            "containers": [
                {
                    "name": "mlserver",
                    "image": IMAGE,
                    "resources": {
                        "requests": {"cpu": cpu, "memory": "128Mi"},
                        "limits": {"cpu": "2", "memory": memory},
                    },
                }
            ],
            **changes,
        }
        self.client.apply(
            {
                "apiVersion": SERVING_RUNTIME[0],
                "kind": SERVING_RUNTIME[1],
                "metadata": {
                    "name": name,
                    "namespace": self.namespace,
                    "annotations": annotations,
                },
                "spec": spec,
            }
        )
        if wait:
            self.wait_for_pods(name, int(spec["replicas"]))

    def wait_for_pods(self, runtime: str, count: int, seconds: float = 90) -> list[Manifest]:
        """The runtime's pods, once exactly so many are there and ready."""

        def ready() -> list[Manifest]:
            pods = self.pods(runtime)
            settled = len(pods) == count and all(is_ready(pod) for pod in pods)
            return pods if settled else []

        return list(wait_for(ready, seconds, lambda: self.explain(runtime)))

    def explain(self, runtime: str) -> str:
        """What the runtime's pods say of themselves."""
        return json.dumps([pod.get("status") for pod in self.pods(runtime)], indent=1)[:4000]

    def pods(self, runtime: str = "model-server") -> list[Manifest]:
        """The runtime's pods, those on their way out left aside."""
        found = self.client.list_objects(
            "v1", "Pod", self.namespace, label_selector=f"name=modelmesh-serving-{runtime}"
        )
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]

    def deploy(self, name: str, path: str, **changes: Any) -> None:
        """Make an InferenceService as the dashboard does."""
        model = {
            "modelFormat": {"name": "onnx", "version": "1"},
            "runtime": "model-server",
            "storage": {"key": "aws-connection-s3-creds", "path": path},
            **changes.pop("model", {}),
        }
        metadata = {
            "name": name,
            "namespace": self.namespace,
            "annotations": {
                "serving.kserve.io/deploymentMode": "ModelMesh",
                **changes.pop("annotations", {}),
            },
            "labels": changes.pop("labels", {}),
        }
        self.client.apply(
            {
                "apiVersion": INFERENCE_SERVICE[0],
                "kind": INFERENCE_SERVICE[1],
                "metadata": metadata,
                "spec": {"predictor": {"model": model, **changes}},
            },
            field_manager="dashboard",
        )

    def status(self, name: str) -> Manifest:
        """The InferenceService's status."""
        found = self.client.get(*INFERENCE_SERVICE, name, self.namespace) or {}
        status = dict(found.get("status") or {})
        current = status.get("observedGeneration") == found.get("metadata", {}).get("generation")
        return status if current else {}

    def revision(self, name: str) -> str:
        """The model's name in replies."""
        found = self.client.get(*INFERENCE_SERVICE, name, self.namespace) or {}
        return str((found.get("metadata", {}).get("annotations") or {}).get(SERVED_AS, ""))

    def wait_until_ready(self, name: str, seconds: float = 60) -> Manifest:
        """The status once it says Ready."""

        def ready() -> Manifest | None:
            status = self.status(name)
            up_to_date = (status.get("modelStatus") or {}).get("transitionStatus") == "UpToDate"
            return status if up_to_date and condition(status, "Ready") == "True" else None

        return dict(wait_for(ready, seconds, lambda: self.status(name)))

    def ready_revision(self, name: str) -> str:
        """The model's name in replies, once it is ready."""
        self.wait_until_ready(name)
        return self.revision(name)

    def wait_until_failed(self, name: str, seconds: float = 60) -> Manifest:
        """The failure that the status tells, once it does."""

        def failed() -> Manifest | None:
            model = self.status(name).get("modelStatus") or {}
            states = model.get("states") or {}
            if states.get("targetModelState") != "FailedToLoad":
                return None
            return model.get("lastFailureInfo")

        return dict(wait_for(failed, seconds, lambda: self.status(name)))

    def undeploy(self, name: str, seconds: float = 30) -> None:
        """Delete the InferenceService and wait until it is gone."""
        self.client.delete(*INFERENCE_SERVICE, name, self.namespace)
        wait_for(
            lambda: self.client.get(*INFERENCE_SERVICE, name, self.namespace) is None,
            seconds,
            "the model has gone",
        )

    @contextmanager
    def model(self, name: str, path: str, **changes: Any) -> Iterator[None]:
        """A model for one test."""
        self.deploy(name, path, **changes)
        try:
            yield
        finally:
            self.undeploy(name)
