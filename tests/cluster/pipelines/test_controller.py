"""A DataSciencePipelinesApplication: what it makes, what it says, what it leaves."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import kfp
import pytest
from pipeline_project import NAME, PipelineServer, manifest
from sdk_pipelines import constructs

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.waiting import wait_for

pytestmark = pytest.mark.cluster

KINDS = (
    ("apps/v1", "Deployment"),
    ("v1", "Service"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Pod"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("route.openshift.io/v1", "Route"),
)


@pytest.fixture
def project(kubernetes: KubernetesClient) -> Iterator[str]:
    name = f"test-dspa-{uuid.uuid4().hex[:6]}"
    metadata = {
        "name": name,
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
    }
    kubernetes.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    yield name
    kubernetes.delete("v1", "Namespace", name)


def names(kubernetes: KubernetesClient, namespace: str, api_version: str, kind: str) -> set[str]:
    found = kubernetes.list_objects(api_version, kind, namespace)
    own = {item["metadata"]["name"] for item in found}
    return {name for name in own if not name.startswith("pipelines-test")}


def test_what_it_makes(server: PipelineServer) -> None:
    kubernetes, namespace = server.kubernetes, server.namespace
    expected = {
        ("apps/v1", "Deployment"): {
            f"{kind}-{NAME}" for kind in ("ds-pipeline", "mariadb", "minio")
        },
        ("v1", "Service"): {
            f"ds-pipeline-{NAME}",
            f"mariadb-{NAME}",
            f"minio-{NAME}",
            "ml-pipeline",
            "minio-service",
        },
        ("v1", "Secret"): {f"ds-pipeline-db-{NAME}", f"ds-pipeline-s3-{NAME}"},
        ("v1", "ServiceAccount"): {f"pipeline-runner-{NAME}"},
        ("rbac.authorization.k8s.io/v1", "Role"): {
            f"pipeline-runner-{NAME}",
            f"ds-pipeline-user-access-{NAME}",
        },
        ("networking.k8s.io/v1", "NetworkPolicy"): {f"ds-pipelines-{NAME}"},
        ("route.openshift.io/v1", "Route"): {f"ds-pipeline-{NAME}", f"minio-{NAME}"},
    }
    for (api_version, kind), wanted in expected.items():
        assert wanted <= names(kubernetes, namespace, api_version, kind), kind
    assert {item["status"] for item in server.conditions().values()} == {"True"}


def test_every_port_of_its_service_answers(server: PipelineServer) -> None:
    service = server.kubernetes.get("v1", "Service", f"ds-pipeline-{NAME}", server.namespace)
    assert service is not None
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    assert ports == {"oauth": 8443, "http": 8888, "grpc": 8887}
    for port in ports.values():
        socket.create_connection((service["spec"]["clusterIP"], port), timeout=10).close()


def test_a_store_with_a_wrong_key(
    kubernetes: KubernetesClient,
    server: PipelineServer,
    project: str,
    wait_for_run: Callable[..., Any],
) -> None:
    """The condition tells, a run fails and tells, and the corrected key is all that it takes."""
    kubernetes.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "keys", "namespace": project},
            "stringData": {"accesskey": "nobody", "secretkey": "nothing"},
        }
    )
    store = {
        "host": f"minio-{NAME}.{server.namespace}.svc.cluster.local",
        "port": "9000",
        "scheme": "http",
        "bucket": "mlpipeline",
        "s3CredentialsSecret": {
            "secretName": "keys",
            "accessKey": "accesskey",
            "secretKey": "secretkey",
        },
    }
    other = PipelineServer(kubernetes, project)
    kubernetes.create(manifest(project, objectStorage={"externalStorage": store}))
    try:

        def refused() -> bool:
            condition = other.conditions().get("ObjectStoreAvailable", {})
            return condition.get("reason") == "ObjectStoreWrongCredentials"

        wait_for(refused, 60, f"the condition does not tell: {other.conditions()}")
        assert other.conditions()["Ready"]["status"] == "False"
        wait_for(other.answers, 120, "the API does not answer")
        client = kfp.Client(
            host=other.url, existing_token=other.token, ssl_ca_cert=str(other.ca_certificate)
        )

        def run() -> Any:
            started = client.create_run_from_pipeline_func(constructs.artifacts)
            return wait_for_run(client, started.run_id, 120)

        done = run()
        assert done.state == "FAILED"
        assert "the store does not know the pipeline server's access key" in done.error.message
        deployment = f"ds-pipeline-{NAME}"
        before = wait_for(lambda: other.revision(deployment), 60, "the server is not settled")
        real = server.secret(f"ds-pipeline-s3-{NAME}")
        kubernetes.patch("v1", "Secret", "keys", {"stringData": real}, project)
        wait_for(
            lambda: other.conditions()["ObjectStoreAvailable"]["status"] == "True",
            60,
            "the right key is not noticed",
        )
        wait_for(
            lambda: other.revision(deployment) not in {"", before},
            90,
            "the server does not take up the right key",
        )
        # The router may still hold a connection to the pod that has just ended.
        wait_for(
            lambda: all(other.answers() for _ in range(5)), 30, "the new server does not answer"
        )
        assert run().state == "SUCCEEDED"
    finally:
        other.delete(120)


def test_a_spec_that_cannot_be_carried_out(kubernetes: KubernetesClient, project: str) -> None:
    other = PipelineServer(kubernetes, project)
    kubernetes.create(manifest(project, database={"mariaDB": {"deploy": False}}))
    try:
        wait_for(
            lambda: other.conditions().get("Ready", {}).get("reason") == "InvalidSpec",
            30,
            "the condition does not tell",
        )
        assert "externalDB" in other.conditions()["Ready"]["message"]
    finally:
        other.delete(60)


def test_deleting_it_leaves_nothing(kubernetes: KubernetesClient, project: str) -> None:
    other = PipelineServer(kubernetes, project)
    kubernetes.create(manifest(project))
    other.wait_until_ready(240)
    other.delete(120)

    def left() -> dict[str, set[str]]:
        return {
            kind: found
            for api_version, kind in KINDS
            if (found := names(kubernetes, project, api_version, kind))
        }

    wait_for(lambda: not left(), 60, f"something is left: {left()}")
