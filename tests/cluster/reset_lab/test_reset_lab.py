"""The reset of a lab that was used, each way to a step, and the way back to a complete one.

Runs on the lab's own seat and takes its model away for some minutes: a nightly suite. The tests
follow one another: each begins with the seat as the one before left it.
"""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from kubernetes import client, config
from lab_seat import DATA, REPOSITORY, STATE, LabSeat, kill_tree, lab, summary
from lab_sessions import Sessions, listed, open_sessions

from lab_driver.access import read_access
from lab_driver.cluster import ClusterReader
from lab_driver.kernel import run_cell
from lab_ground.waiting import wait_for

NOTEBOOK = ("kubeflow.org/v1", "Notebook", "notebook")
MODEL = ("serving.kserve.io/v1beta1", "InferenceService", "mnist")
PAGE = ("apps/v1", "Deployment", "mnist-webapp")
ONNX = "onnx/model-v2.onnx"
FILE = "/opt/app-root/src/my-work.txt"


@pytest.fixture(scope="module")
def seat() -> LabSeat:
    return LabSeat(read_access(STATE / "access.json"), ClusterReader(STATE / "kubeconfig"))


@pytest.fixture(scope="module", autouse=True)
def foreign(seat: LabSeat) -> Iterator[str]:
    """Somebody's ConfigMap in the seat, which no reset may touch."""
    config.load_kube_config(str(STATE / "kubeconfig"))
    core = client.CoreV1Api()
    name = "not-of-the-lab"
    core.create_namespaced_config_map(seat.namespace, {"metadata": {"name": name}})
    yield name
    core.delete_namespaced_config_map(name, seat.namespace)


@pytest.fixture(scope="module")
def cell(seat: LabSeat) -> Callable[[str], str]:
    """Runs a cell in the seat's workbench."""

    def run(code: str) -> str:
        token = seat.cluster.token(seat.namespace, "notebook", seconds=600)
        access = seat.access
        return run_cell(access.get("workbench.url"), token, access.verify, code).strip()

    return run


def reset(*options: str, timeout: int = 900) -> subprocess.CompletedProcess[str]:
    began = time.monotonic()
    done = lab("reset", *options, timeout=timeout)
    print(f"./lab reset {' '.join(options)}: {time.monotonic() - began:.1f} s")
    assert done.returncode == 0, done.stdout[-3000:]
    return done


def test_the_plan_touches_nothing(seat: LabSeat, foreign: str) -> None:
    before = seat.stored(), seat.runs()
    plan = reset("--check", "--diff")
    for line in (
        f"present  {seat.namespace}: InferenceService/mnist",
        f"present  {seat.namespace}: s3 rhods/{ONNX}",
        f"keep     {seat.namespace}: ConfigMap/{foreign} (not of the lab)",
    ):
        assert line in plan.stdout
    assert (seat.stored(), seat.runs()) == before
    assert seat.there(*MODEL)


def test_back_to_served_takes_the_page_only(seat: LabSeat) -> None:
    reset("--to", "served")
    assert seat.there(*PAGE) is None
    assert seat.there(*MODEL)
    assert seat.runs()


def test_back_to_trained_keeps_the_learners_work(seat: LabSeat, cell: Callable[[str], str]) -> None:
    cell(f"open('{FILE}', 'w').write('mine')")
    volume = seat.volume()
    reset("--to", "trained")
    assert seat.there(*MODEL) is None
    assert ONNX in seat.stored()
    assert seat.runs()
    assert seat.volume() == volume
    assert cell(f"print(open('{FILE}').read())") == "mine"


def spoil(seat: LabSeat, secret: str, key: str) -> None:
    """Let a learner have edited a Secret."""
    wrong = base64.b64encode(b"wrong").decode()
    client.CoreV1Api().patch_namespaced_secret(secret, seat.namespace, {"data": {key: wrong}})


@pytest.fixture(scope="module")
def opened(seat: LabSeat) -> Sessions:
    """A kernel, a terminal and a browser that is signed in, before the seat is reset."""
    token = seat.cluster.token(seat.namespace, "notebook", seconds=3600)
    return open_sessions(seat.access.get("workbench.url"), str(STATE / "ca.crt"), token)


def test_a_used_seat_is_clean_afterwards(seat: LabSeat, foreign: str, opened: Sessions) -> None:
    reset("--to", "complete")
    assert opened.status(by="cookie") == 200
    seat.store("data/mine.csv", b"a learner's")
    spoil(seat, "aws-connection-s3-creds", "AWS_SECRET_ACCESS_KEY")
    spoil(seat, "pipelines-client", "token")
    volume = seat.volume()
    reset()
    assert not seat.leftovers(volume)
    assert seat.there("v1", "ConfigMap", foreign)


