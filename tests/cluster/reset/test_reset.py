"""A reset on a real cluster: plan, removal, foreign objects, interruption, two at once, refusals.

The seat here holds little that costs time; a whole lab is reset in the suite that runs against it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kubernetes import client, config
from lab_seat import kill_tree

from lab_ground.waiting import wait_for

REPOSITORY = Path(__file__).resolve().parents[3]
KUBECONFIG = os.environ.get("KUBECONFIG") or str(REPOSITORY / ".lab" / "kubeconfig")
PLAYBOOK = str(Path(__file__).with_name("reset-only.yml"))
WHOLE = str(Path(__file__).with_name("reset-and-restore.yml"))
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
    core.create_namespaced_service_account(name, {"metadata": {"name": "model-server-sa"}})
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


def command(seat: str, *options: str, playbook: str = PLAYBOOK, **variables: object) -> list[str]:
    extra = {"lab_reset_namespaces": [seat], "lab_reset_timeout": 30, **variables}
    return ["ansible-playbook", playbook, "-e", json.dumps(extra), *options]


def environment() -> dict[str, str]:
    return {**os.environ, "K8S_AUTH_KUBECONFIG": KUBECONFIG, "KUBECONFIG": KUBECONFIG}


def reset(seat: str, *options: str, **variables: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(seat, *options, **variables), cwd=REPOSITORY, env=environment(), text=True,
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip


def begin(seat: str, **variables: object) -> subprocess.Popen[str]:
    """Begin a whole reset, its restoring part included."""
    return subprocess.Popen(
        command(seat, playbook=WHOLE, **variables), cwd=REPOSITORY, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def leases(seat: str) -> list[str]:
    """Who holds a Lease in the seat."""
    found = client.CoordinationV1Api().list_namespaced_lease(seat).items
    return [lease.spec.holder_identity for lease in found]


def config_maps(core: client.CoreV1Api, seat: str) -> set[str]:
    return {found.metadata.name for found in core.list_namespaced_config_map(seat).items}


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
    wait_for(lambda: bool(leases(seat)), 30, "the reset takes its Lease")
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
    assert not leases(seat)


def test_two_whole_resets_to_different_steps_do_not_collide(
    core: client.CoreV1Api, seat: str
) -> None:
    """The second waits until the first has restored too, not only removed."""
    processes = [begin(seat, lab_reset_to=step) for step in ("project", "trained")]
    outputs = [process.communicate(timeout=180)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert not leases(seat)


def test_a_whole_reset_that_was_killed_while_restoring_is_followed_by_the_next(
    core: client.CoreV1Api, seat: str
) -> None:
    process = begin(seat, restore_seconds=120)
    wait_for(lambda: "being-restored" in config_maps(core, seat), 60, "it restores")
    (former,) = leases(seat)
    kill_tree(process.pid)
    process.wait(timeout=10)
    core.delete_namespaced_config_map("being-restored", seat)
    following = begin(seat, lab_reset_lease_timeout=30)
    output = following.communicate(timeout=120)[0]
    assert following.returncode == 0, output
    assert former not in leases(seat)


def test_a_whole_reset_that_fails_lets_others_in(core: client.CoreV1Api, seat: str) -> None:
    process = begin(seat, restore_fails=True)
    output = process.communicate(timeout=120)[0]
    assert process.returncode != 0, output
    wait_for(lambda: not leases(seat), 5, "its Lease ends")


def test_a_lease_whose_keeper_died_as_well_ends_by_itself(seat: str) -> None:
    moment = datetime.now(UTC) - timedelta(seconds=12)
    client.CoordinationV1Api().create_namespaced_lease(
        seat,
        {
            "metadata": {"name": "lab-reset"},
            "spec": {
                "holderIdentity": "gone", "leaseDurationSeconds": 15,
                "acquireTime": moment.isoformat(), "renewTime": moment.isoformat(),
            },
        },
    )  # fmt: skip
    done = reset(seat, lab_reset_lease_timeout=30)
    assert done.returncode == 0, done.stdout
    assert not leases(seat)


def route(seat: str, name: str) -> None:
    client.CustomObjectsApi().create_namespaced_custom_object(
        "route.openshift.io", "v1", seat, "routes",
        {
            "apiVersion": "route.openshift.io/v1", "kind": "Route", "metadata": {"name": name},
            "spec": {"to": {"kind": "Service", "name": "nothing"}, "tls": {"termination": "edge"}},
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("minio-ds-pipeline", "Secret ds-pipeline-s3-ds-pipeline with the object store's keys"),
        ("ds-pipeline-ds-pipeline", "ServiceAccount pipelines-client is not there"),
    ],
)
def test_what_it_cannot_look_into_it_does_not_call_clean(
    core: client.CoreV1Api, seat: str, name: str, told: str
) -> None:
    route(seat, name)
    before = names(core, seat)
    refused = reset(seat, lab_reset_timeout=3)
    assert refused.returncode != 0
    assert "can be neither emptied nor proved empty" in refused.stdout
    assert told in refused.stdout
    assert names(core, seat) == before


def test_the_sessions_of_a_workbench_end_with_it(core: client.CoreV1Api, seat: str) -> None:
    kind = ("kubeflow.org", "v1", seat, "notebooks")
    container = {"name": "second", "image": "lab/none:1", "imagePullPolicy": "Never"}
    client.CustomObjectsApi().create_namespaced_custom_object(
        *kind,
        {
            "apiVersion": "kubeflow.org/v1", "kind": "Notebook",
            "metadata": {
                "name": "second", "labels": DASHBOARD,
                "annotations": {"notebooks.opendatahub.io/inject-oauth": "true"},
            },
            "spec": {"template": {"spec": {"containers": [container]}}},
        },
    )  # fmt: skip
    wait_for(
        lambda: "second-oauth-config" in names(core, seat)["secrets"], 60, "its sessions' Secret"
    )
    wait_for(lambda: "second" in names(core, seat)["accounts"], 60, "its service account")
    done = reset(seat, "--diff")
    assert done.returncode == 0, done.stdout
    assert f"{seat}: Notebook/second (made in the dashboard, so a learner's work)" in done.stdout
    assert "second-oauth-config" not in names(core, seat)["secrets"]
    assert "second" not in names(core, seat)["accounts"]
    bindings = client.RbacAuthorizationV1Api().list_cluster_role_binding().items
    assert not [each for each in bindings if each.metadata.name.startswith(f"{seat}-")]


def test_a_session_that_stays_is_named(core: client.CoreV1Api, seat: str) -> None:
    labels = {"notebook-name": "gone"}
    spec = {"containers": [{"name": "main", "image": "lab/none:1", "imagePullPolicy": "Never"}]}
    core.create_namespaced_pod(
        seat, {"metadata": {"name": "gone-0", "labels": labels}, "spec": spec}
    )
    stuck = reset(seat, lab_reset_timeout=3)
    assert stuck.returncode != 0
    assert "Pod/gone-0 (of workbench gone: its kernels and terminals)" in stuck.stdout
