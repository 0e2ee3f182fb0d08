"""A reset on a real cluster: plan, removal, foreign objects, interruption, two at once, refusals.

The seat here holds only kinds that every Kubernetes has; the lab's own kinds are reset in the
suite that runs against the whole lab.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client, config

REPOSITORY = Path(__file__).resolve().parents[3]
KUBECONFIG = os.environ.get("KUBECONFIG") or str(REPOSITORY / ".lab" / "kubeconfig")
PLAYBOOK = str(Path(__file__).with_name("reset-only.yml"))
LAB = {"app.kubernetes.io/part-of": "mnist-lab"}
DASHBOARD = {"opendatahub.io/dashboard": "true"}
pytestmark = pytest.mark.cluster


@pytest.fixture(scope="session")
def core() -> client.CoreV1Api:
    config.load_kube_config(KUBECONFIG)
    return client.CoreV1Api()


@pytest.fixture
def seat(core: client.CoreV1Api) -> Iterator[str]:
    """A namespace of the lab in which a learner has worked, with foreign objects beside."""
    name = f"reset-{uuid.uuid4().hex[:8]}"
    core.create_namespace(
        {"metadata": {"name": name, "labels": {**LAB, "kubernetes.io/metadata.name": name}}}
    )
    core.create_namespaced_service_account(name, {"metadata": {"name": "model-mesh"}})
    core.create_namespaced_secret(name, {"metadata": {"name": "model-mesh"}})
    core.create_namespaced_secret(name, {"metadata": {"name": "my-own"}})
    core.create_namespaced_service(
        name, {"metadata": {"name": "mnist-webapp"}, "spec": {"ports": [{"port": 80}]}}
    )
    for claim in ("notebook", "foreign"):
        core.create_namespaced_persistent_volume_claim(
            name,
            {
                "metadata": {"name": claim},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Gi"}},
                },
            },
        )
    use(core, name, "notebook")
    yield name
    core.delete_namespace(name, grace_period_seconds=0)


def use(core: client.CoreV1Api, seat: str, claim: str) -> None:
    """Let a pod have the claim's volume made, and take the pod away again."""
    container = {"name": "main", "image": "lab/none:1", "imagePullPolicy": "Never"}
    mounted = {"name": "work", "persistentVolumeClaim": {"claimName": claim}}
    spec = {"containers": [container], "volumes": [mounted]}
    core.create_namespaced_pod(seat, {"metadata": {"name": "user"}, "spec": spec})
    end = time.monotonic() + 60
    while core.read_namespaced_persistent_volume_claim(claim, seat).status.phase != "Bound":
        assert time.monotonic() < end, f"the claim {claim} got no volume within 60 s"
        time.sleep(0.2)
    core.delete_namespaced_pod("user", seat, grace_period_seconds=0)


def command(seat: str, *options: str, **variables: object) -> list[str]:
    extra = {"lab_reset_namespaces": [seat], "lab_reset_timeout": 30, **variables}
    return ["ansible-playbook", PLAYBOOK, "-e", json.dumps(extra), *options]


def environment() -> dict[str, str]:
    return {**os.environ, "K8S_AUTH_KUBECONFIG": KUBECONFIG, "KUBECONFIG": KUBECONFIG}


