"""A class as an instructor makes it: two seats, their learners, their pages, and the end of them.

The tests follow one another.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_accounts import token_of
from lab_seat import REPOSITORY, lab

from lab_class.accounts import ACCOUNTS
from lab_ground.kubernetes.client import KubernetesClient, open_client

pytestmark = pytest.mark.cluster
STATE = REPOSITORY / ".lab"
REVIEW = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


def seats() -> dict[str, str]:
    """The class's namespaces and learners."""
    done = lab("class", "list", "--json", timeout=60)
    assert done.returncode == 0, done.stderr
    return {row["namespace"]: row["learner"] for row in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def client() -> Iterator[KubernetesClient]:
    yield open_client(str(STATE / "kubeconfig"))
    left = [namespace for namespace, learner in seats().items() if learner in ("user1", "ada")]
    if left:
        lab("class", "remove", *left, timeout=240)


def test_a_seat_is_added_with_its_learner(client: KubernetesClient) -> None:
    done = lab("class", "add", "1", timeout=420)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert re.search(r"mnist-1 +user1 +(?:[a-z2-9]{4}-?){3}", done.stdout)
    assert "30 seats need" in done.stdout
    assert seats()["mnist-1"] == "user1"


def test_a_course_gives_the_next_one(client: KubernetesClient, tmp_path: Path) -> None:
    course = tmp_path / "course.csv"
    course.write_text("user,name\nada,Ada Lovelace\n")
    done = lab("class", "add", "--from", str(course), "--stopped", timeout=420)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert seats()["mnist-2"] == "ada"


def test_a_learner_is_admin_of_one_seat_and_nothing_else(client: KubernetesClient) -> None:
    def may(verb: str, resource: str, namespace: str) -> bool:
        body = {"spec": {"user": f"system:serviceaccount:{ACCOUNTS}:ada", "resourceAttributes": {
            "verb": verb, "resource": resource, "namespace": namespace}}}  # fmt: skip
        return bool(client.request("POST", REVIEW, body=body)["status"]["allowed"])

    assert may("create", "pods", "mnist-2")
    assert may("get", "secrets", "mnist-2")
    for namespace in ("mnist-1", "mnist", "lab-platform", "kube-system", ACCOUNTS):
        assert not may("get", "secrets", namespace)
        assert not may("get", "pods", namespace)
    assert not may("create", "resourcequotas", "mnist-2")


def test_the_pages_are_for_their_owner_alone(client: KubernetesClient) -> None:
    done = lab("class", "handout", timeout=240)
    assert done.returncode == 0, done.stderr
    pages = sorted((STATE / "handout").glob("*.html"))
    assert [page.stem for page in pages] == ["class", "mnist-1", "mnist-2"]
    assert all(page.stat().st_mode & 0o077 == 0 for page in pages)
    text = (STATE / "handout/mnist-2.html").read_text()
    password = re.search(r'class="password">([^<]+)<', text)
    assert password
    logs = subprocess.run(
        ["grep", "-rlF", password[1], str(STATE), "--include=*.log"], capture_output=True, text=True
    )
    assert logs.stdout == ""


def test_a_new_password_is_another(client: KubernetesClient) -> None:
    before = (STATE / "handout/mnist-2.html").read_text()
    assert lab("class", "password", "ada", timeout=240).returncode == 0
    assert (STATE / "handout/mnist-2.html").read_text() != before


def test_a_removed_seat_is_gone_with_its_learners_tokens(client: KubernetesClient) -> None:
    token = token_of(client, ACCOUNTS, "ada")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
              "spec": {"token": token}}  # fmt: skip
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    assert client.request("POST", path, body=review)["status"]["authenticated"]
    done = lab("class", "remove", "ada", timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Nothing of mnist-2 (ada) is left." in done.stdout
    assert not client.request("POST", path, body=review)["status"].get("authenticated")
    assert client.get("v1", "Namespace", "mnist-2") is None
    assert "mnist-2" not in seats()
    assert seats()["mnist-1"] == "user1"
