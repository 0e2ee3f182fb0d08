"""The unmodified Elyra: ``elyra-pipeline submit`` of the lab's pipeline, from a workbench image.

Full MNIST: the data is put into the bucket as the lab does, or taken from the lab's cache.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kfp
import pytest
from pipeline_project import NAME, ROOT, PipelineServer

from lab_ground.waiting import wait_for

from .test_constructs import tasks

pytestmark = pytest.mark.cluster

NOTEBOOKS = ROOT / "model-repo" / "notebooks" / "completed"
TABLES = Path(os.environ.get("LAB_CACHE", "/var/cache/mnist-lab")) / "downloads" / "mnist-tables"
IMAGE = (
    "image-registry.openshift-image-registry.svc:5000/redhat-ods-applications/mnist-workbench:1.0"
)
CONNECTION = "aws-connection-s3-creds"
# Seconds from the submission to the end of the run: what full MNIST may take.
LONGEST = 300
SCRIPT = """
export HOME=/tmp/home
runtimes="$(jupyter --data-dir)/metadata/runtimes"
mkdir -p "$runtimes" "$HOME/pipeline" "$(jupyter --runtime-dir)"
cp -L /etc/runtime/*.json "$runtimes/"
cp -L /opt/notebooks/* "$HOME/pipeline/"
cd "$HOME/pipeline"
exec elyra-pipeline submit mnist.pipeline --runtime-config test
"""


def apply(server: PipelineServer, kind: str, name: str, **content: Any) -> None:
    metadata = {"name": name, "namespace": server.namespace}
    server.kubernetes.apply({"apiVersion": "v1", "kind": kind, "metadata": metadata, **content})


@pytest.fixture(scope="module")
def data(bucket: Any) -> None:
    """The two tables in the bucket."""
    for name in ("train.csv", "test.csv"):
        if not bucket.keys(f"data/{name}"):
            path = TABLES / name
            assert path.exists(), f"{path} is missing: ./lab run prepare-lab makes it"
            bucket.upload(path, f"data/{name}")


@pytest.fixture(scope="module")
def project(server: PipelineServer) -> Iterator[None]:
    """Data connection, volume, runtime configuration and notebooks, as the lab has them."""
    keys = server.secret(f"ds-pipeline-s3-{NAME}")
    endpoint = f"http://minio-{NAME}.{server.namespace}.svc.cluster.local:9000"
    connection = {
        "AWS_ACCESS_KEY_ID": keys["accesskey"],
        "AWS_SECRET_ACCESS_KEY": keys["secretkey"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_S3_ENDPOINT": endpoint,
        "AWS_S3_BUCKET": "mlpipeline",
    }
    apply(server, "Secret", CONNECTION, stringData=connection)
    request = {"requests": {"storage": "10Gi"}}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": request}
    apply(server, "PersistentVolumeClaim", "ml-pipeline", spec=claim)
    runtime = {
        "display_name": "test",
        "schema_name": "kfp",
        "metadata": {
            "tags": [],
            "display_name": "test",
            "engine": "Argo",
            "runtime_type": "KUBEFLOW_PIPELINES",
            # A run that names Secrets comes with who may use them, as from a workbench.
            "auth_type": "EXISTING_BEARER_TOKEN",
            "api_endpoint": server.url,
            "api_password": server.token,
            "cos_auth_type": "KUBERNETES_SECRET",
            "cos_endpoint": endpoint,
            "cos_bucket": "mlpipeline",
            "cos_username": keys["accesskey"],
            "cos_password": keys["secretkey"],
            "cos_secret": CONNECTION,
        },
    }
    apply(server, "Secret", "elyra-runtime", stringData={"test.json": json.dumps(runtime)})
    apply(
        server, "ConfigMap", "elyra-authority", data={"ca.crt": server.ca_certificate.read_text()}
    )
    files = {path.name: path.read_text() for path in NOTEBOOKS.iterdir() if path.is_file()}
    apply(server, "ConfigMap", "elyra-notebooks", data=files)
    yield
    server.kubernetes.delete("v1", "Pod", "elyra-submit", server.namespace)


def submit(server: PipelineServer) -> str:
    """Run ``elyra-pipeline submit`` in a pod that the NetworkPolicy takes for a workbench."""
    mounts = [
        {"name": "tmp", "mountPath": "/tmp"},
        {"name": "runtime", "mountPath": "/etc/runtime"},
        {"name": "notebooks", "mountPath": "/opt/notebooks"},
        {"name": "authority", "mountPath": "/etc/authority"},
    ]
    container = {
        "name": "submit",
        "image": IMAGE,
        "command": ["sh", "-euc"],
        "args": [SCRIPT],
        "env": [
            {"name": name, "value": "/etc/authority/ca.crt"}
            # What a workbench has for the platform's authority.
            for name in ("KF_PIPELINES_SSL_SA_CERTS", "PIPELINES_SSL_SA_CERTS", "SSL_CERT_FILE")
        ],
        "volumeMounts": mounts,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    server.kubernetes.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "elyra-submit",
                "namespace": server.namespace,
                "labels": {"opendatahub.io/workbenches": "true"},
            },
            "spec": {
                "restartPolicy": "Never",
                "securityContext": {
                    "runAsNonRoot": True,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [container],
                "volumes": [
                    {"name": "tmp", "emptyDir": {}},
                    {"name": "runtime", "secret": {"secretName": "elyra-runtime"}},
                    {"name": "notebooks", "configMap": {"name": "elyra-notebooks"}},
                    {"name": "authority", "configMap": {"name": "elyra-authority"}},
                ],
            },
        }
    )

    def phase() -> Any:
        pod = server.kubernetes.get("v1", "Pod", "elyra-submit", server.namespace) or {}
        found = pod.get("status", {}).get("phase")
        return found if found in {"Succeeded", "Failed"} else None

    ended = wait_for(phase, 180, "elyra-pipeline does not end")
    path = server.kubernetes.path("v1", "Pod", server.namespace, "elyra-submit", "log")
    log = str(server.kubernetes.request("GET", path, accept="text/plain, */*"))
    assert ended == "Succeeded", log[-3000:]
    return log


