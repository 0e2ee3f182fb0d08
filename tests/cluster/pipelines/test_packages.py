"""Packages that a learner installs, from the index that the instructor names: steps and workbench.

The index runs in the project, over TLS with an authority of its own, which reaches the project
as ``lab_pip_index_ca`` brings it there: in the platform's bundle of trusted CAs.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from package_index import PORT, index_manifests, kfp_wheel, small_wheel
from pipeline_project import ROOT, PipelineServer
from platform_manifests import workbench
from sdk_pipelines import packages

from controllers.serving_certificate.build.authority import create_authority, sign
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.settings import PLATFORM_IMAGES, get_settings
from lab_ground.waiting import wait_for

pytestmark = pytest.mark.cluster
Run = Callable[..., Any]
KUBECTL = "/opt/mnist-lab/bin/kubectl"
INDEX = "package-index"
SECRET = "lab-package-index"
SOURCE = ("v1", "ConfigMap", "lab-trusted-ca-bundle")
OTHER_KFP = "2.16.99"
BENCH = "bench"


@pytest.fixture(scope="module")
def address(kubernetes: KubernetesClient, namespace: str) -> Iterator[str]:
    """The index, trusted as an instructor's is, with a small package and another version of kfp."""
    host = f"{INDEX}.{namespace}.svc"
    authority = create_authority([host])
    wheels = dict([small_wheel("lab_tried", "1.0", "WORD = 'installed'\n"), kfp_wheel(OTHER_KFP)])
    for manifest in index_manifests(INDEX, namespace, wheels, sign(authority, [host])):
        kubernetes.create(manifest)
    platform = get_settings().platform_namespace
    before = kubernetes.get(*SOURCE, platform)
    assert before is not None, f"install-platform makes {SOURCE}"
    bundle = before["data"]["ca-bundle.crt"]
    both = f"{bundle}\n{authority.certificate}"
    kubernetes.patch(*SOURCE, {"data": {"ca-bundle.crt": both}}, platform)
    try:
        wait_for(
            lambda: authority.certificate.strip() in trusted(kubernetes, namespace),
            30,
            "the project trusts the index's authority",
        )
        wait_for(lambda: is_up(kubernetes, namespace), 60, "the index is ready")
        yield f"https://{host}:{PORT}/simple"
    finally:
        kubernetes.patch(*SOURCE, {"data": {"ca-bundle.crt": bundle}}, platform)
        for manifest in index_manifests(INDEX, namespace, {}, sign(authority, [host])):
            kubernetes.delete(manifest["apiVersion"], manifest["kind"], INDEX, namespace)


def trusted(kubernetes: KubernetesClient, namespace: str) -> str:
    bundle = kubernetes.get("v1", "ConfigMap", "odh-trusted-ca-bundle", namespace) or {}
    return str((bundle.get("data") or {}).get("ca-bundle.crt", ""))


def is_up(kubernetes: KubernetesClient, namespace: str) -> bool:
    found = kubernetes.get("v1", "Pod", INDEX, namespace) or {}
    states = (found.get("status") or {}).get("containerStatuses") or []
    return bool(states) and all(state["ready"] for state in states)


def name_index(kubernetes: KubernetesClient, namespace: str, address: str) -> None:
    """What the role lab_project makes of ``lab_pip_index_url``."""
    metadata = {"name": SECRET, "namespace": namespace}
    kubernetes.delete("v1", "Secret", SECRET, namespace)
    kubernetes.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "stringData": {"PIP_INDEX_URL": address, "PIP_RETRIES": "1"},
        }
    )


@pytest.fixture
def index(kubernetes: KubernetesClient, namespace: str, address: str) -> Iterator[str]:
    name_index(kubernetes, namespace, address)
    yield address
    kubernetes.delete("v1", "Secret", SECRET, namespace)


def results(server: PipelineServer, run: Any) -> list[Any]:
    """What the run's steps gave; fails with what they say."""
    tasks = server.tasks(run.run_id)
    assert run.state == "SUCCEEDED", [task.get("error") for task in tasks]
    return [task["output_parameters"]["Output"] for task in tasks if task["kind"] == "CONTAINER"]