def test_a_deleted_connection_is_there_again(seat: LabSeat) -> None:
    core = client.CoreV1Api()
    for secret in ("aws-connection-s3-creds", "pipelines-client", "ds-pipeline-s3-ds-pipeline"):
        core.delete_namespaced_secret(secret, seat.namespace)
    volume = seat.volume()
    reset()
    assert seat.stored() == DATA
    assert seat.runs() == 0
    assert seat.volume() == volume


def test_a_second_reset_changes_nothing(seat: LabSeat) -> None:
    volume = seat.volume()
    assert "changed=0" in reset().stdout
    assert seat.volume() == volume


def test_two_at_once_to_different_steps_follow_one_another(seat: LabSeat) -> None:
    processes = [
        subprocess.Popen(
            ["./lab", "reset", "--to", step], cwd=REPOSITORY, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for step in ("workbench", "project")
    ]  # fmt: skip
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert not seat.holder()


def test_forward_to_a_workbench(
    seat: LabSeat, cell: Callable[[str], str], opened: Sessions
) -> None:
    reset("--to", "workbench")
    token = seat.cluster.token(seat.namespace, "notebook", seconds=600)
    there = listed(opened.base, opened.verify, token)
    assert there == {"kernels": set(), "terminals": set(), "sessions": set()}
    assert {opened.status(by="cookie"), opened.status(by="token")} == {302}
    assert cell(f"import os; print(os.path.exists('{FILE}'))") == "False"
    assert ONNX not in seat.stored()


def test_forward_to_a_trained_model(seat: LabSeat) -> None:
    reset("--to", "trained")
    assert ONNX in seat.stored()
    assert seat.there(*MODEL) is None


def test_forward_to_a_served_model(seat: LabSeat) -> None:
    reset("--to", "served")
    status = seat.there(*MODEL)["status"]
    assert status["modelStatus"]["states"]["activeModelState"] == "Loaded"
    assert seat.there(*PAGE) is None


def test_forward_to_a_complete_lab(seat: LabSeat) -> None:
    reset("--to", "complete")
    assert seat.there(*PAGE)
    assert "changed=0" in reset("--to", "complete").stdout


def killed_when(reached: Callable[[], bool], end: Callable[[int], None], what: str) -> None:
    """Begin a reset and kill it as soon as it has got to a point.

    Raises:
        AssertionError: it ended before it got there.
        NotInTimeError: ten minutes went by before it got there.
    """
    process = subprocess.Popen(
        ["./lab", "reset"], cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def got_there() -> bool:
        assert process.poll() is None, f"it ended by itself, before {what}"
        return reached()

    try:
        wait_for(got_there, 600, what, 0.05)
        assert process.poll() is None
    finally:
        end(process.pid)
        process.wait(timeout=10)


def kill_only_ansible(pid: int) -> None:
    """Kill ansible-playbook; the module that it started goes on by itself and must end well."""
    os.kill(pid, signal.SIGKILL)


def test_killed_at_five_points_and_resumed_it_ends_clean(seat: LabSeat, foreign: str) -> None:
    volume, holders = seat.volume(), {""}

    def held() -> bool:
        """The reset that runs now, and no earlier one, holds the Lease."""
        return seat.holder() not in holders

    points = (
        ("nothing is removed yet", held, kill_tree),
        ("the runs are gone", lambda: held() and not seat.runs(), kill_tree),
        ("the model goes", lambda: held() and seat.model_goes(), kill_tree),
        ("the volume is gone", lambda: held() and not seat.volume(), kill_only_ansible),
        ("the volume is there anew", lambda: seat.volume() not in ("", volume), kill_tree),
    )
    for what, reached, end in points:
        killed_when(reached, end, what)
        print(f"killed when {what}; Lease: {seat.holder() or 'free'}")
        holders.add(seat.holder())
    reset()
    assert not seat.leftovers(volume)
    assert seat.there("v1", "ConfigMap", foreign)
    assert "changed=0" in reset().stdout


def test_the_way_back_to_a_complete_lab(seat: LabSeat) -> None:
    reset("--to", "complete", timeout=1200)
    checked = lab("run", "validate-lab")
    assert checked.returncode == 0, checked.stdout[-3000:]
    assert summary()["ok"]
