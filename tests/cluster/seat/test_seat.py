"""A seat of a class beside others: made, used, reset by its number, brought on to a step, removed.

`./lab reset --seat N` as an instructor types it, on a seat of its own with a stopped workbench; the
model server's objects stand for a learner's work. An administrator makes the seat, everything else
is done with an instructor's rights, by another account. The tests follow one another.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass

import cluster_accounts
import pytest
from instructor import Instructor, instructor, rules_in
from kubernetes import client, config
from lab_seat import REPOSITORY, lab

from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.kubernetes.errors import ApiError
from lab_ground.waiting import wait_for

pytestmark = pytest.mark.cluster
# A number that no class has: the seat is the namespace mnist-93.
NUMBER = "93"
SEAT = f"mnist-{NUMBER}"
KUBECONFIG = REPOSITORY / ".lab" / "kubeconfig"
# Where the instructor's own kubeconfig is kept for the time of the tests.
INSTRUCTORS = REPOSITORY / ".lab" / "instructor-kubeconfig"
SERVING = {"app.kubernetes.io/part-of": "mnist-lab", "app.kubernetes.io/component": "serving"}


def reset(*options: str) -> str:
    """Reset as an instructor does, with an instructor's rights; return what was said."""
    done = lab("reset", *options, "-e", f"lab_kubeconfig={INSTRUCTORS}", timeout=300)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@dataclass(frozen=True)
class Objects:
    """What is in the seat."""

    core: client.CoreV1Api
    custom: client.CustomObjectsApi

    def secrets(self) -> set[str]:
        """The names of its Secrets."""
        return {secret.metadata.name for secret in self.core.list_namespaced_secret(SEAT).items}

    def claims(self) -> dict[str, str]:
        """The uid of each of its volumes."""
        found = self.core.list_namespaced_persistent_volume_claim(SEAT).items
        return {claim.metadata.name: claim.metadata.uid for claim in found}

    def workbenches(self) -> list[str]:
        """The names of its workbenches."""
        found = self.custom.list_namespaced_custom_object("kubeflow.org", "v1", SEAT, "notebooks")
        return [item["metadata"]["name"] for item in found["items"]]


@pytest.fixture(scope="module")
def admin() -> KubernetesClient:
    """Comes as the administrator."""
    return open_client(str(KUBECONFIG))


@pytest.fixture(scope="module")
def teacher(admin: KubernetesClient) -> Iterator[Instructor]:
    """Who has the rights of docs/instructor/rights.yml and of the seat's own Role."""
    with instructor(admin, KUBECONFIG, INSTRUCTORS.parent) as found:
        yield found
    INSTRUCTORS.unlink()


@pytest.fixture(scope="module")
def objects(teacher: Instructor) -> Iterator[Objects]:
    """The seat, made as docs/instructor/class.md says, with somebody's work in it."""
    config.load_kube_config(str(KUBECONFIG))
    core = client.CoreV1Api()
    seats: dict[str, object] = {"lab_seats": [SEAT]}
    try:
        granted = {**seats, "lab_instructors": [teacher.subject]}
        done = lab("run", "grant-seats", "-e", json.dumps(granted), timeout=120)
        assert done.returncode == 0, done.stdout[-3000:]
        prepared = {**seats, "lab_kubeconfig": str(teacher.kubeconfig)}
        done = lab(
            "run", "prepare-lab", "-e", "lab_workbench_state=stopped",
            "-e", json.dumps(prepared), timeout=400,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:]
        for name, labels in (("model-mesh", SERVING), ("my-own", {})):
            core.create_namespaced_secret(SEAT, {"metadata": {"name": name, "labels": labels}})
        yield Objects(core, client.CustomObjectsApi())
    finally:
        core.delete_namespace(SEAT)
        wait_for(lambda: SEAT not in names_of(core), 120, f"the namespace {SEAT} is gone", 1)


def names_of(core: client.CoreV1Api) -> set[str]:
    """The namespaces that there are."""
    return {namespace.metadata.name for namespace in core.list_namespace().items}


def everybody_else(core: client.CoreV1Api) -> set[tuple[str, str]]:
    """The Secrets of all other namespaces."""
    found = core.list_secret_for_all_namespaces().items
    return {(s.metadata.namespace, s.metadata.name) for s in found} - {
        (SEAT, s.metadata.name) for s in found
    }


