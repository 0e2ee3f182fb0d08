"""One project for tests: a namespace with an object store, and who calls from there."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cluster_accounts import account, binding, token_of

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.waiting import wait_for
from object_storage.buckets import connect
from object_storage.builders import Identity, ObjectStore, build_object_store

STORE = "minio-ds-pipeline"
IMAGE = "image-registry.openshift-image-registry.svc:5000/redhat-ods-applications/mnist-serving:1.0"


@dataclass
class StoreProject:
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
        wait_for(lambda: self._store_pods(), 90, lambda: "the object store is not ready")
        wait_for(self._make_bucket, 30, lambda: "the bucket cannot be made")

    def share_store(self, other: StoreProject) -> None:
        """Use another project's object store, by a data connection of this one's own."""
        self.admin, self.user, self.store_namespace = other.admin, other.user, other.namespace
        self.connect(AWS_S3_ENDPOINT=f"http://{STORE}.{other.namespace}.svc.cluster.local:9000")

    def remove(self) -> None:
        """Remove all of it and wait until it is gone."""
        self.client.delete("v1", "Namespace", self.namespace)
        wait_for(
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
        (pod,) = wait_for(lambda: self._store_pods(), 30, lambda: "the object store is away")
        return f"http://{pod['status']['podIP']}:9000"

    @property
    def bucket(self) -> Any:
        """The object store as its administrator sees it."""
        return connect(self.store_url(), self.admin.access_key, self.admin.secret_key)

    def put(self, path: str, content: bytes) -> None:
        """Store an object."""
        self.bucket.put_object(Bucket="rhods", Key=path, Body=content)

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

        wait_for(ended, 60, lambda: self.client.get("v1", "Pod", name, self.namespace))
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
        found = wait_for(
            lambda: (
                self.client.get("v1", "ConfigMap", metadata["name"], self.namespace) or {}
            ).get("data"),
            30,
            "the service's authority is there",
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