def test_a_component_installs_its_packages(run: Run, server: PipelineServer, index: str) -> None:
    assert results(server, run(packages.installs)) == ["installed"]


def test_a_default_component_of_another_client_installs_its_sdk(
    run: Run, server: PipelineServer, index: str
) -> None:
    assert results(server, run(packages.of_another_client(OTHER_KFP))) == [OTHER_KFP]


def test_an_index_that_does_not_answer_is_the_run_s_error(
    run: Run, server: PipelineServer, kubernetes: KubernetesClient, namespace: str
) -> None:
    name_index(kubernetes, namespace, f"https://user:secret@127.0.0.1:{PORT}/simple")
    try:
        done = run(packages.installs)
    finally:
        kubernetes.delete("v1", "Secret", SECRET, namespace)
    assert done.state == "FAILED"
    (task,) = [task for task in server.tasks(done.run_id) if task["kind"] == "CONTAINER"]
    words = f"the lab's package index https://***@127.0.0.1:{PORT}/simple (lab_pip_index_url)"
    assert f"{words} does not answer here" in str(task)
    assert "can see to it, or name another as lab_pip_index_url" in str(task)


@pytest.fixture
def bench(kubernetes: KubernetesClient, namespace: str, index: str) -> Iterator[str]:
    """A workbench of the lab's image with a volume as its home; gives its pod."""
    kubernetes.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": BENCH, "namespace": namespace},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
    )
    one = workbench(
        BENCH,
        namespace,
        f"{PLATFORM_IMAGES}/mnist-workbench:1.0",
        # As roles/lab_workbench and the dashboard name it.
        envFrom=[{"secretRef": {"name": SECRET, "optional": True}}],
        volumeMounts=[{"name": "home", "mountPath": "/opt/app-root/src"}],
        resources={"requests": {"cpu": "50m", "memory": "128Mi"}},
    )
    pod = one["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "home", "persistentVolumeClaim": {"claimName": BENCH}}]
    kubernetes.create(one)
    yield f"{BENCH}-0"
    kubernetes.delete("kubeflow.org/v1", "Notebook", BENCH, namespace)
    kubernetes.delete("v1", "PersistentVolumeClaim", BENCH, namespace)


def shell(namespace: str, pod: str, line: str) -> subprocess.CompletedProcess[str]:
    """A line in the workbench's terminal."""
    where = [KUBECTL, f"--kubeconfig={ROOT}/.lab/kubeconfig", "-n", namespace, "exec", pod]
    return subprocess.run(
        [*where, "-c", BENCH, "--", "bash", "-c", line],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_restart_gives_the_image_back_and_keeps_the_home(
    kubernetes: KubernetesClient, namespace: str, bench: str
) -> None:
    def opened() -> bool:
        return shell(namespace, bench, "true").returncode == 0

    wait_for(opened, 120, "the workbench's container runs", 0.5)
    done = shell(
        namespace,
        bench,
        "pip install --quiet lab_tried && pip install --quiet --target ~/packages lab_tried"
        " && python -c 'import lab_tried; print(lab_tried.WORD)'",
    )
    assert (done.returncode, done.stdout) == (0, "installed\n"), done.stderr
    before = kubernetes.get("v1", "Pod", bench, namespace)
    assert before is not None
    kubernetes.delete("v1", "Pod", bench, namespace)

    def renewed() -> bool:
        pod = kubernetes.get("v1", "Pod", bench, namespace) or before
        return pod["metadata"]["uid"] != before["metadata"]["uid"] and opened()

    wait_for(renewed, 120, "another pod of the workbench", 0.5)
    gone = shell(namespace, bench, "python -c 'import lab_tried'")
    assert "No module named 'lab_tried'" in gone.stderr
    kept = shell(namespace, bench, "cd ~/packages && python -c 'import lab_tried'")
    assert kept.returncode == 0, kept.stderr
