"""Each failure made for real, and told in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab_diagnosis import Finding, diagnose
from lab_diagnosis.collect import collect, connect
from lab_ground.kubernetes.client import KubernetesClient

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).resolve().parents[3]
Apply = Callable[..., None]
Told = Callable[..., Finding]


def deployment(image: str, **container: Any) -> dict[str, Any]:
    main = {"name": "main", "image": image, "imagePullPolicy": "Never", **container}
    return {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [main]},
        },
    }


def test_missing_image(apply: Apply, told: Told) -> None:
    apply("apps/v1", "Deployment", "web", spec=deployment("lab/none:1"))
    assert "image lab/none:1 of pod web-" in told("Deployment", "web", "ErrImageNeverPull").sentence


def test_unschedulable_with_the_numbers(apply: Apply, told: Told, shell_image: str) -> None:
    resources = {"requests": {"cpu": "640", "memory": "1Gi"}}
    apply("apps/v1", "Deployment", "web", spec=deployment(shell_image, resources=resources))
    sentence = told("Deployment", "web", "fits on no node").sentence
    assert "asks for cpu 640, memory 1Gi, fits on no node: 0/1 nodes are available" in sentence
    assert "Insufficient cpu" in sentence


def test_missing_secret(apply: Apply, told: Told, shell_image: str) -> None:
    source = [{"secretRef": {"name": "aws-connection-s3-creds"}}]
    apply("apps/v1", "Deployment", "web", spec=deployment(shell_image, envFrom=source))
    expected = "needs the Secret aws-connection-s3-creds, which does not exist"
    assert expected in told("Deployment", "web", expected).sentence


def test_crash_with_the_last_log_line(apply: Apply, told: Told, shell_image: str) -> None:
    command = ["sh", "-c", "echo starting; echo 'ValueError: bad shape token=abcdefgh1234'; exit 3"]
    apply("apps/v1", "Deployment", "web", spec=deployment(shell_image, command=command))
    finding = told("Deployment", "web", "restarted")
    assert "exit code 3, last log line: “ValueError: bad shape token=[redacted]”" in finding.cause
    assert "abcdefgh1234" not in finding.sentence
    assert finding.command.endswith("--previous")


def test_memory_limit(apply: Apply, told: Told, shell_image: str) -> None:
    command = ["sh", "-c", "x=a; while true; do x=$x$x; done"]
    spec = deployment(shell_image, command=command, resources={"limits": {"memory": "16Mi"}})
    apply("apps/v1", "Deployment", "web", spec=spec)
    expected = "more than its memory limit of 16Mi"
    assert expected in told("Deployment", "web", expected).sentence


def test_quota_with_the_numbers(apply: Apply, told: Told, shell_image: str) -> None:
    apply("v1", "ResourceQuota", "seat", spec={"hard": {"requests.memory": "1Gi"}})
    resources = {"requests": {"memory": "4Gi"}}
    apply("apps/v1", "Deployment", "web", spec=deployment(shell_image, resources=resources))
    sentence = told("Deployment", "web", "the quota seat").sentence
    assert "requests.memory=4Gi is asked for" in sentence
    assert "requests.memory=1Gi is the limit" in sentence


def test_claim_of_a_class_that_there_is_not(apply: Apply, told: Told, shell_image: str) -> None:
    claim = {
        "storageClassName": "no-such-class",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
    }
    apply("v1", "PersistentVolumeClaim", "ml-pipeline", spec=claim)
    spec = deployment(shell_image)
    spec["template"]["spec"]["volumes"] = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "ml-pipeline"}}
    ]
    apply("apps/v1", "Deployment", "web", spec=spec)
    sentence = told("Deployment", "web", "no-such-class").sentence
    assert "waits for the claim ml-pipeline (10Gi)" in sentence
    assert 'storageclass.storage.k8s.io "no-such-class" not found' in sentence


def test_job_that_gave_up(apply: Apply, told: Told, shell_image: str) -> None:
    spec = deployment(shell_image, command=["sh", "-c", "echo 'error: no route to bucket'; exit 1"])
    template = spec["template"]
    template["spec"]["restartPolicy"] = "Never"
    apply("batch/v1", "Job", "submit", spec={"backoffLimit": 0, "template": template})
    sentence = told("Job", "submit", "no route to bucket").sentence
    assert "error: no route to bucket" in sentence


def test_removal_that_a_finalizer_holds(
    apply: Apply, told: Told, client: KubernetesClient, namespace: str
) -> None:
    apply("v1", "ConfigMap", "held", metadata={"finalizers": ["lab.example/hold"]})
    client.delete("v1", "ConfigMap", "held", namespace)
    try:
        sentence = told("ConfigMap", "held", "finalizer").sentence
        assert "waits for the controller that holds the finalizer lab.example/hold" in sentence
    finally:
        unheld: dict[str, Any] = {"metadata": {"finalizers": []}}
        client.patch("v1", "ConfigMap", "held", unheld, namespace)


def test_missing_object_and_namespace(client: KubernetesClient, namespace: str) -> None:
    assert diagnose(collect(client, "Deployment", "web", namespace)).cause == "does not exist"
    nowhere = diagnose(collect(client, "Deployment", "web", "no-such-namespace"))
    assert nowhere.cause == "does not exist, nor does its namespace no-such-namespace"


def test_unknown_kind(client: KubernetesClient, namespace: str) -> None:
    finding = diagnose(collect(client, "Unicorn", "u", namespace))
    assert "does not know this kind" in finding.sentence


def test_no_cluster_at_all(tmp_path: Path) -> None:
    config = {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    sentence = diagnose(collect(connect(str(path)), "Deployment", "web", "seat")).sentence
    assert "the API server does not answer; is the cluster up?" in sentence


def play(folder: Path, kubeconfig: str, definition: dict[str, Any]) -> list[str]:
    """What a person sees of a playbook that applies an object and waits for it."""
    task = {
        "name": "Wait until the web server is available",
        "lab_objects": {"definition": definition, "wait": True, "wait_timeout": 8},
    }
    playbook = folder / "try.yml"
    playbook.write_text(
        yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}])
    )
    finished = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            "-e",
            f"ansible_python_interpreter={sys.executable}",
            str(playbook),
        ],
        cwd=ROOT,
        env={**os.environ, "KUBECONFIG": kubeconfig, "K8S_AUTH_KUBECONFIG": kubeconfig},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode != 0
    return [line for line in finished.stdout.splitlines() if line.strip()]


def test_a_playbook_ends_with_the_sentence(tmp_path: Path, namespace: str, kubeconfig: str) -> None:
    """The callback, as a person meets it: the last lines of the terminal."""
    definition = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": deployment("lab/none:1"),
    }
    lines = play(tmp_path, kubeconfig, definition)
    end = " ".join(lines[-5:])
    assert "“Wait until the web server is available” failed:" in end
    assert f"Deployment {namespace}/web waits: the image lab/none:1" in end
    assert lines[-1].startswith(f"See more with: kubectl -n {namespace} describe pod web-")


def test_a_refusal_is_told_in_the_servers_words(tmp_path: Path, kubeconfig: str) -> None:
    metadata = {"name": "Not_A_Name", "namespace": "default"}
    definition = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    end = " ".join(play(tmp_path, kubeconfig, definition)[-6:])
    assert "“Wait until the web server is available” failed:" in end
    assert "Invalid value" in end
    assert "{" not in end