def reset(seat: str, *options: str, **variables: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(seat, *options, **variables), cwd=REPOSITORY, env=environment(), text=True,
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip


def names(core: client.CoreV1Api, seat: str) -> dict[str, set[str]]:
    return {
        "secrets": {s.metadata.name for s in core.list_namespaced_secret(seat).items},
        "services": {s.metadata.name for s in core.list_namespaced_service(seat).items},
        "claims": {
            c.metadata.name for c in core.list_namespaced_persistent_volume_claim(seat).items
        },
        "accounts": {a.metadata.name for a in core.list_namespaced_service_account(seat).items},
    }


def test_the_plan_tells_the_truth_and_touches_nothing(core: client.CoreV1Api, seat: str) -> None:
    before = names(core, seat)
    plan = reset(seat, "--check", "--diff")
    assert plan.returncode == 0, plan.stdout
    for line in (
        f"present  {seat}: Secret/model-mesh",
        f"present  {seat}: PersistentVolumeClaim/notebook",
        f"restored {seat}: PersistentVolumeClaim/notebook (empty)",
        f"keep     {seat}: PersistentVolumeClaim/foreign (not of the lab)",
    ):
        assert line in plan.stdout
    assert "changed=1" in plan.stdout
    assert names(core, seat) == before


def test_only_what_the_lab_made_goes_and_a_second_run_changes_nothing(
    core: client.CoreV1Api, seat: str
) -> None:
    first = reset(seat)
    assert first.returncode == 0, first.stdout
    left = names(core, seat)
    assert left["secrets"] == {"my-own"}
    assert left["services"] == set()
    assert left["claims"] == {"foreign"}
    assert left["accounts"] == {"default"}
    second = reset(seat)
    assert second.returncode == 0, second.stdout
    assert "changed=0" in second.stdout


def test_a_volume_that_nobody_has_used_stays(core: client.CoreV1Api, seat: str) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"metadata": {"name": "ml-pipeline"}, "spec": spec}
    made = core.create_namespaced_persistent_volume_claim(seat, claim).metadata.uid
    done = reset(seat, "--diff")
    assert done.returncode == 0, done.stdout
    assert f"keep     {seat}: PersistentVolumeClaim/ml-pipeline (never used, still empty)" in (
        done.stdout
    )
    kept = core.read_namespaced_persistent_volume_claim("ml-pipeline", seat)
    assert kept.metadata.uid == made


def test_catching_up_keeps_the_learners_volume(core: client.CoreV1Api, seat: str) -> None:
    done = reset(seat, lab_reset_to="served")
    assert done.returncode == 0, done.stdout
    left = names(core, seat)
    assert left["claims"] == {"notebook", "foreign"}
    assert "model-mesh" in left["secrets"]
    assert left["services"] == set()


def test_a_namespace_that_is_not_a_labs_is_refused(core: client.CoreV1Api, seat: str) -> None:
    core.patch_namespace(seat, {"metadata": {"labels": {"app.kubernetes.io/part-of": None}}})
    before = names(core, seat)
    refused = reset(seat)
    assert refused.returncode != 0
    assert f"namespace {seat} is not a lab's: it lacks the label" in refused.stdout
    assert names(core, seat) == before


def test_a_missing_namespace_is_named(core: client.CoreV1Api) -> None:
    refused = reset("there-is-no-such-seat")
    assert refused.returncode != 0
    assert "namespace there-is-no-such-seat does not exist" in refused.stdout


def test_what_does_not_go_away_is_named_with_its_finalizer(
    core: client.CoreV1Api, seat: str
) -> None:
    finalizer = "example.org/holds-it"
    core.patch_namespaced_secret("model-mesh", seat, {"metadata": {"finalizers": [finalizer]}})
    try:
        stuck = reset(seat, lab_reset_timeout=2)
        assert stuck.returncode != 0
        assert "Secret/model-mesh waits for finalizer example.org/holds-it" in stuck.stdout
    finally:
        core.patch_namespaced_secret("model-mesh", seat, {"metadata": {"finalizers": None}})
    again = reset(seat)
    assert again.returncode == 0, again.stdout


def test_a_killed_reset_is_simply_run_again(core: client.CoreV1Api, seat: str) -> None:
    core.patch_namespaced_secret(
        "model-mesh", seat, {"metadata": {"finalizers": ["example.org/holds-it"]}}
    )
    process = subprocess.Popen(
        command(seat), cwd=REPOSITORY, env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    lease = client.CoordinationV1Api()
    end = time.monotonic() + 30
    while not lease.list_namespaced_lease(seat).items:
        assert time.monotonic() < end, "the reset did not take its Lease within 30 s"
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    core.patch_namespaced_secret("model-mesh", seat, {"metadata": {"finalizers": None}})
    again = reset(seat, lab_reset_lease_timeout=40)
    assert again.returncode == 0, again.stdout
    assert names(core, seat)["claims"] == {"foreign"}


def test_two_at_once_do_not_collide(core: client.CoreV1Api, seat: str) -> None:
    processes = [
        subprocess.Popen(
            command(seat, lab_reset_lease_timeout=60), cwd=REPOSITORY, env=environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sorted("changed=1" in output for output in outputs) == [False, True]
    assert not client.CoordinationV1Api().list_namespaced_lease(seat).items
