"""Who asks the API server in a storm waits for himself: platform and other seats are answered."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

Kubectl = Callable[..., str]
API = "https://127.0.0.1:6443"
CONTEXT = ssl.create_default_context(cafile="/etc/kubernetes/pki/ca.crt")
STORM, SECONDS = 24, 4
EXPENSIVE = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def ask(path: str, token: str) -> tuple[int, str, float]:
    """The answer's code, the id of the level that the question had, and the seconds it took."""
    request = urllib.request.Request(f"{API}{path}", headers={"Authorization": f"Bearer {token}"})
    started = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=20, context=CONTEXT) as answer:
            answer.read()
            code, headers = answer.status, answer.headers
    except urllib.error.HTTPError as error:
        code, headers = error.code, error.headers
    level = str(headers["X-Kubernetes-PF-PriorityLevel-UID"])
    return code, level, time.monotonic() - started


@pytest.fixture
def token(kubectl: Kubectl, apply: Callable[..., None], namespace: str) -> Callable[[str], str]:
    """A token of an account of a seat that may list the cluster's kinds."""

    def make(name: str) -> str:
        apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
        return kubectl("-n", namespace, "create", "token", name).strip()

    return make


def levels(kubectl: Kubectl) -> dict[str, str]:
    items = json.loads(kubectl("get", "prioritylevelconfigurations", "-o", "json"))["items"]
    return {item["metadata"]["uid"]: item["metadata"]["name"] for item in items}


def test_platform_seats_and_the_cluster_itself_have_levels_of_their_own(
    kubectl: Kubectl, token: Callable[[str], str]
) -> None:
    names = levels(kubectl)
    accounts = {
        "lab-seats": token("learner"),
        "lab-platform": kubectl(
            "-n", "local-path-storage", "create", "token", "local-path-provisioner"
        ).strip(),
        "workload-high": kubectl("-n", "kube-system", "create", "token", "coredns").strip(),
    }
    found = {wanted: names[ask("/api/v1/pods", one)[1]] for wanted, one in accounts.items()}
    assert found == {wanted: wanted for wanted in accounts}
    for kind in ("prioritylevelconfigurations", "flowschemas"):
        items = json.loads(kubectl("get", kind, "-o", "json"))["items"]
        wrong = [
            (item["metadata"]["name"], one["message"])
            for item in items
            for one in item.get("status", {}).get("conditions", [])
            if one["type"] == "Dangling" and one["status"] == "True"
        ]
        assert wrong == []


def test_a_storm_from_one_account_keeps_nobody_else_waiting(
    kubectl: Kubectl, token: Callable[[str], str], namespace: str
) -> None:
    """The one lists every kind of the cluster, again and again, from many connections."""
    stormer, neighbour = token("stormer"), token("neighbour")
    platform = kubectl(
        "-n", "local-path-storage", "create", "token", "local-path-provisioner"
    ).strip()
    role = f"storm-{namespace}"
    kubectl("create", "clusterrole", role, "--verb=list", "--resource=customresourcedefinitions")
    kubectl("create", "clusterrolebinding", role, f"--clusterrole={role}",
            f"--serviceaccount={namespace}:stormer")  # fmt: skip
    stop = time.monotonic() + SECONDS

    def storm(_: int) -> list[int]:
        codes = []
        while time.monotonic() < stop:
            codes.append(ask(EXPENSIVE, stormer)[0])
        return codes

    others: dict[str, list[tuple[int, str, float]]] = {"platform": [], "neighbour": []}
    try:
        with ThreadPoolExecutor(STORM) as pool:
            running = [pool.submit(storm, number) for number in range(STORM)]
            time.sleep(0.5)
            while time.monotonic() < stop:
                others["platform"].append(ask("/version", platform))
                others["neighbour"].append(ask("/version", neighbour))
            codes = [code for one in running for code in one.result()]
    finally:
        kubectl("delete", "clusterrolebinding,clusterrole", role)
    assert set(codes) <= {200, 429}
    assert codes.count(200) > 0
    for who, answers in others.items():
        assert {code for code, _, _ in answers} == {200}, who
        slowest = max(seconds for _, _, seconds in answers)
        print(f"{who}: {len(answers)} answers, slowest {slowest:.2f} s; storm: {len(codes)}")
        assert slowest < 5, who