@pytest.mark.parametrize("place", ["kube-system", "lab-platform", "lab-router", "default", "mnist"])
def test_an_instructor_only_looks_outside_of_the_seats(
    teacher: Instructor, objects: Objects, place: str
) -> None:
    """What `kubectl auth can-i --list` tells: no way to more than what is given."""
    found = {
        (group, resource, verb)
        for rule in rules_in(teacher.client(), place)
        for group in rule.get("apiGroups") or ()
        for resource in rule.get("resources") or ()
        for verb in rule["verbs"]
    }
    asked = {key for key in found if key[1].startswith("self")}
    assert {verb for _, _, verb in asked} <= {"create"}
    looked_at = {resource for _, resource, _ in found - asked}
    assert {verb for _, _, verb in found - asked} <= {"get", "list"}, found
    assert looked_at == {
        "namespaces",
        "nodes",
        "persistentvolumes",
        "customresourcedefinitions",
        "datascienceclusters",
        "dscinitializations",
        "gateways",
        "clusterrolebindings",
    }


def test_nothing_in_a_seat_leads_out_of_it(teacher: Instructor, objects: Objects) -> None:
    rules = rules_in(teacher.client(), SEAT)
    verbs = {verb for rule in rules for verb in rule["verbs"]}
    assert {"create", "delete"} <= verbs
    assert not {"escalate", "bind", "impersonate", "*"} & verbs
    assert not [rule for rule in rules if "*" in (rule.get("resources") or ())]


def test_an_instructor_gives_nobody_more_than_they_have(
    teacher: Instructor, objects: Objects
) -> None:
    mine = teacher.client()
    for name in ("admin", "cluster-admin"):
        more = cluster_accounts.binding("more", SEAT, role=name, to="default")
        with pytest.raises(ApiError, match="is attempting to grant RBAC permissions"):
            mine.create(more)
    patch = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    with pytest.raises(ApiError, match="cannot patch resource"):
        mine.patch("v1", "Namespace", SEAT, patch)


def test_the_plan_speaks_of_this_seat_only(objects: Objects) -> None:
    before = objects.secrets()
    told = reset("--seat", NUMBER, "--check", "--diff")
    assert f"present  {SEAT}: Secret/model-mesh" in told
    assert f"keep     {SEAT}: Secret/my-own (not of the lab)" in told
    assert " mnist: " not in told
    assert objects.secrets() == before


def test_a_token_is_replaced_and_the_old_one_is_worth_nothing(
    teacher: Instructor, admin: KubernetesClient, objects: Objects
) -> None:
    def token() -> str:
        secret = objects.core.read_namespaced_secret("pipelines-client", SEAT)
        return base64.b64decode((secret.data or {})["token"]).decode()

    def knows(value: str) -> bool:
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
        path = "/apis/authentication.k8s.io/v1/tokenreviews"
        answer = admin.request("POST", path, body={**review, "spec": {"token": value}})
        return bool(answer["status"].get("authenticated"))

    old = token()
    assert knows(old)
    objects.core.delete_namespaced_secret("pipelines-client", SEAT)
    variables = {"lab_seats": [SEAT], "lab_kubeconfig": str(teacher.kubeconfig)}
    done = lab(
        "run", "prepare-lab", "--tags", "pipelines", "-e", json.dumps(variables), timeout=200
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert token() != old
    assert knows(token())
    # The API server remembers for ten seconds whom it let in.
    wait_for(lambda: not knows(old), 30, "the API server forgets the old token", 1)


def test_on_to_a_workbench_keeps_what_is_there(objects: Objects) -> None:
    volumes = objects.claims()
    reset("--seat", NUMBER, "--to", "workbench", "-e", "lab_workbench_state=stopped")
    assert objects.workbenches() == ["notebook"]
    assert objects.claims() == volumes
    assert "model-mesh" not in objects.secrets()


def test_its_reset_takes_the_labs_objects_and_nothing_of_others(objects: Objects) -> None:
    others, volumes = everybody_else(objects.core), objects.claims()
    told = reset("--seat", NUMBER)
    assert objects.workbenches() == []
    assert objects.claims() == volumes, "nobody has used a volume"
    assert "my-own" in objects.secrets()
    assert others <= everybody_else(objects.core)
    assert "changed=0" not in told


def test_a_second_reset_changes_nothing(objects: Objects) -> None:
    assert "changed=0" in reset("--seat", NUMBER)


def test_a_seat_that_is_not_there_is_named() -> None:
    done = lab("reset", "--seat", "94", timeout=120)
    assert done.returncode != 0
    assert "namespace mnist-94 does not exist" in done.stdout + done.stderr
