"""One project for tests: a namespace with an object store, model servers and models."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import serving_models
from botocore.config import Config
from cluster_accounts import account, binding, token_of

from lab_platform.kubernetes.client import KubernetesClient
from lab_platform.object_storage.builders import Identity, ObjectStore, build_object_store

Manifest = dict[str, Any]
INFERENCE_SERVICE = ("serving.kserve.io/v1beta1", "InferenceService")
SERVING_RUNTIME = ("serving.kserve.io/v1alpha1", "ServingRuntime")
STORE = "minio-ds-pipeline"
IMAGE = "image-registry.openshift-image-registry.svc:5000/redhat-ods-applications/mnist-serving:1.0"


def eventually(
    found: Callable[[], Any], seconds: float = 30.0, explain: Callable[[], object] = str
) -> Any:
    """The first true answer of `found`, or a failure that says what `explain` says."""
    deadline = time.monotonic() + seconds
    while True:
        answer = found()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {explain()}"
        time.sleep(0.05)


@dataclass
class Project:
    """A namespace and shorthands for what tests do in it."""

    client: KubernetesClient
    namespace: str
    admin: Identity = field(
        default_factory=lambda: Identity("admin", key(), key(), admin=True), repr=False
    )
    user: Identity = field(
        default_factory=lambda: Identity("project", key(), key(), ("rhods",)), repr=False
    )
    store_namespace: str = ""
    """Where its object store is, if not in the namespace itself."""

    # -- the project itself ----------------------------------------------------------------

    def create(self, *, model_mesh: bool = True) -> None:
        """Make the namespace."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        if model_mesh:
            labels["modelmesh-enabled"] = "true"
        self.client.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": self.namespace, "labels": labels},
            }
        )

    def create_store(self) -> None:
        """Make an object store without a volume of its own, and its bucket."""
        store = ObjectStore(STORE, self.namespace, (self.admin, self.user))
        for manifest in build_object_store(store):
            if manifest["kind"] == "PersistentVolumeClaim":
                continue
            if manifest["kind"] == "Deployment":
                volumes = manifest["spec"]["template"]["spec"]["volumes"]
                volumes[0] = {"name": "data", "emptyDir": {}}
            self.client.apply(manifest)
        eventually(lambda: self._store_pods(), 90, lambda: "the object store is not ready")
        eventually(self._make_bucket, 30, lambda: "the bucket cannot be made")

    def share_store(self, other: Project) -> None:
        """Use another project's object store, by a data connection of this one's own."""
        self.admin, self.user, self.store_namespace = other.admin, other.user, other.namespace
        self.connect(AWS_S3_ENDPOINT=f"http://{STORE}.{other.namespace}.svc.cluster.local:9000")

    def remove(self) -> None:
        """Remove all of it and wait until it is gone."""
        self.client.delete("v1", "Namespace", self.namespace)
        eventually(
            lambda: self.client.get("v1", "Namespace", self.namespace) is None,
            120,
            lambda: self.client.get("v1", "Namespace", self.namespace),
        )

    def _store_pods(self) -> list[Manifest]:
        namespace = self.store_namespace or self.namespace
        pods = self.client.list_objects("v1", "Pod", namespace, label_selector=f"app={STORE}")
        return [pod for pod in pods if is_ready(pod)]

    def _make_bucket(self) -> bool:
        try:
            self.bucket.create_bucket(Bucket="rhods")
        except self.bucket.exceptions.BucketAlreadyExists:
            return True
        except Exception:
            return False
        return True

    def store_url(self) -> str:
        """The object store's address from this machine."""
        (pod,) = eventually(lambda: self._store_pods(), 30, lambda: "the object store is away")
        return f"http://{pod['status']['podIP']}:9000"

    @property
    def bucket(self) -> Any:
        """The object store as its administrator sees it."""
        return boto3.client(
            "s3",
            endpoint_url=self.store_url(),
            aws_access_key_id=self.admin.access_key,
            aws_secret_access_key=self.admin.secret_key,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )

    def put(self, path: str, content: bytes) -> None:
        """Store an object."""
        self.bucket.put_object(Bucket="rhods", Key=path, Body=content)

    def put_model(self, path: str, bias: float = 0.0) -> None:
        """Store a model whose answer to a black picture is ten times `bias`."""
        self.put(path, serving_models.digits(bias).SerializeToString())

    def connect(self, name: str = "aws-connection-s3-creds", **changes: str) -> None:
        """Make the data connection as the dashboard does."""
        values = {
            "AWS_ACCESS_KEY_ID": self.user.access_key,
            "AWS_SECRET_ACCESS_KEY": self.user.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_S3_ENDPOINT": f"http://{STORE}.{self.namespace}.svc.cluster.local:9000",
            "AWS_S3_BUCKET": "rhods",
            **changes,
        }
        self.client.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": name,
                    "namespace": self.namespace,
                    "labels": {
                        "opendatahub.io/dashboard": "true",
                        "opendatahub.io/managed": "true",
                    },
                    "annotations": {"opendatahub.io/connection-type": "s3"},
                },
                "stringData": values,
            }
        )

    # -- model servers and models ----------------------------------------------------------

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

        return list(eventually(ready, seconds, lambda: self.explain(runtime)))

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

    def wait_until_ready(self, name: str, seconds: float = 60) -> Manifest:
        """The status once it says Ready."""

        def ready() -> Manifest | None:
            status = self.status(name)
            up_to_date = (status.get("modelStatus") or {}).get("transitionStatus") == "UpToDate"
            return status if up_to_date and condition(status, "Ready") == "True" else None

        return dict(eventually(ready, seconds, lambda: self.status(name)))

    def wait_until_failed(self, name: str, seconds: float = 60) -> Manifest:
        """The failure that the status tells, once it does."""

        def failed() -> Manifest | None:
            model = self.status(name).get("modelStatus") or {}
            states = model.get("states") or {}
            if states.get("targetModelState") != "FailedToLoad":
                return None
            return model.get("lastFailureInfo")

        return dict(eventually(failed, seconds, lambda: self.status(name)))

    def undeploy(self, name: str, seconds: float = 30) -> None:
        """Delete the InferenceService and wait until it is gone."""
        self.client.delete(*INFERENCE_SERVICE, name, self.namespace)
        eventually(
            lambda: self.client.get(*INFERENCE_SERVICE, name, self.namespace) is None, seconds
        )

    @contextmanager
    def model(self, name: str, path: str, **changes: Any) -> Iterator[None]:
        """A model for one test."""
        self.deploy(name, path, **changes)
        try:
            yield
        finally:
            self.undeploy(name)

    # -- callers ---------------------------------------------------------------------------

    def caller(self, name: str, *, role: str | None = "view") -> str:
        """A token of a service account of this project, with that ClusterRole in it or none."""
        self.client.apply(account(name, self.namespace))
        if role:
            self.client.apply(binding(f"{name}-{role}", self.namespace, role=role, to=name))
        return token_of(self.client, self.namespace, name, 3600)

    def reach(self, address: str, ports: list[int], labels: dict[str, str]) -> dict[int, bool]:
        """Which ports of an address a pod of this project with these labels can connect to."""
        name = f"caller-{secrets.token_hex(3)}"
        script = (
            "import json, socket, sys, time\n"
            "time.sleep(2)\n"
            "found = {}\n"
            "for port in json.loads(sys.argv[2]):\n"
            "    try:\n"
            "        socket.create_connection((sys.argv[1], port), timeout=3).close()\n"
            "        found[port] = True\n"
            "    except OSError:\n"
            "        found[port] = False\n"
            "print(json.dumps(found))\n"
        )
        self.client.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": self.namespace, "labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [
                        {
                            "name": "caller",
                            "image": IMAGE,
                            "command": ["python3", "-c", script, address, json.dumps(ports)],
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "capabilities": {"drop": ["ALL"]},
                            },
                        }
                    ],
                },
            }
        )

        def ended() -> bool:
            pod = self.client.get("v1", "Pod", name, self.namespace) or {}
            return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}

        eventually(ended, 60, lambda: self.client.get("v1", "Pod", name, self.namespace))
        text = self.client.read_log(name, self.namespace, container="caller")
        self.client.delete("v1", "Pod", name, self.namespace)
        return {int(port): reached for port, reached in json.loads(text).items()}

    def authority(self) -> str:
        """The CA of serving certificates, as a pod of the project would get it."""
        metadata = {"name": "test-service-ca", "namespace": self.namespace}
        annotations = {"service.beta.openshift.io/inject-cabundle": "true"}
        self.client.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {**metadata, "annotations": annotations},
            }
        )
        found = eventually(
            lambda: (
                self.client.get("v1", "ConfigMap", metadata["name"], self.namespace) or {}
            ).get("data")
        )
        return str(found["service-ca.crt"])


def condition(manifest_or_status: Manifest, kind: str) -> str:
    """The status of a condition."""
    status = manifest_or_status.get("status", manifest_or_status)
    found = [item["status"] for item in status.get("conditions") or [] if item["type"] == kind]
    return found[0] if found else ""


def is_ready(pod: Manifest) -> bool:
    """Whether a pod is ready and stays."""
    ending = pod["metadata"].get("deletionTimestamp")
    return not ending and condition(pod, "Ready") == "True"


def key() -> str:
    """A random credential."""
    return secrets.token_hex(12)