@pytest.mark.usefixtures("data", "project")
def test_the_lab_s_pipeline_on_full_mnist(
    client: kfp.Client, server: PipelineServer, bucket: Any, wait_for_run: Any
) -> None:
    before = time.time()
    log = submit(server)
    assert "Job submission succeeded" in log
    run = client.list_runs(sort_by="created_at desc", page_size=1).runs[0]
    done = wait_for_run(client, run.run_id, 600)
    assert done.state == "SUCCEEDED", done.error
    assert (done.finished_at - done.created_at).total_seconds() <= LONGEST
    steps = [task for task in tasks(server, done).values() if task["kind"] == "CONTAINER"]
    assert {task["display_name"].lower().split(".")[0] for task in steps} == {
        "pre-process",
        "train",
        "evaluate",
        "review",
    }
    model = bucket.head("onnx/model-v2.onnx")
    assert model["ContentLength"] > 10_000
    assert model["LastModified"].timestamp() >= before - 5
    made = bucket.keys(f"{run.display_name}/")
    for name in ("Pre-process", "Train", "Evaluate", "Review"):
        for ending in ("html", "ipynb"):
            assert f"{run.display_name}/{name}.{ending}" in made
    uploaded = json.dumps(client.get_run(run.run_id).to_dict(), default=str)
    secret = server.secret(CONNECTION)["AWS_SECRET_ACCESS_KEY"]
    assert secret not in uploaded, "no key stands in an uploaded pipeline"
    for task in steps:
        path = f"/apis/v2beta1/runs/{run.run_id}/tasks/{task['task_id']}/log"
        text = server.request("GET", path).text
        assert "raw.githubusercontent.com" not in text, "nothing comes from the internet"
