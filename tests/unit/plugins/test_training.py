"""A seat's training from the look at its model to the record, against a pipeline server's HTTP."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from memory_cluster import MemoryCluster

from lab_ground.connections import DataConnection
from lab_ground.s3 import Bucket
from lab_playbook.outcome import TaskError
from lab_playbook.training import manifests, runs, seats

RUN, OTHER = "2b8c3c8e-6f0e-4b5e-9b7a-3d1d8f1f2a10", "9c1d2e3f-0000-4000-8000-000000000001"
KEY = "onnx/model-v2.onnx"
MODEL = b"a model"
SUM = hashlib.sha256(MODEL).hexdigest()
REPOSITORY = Path(__file__).resolve().parents[3] / "model-repo"


def task(name: str, state: str, **more: Any) -> dict[str, Any]:
    return {
        "task_id": name.lower(),
        "display_name": name,
        "state": state,
        "start_time": "2026-01-01T00:00:00Z",
        "parent_task_id": "root",
        **more,
    }


def run_of(state: str, *tasks: dict[str, Any], run_id: str = RUN) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "state": state,
        "created_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:01:30Z",
        "run_details": {"task_details": list(tasks)},
    }


ENDED_BADLY = {
    **run_of(
        "FAILED",
        {**task("mnist", "FAILED"), "parent_task_id": None},
        task("Pre-process", "SUCCEEDED", end_time="2026-01-01T00:00:14Z"),
        task("Train", "FAILED", error={"message": "exit code 137: out of memory"}),
        {"task_id": "evaluate", "display_name": "Evaluate", "parent_task_id": "root"},
    ),
    "error": {"message": "a step failed"},
}


class PipelineServer:
    """Answers for each run in turn, the last answer for ever; an int is a refusal's status."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert self.headers["Authorization"] == "Bearer a-token"
                server.asked.append(self.path)
                answer = server.answer(self.path)
                self.send_response(answer if isinstance(answer, int) else 200)
                self.end_headers()
                if not isinstance(answer, int):
                    self.wfile.write(
                        answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                    )

            def log_message(self, *_: Any) -> None:
                """Be quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path: str) -> Any:
        if path.endswith("/log"):
            return b"epoch 3\nKilled\n"
        answers = self.answers.get(path.rsplit("/", 1)[-1], [404])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PipelineServer]:
    monkeypatch.setattr(runs, "INTERVAL", 0)
    made = PipelineServer()
    yield made
    made.http.shutdown()


class Body(io.BytesIO):
    def iter_chunks(self, size: int) -> Iterator[bytes]:
        return iter(lambda: self.read(size), b"")


class Store:
    """An S3 client over a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {"data/train.csv": b"1", "data/test.csv": b"2"}

    def put_model(self, **sidecar: Any) -> None:
        described = {"sha256": SUM, "accuracy": 0.995, **sidecar}
        self.objects |= {KEY: MODEL, "onnx/model-v2.json": json.dumps(described).encode()}

    def _find(self, key: str) -> bytes:
        if key not in self.objects:
            raise ClientError({"Error": {"Code": "404"}}, "GetObject")
        return self.objects[key]

    def get_object(self, **names: str) -> dict[str, Any]:
        return {"Body": Body(self._find(names["Key"]))}

    def head_object(self, **names: str) -> dict[str, Any]:
        return {"ETag": hashlib.sha256(self._find(names["Key"])).hexdigest()}


class Cluster(MemoryCluster):
    """Ends each Job at once, as Elyra's command does: with a run, or with a refusal."""

    def __init__(self, last_word: str = RUN, code: int = 0) -> None:
        super().__init__()
        self.ending = {"exitCode": code, "message": last_word}
        self.applied: list[str] = []
        token = base64.b64encode(b"a-token").decode()
        self.add_object("v1", "Secret", "pipelines-client", data={"token": token})

    def add_object(self, api_version: str, kind: str, name: str, **parts: Any) -> None:
        self.add(
            {
                "apiVersion": api_version,
                "kind": kind,
                "metadata": {"name": name, "labels": parts.pop("labels", {})},
                **parts,
            }
        )

    def end_job(self, name: str, last_word: str = "") -> None:
        ending = {**self.ending, **({"message": last_word} if last_word else {})}
        done = [{"type": "Failed" if ending["exitCode"] else "Complete", "status": "True"}]
        self.add_object("batch/v1", "Job", name, status={"conditions": done})
        ended = [{"name": "submit", "state": {"terminated": ending}}]
        self.add_object(
            "v1", "Pod", f"{name}-x", labels={"job-name": name}, status={"containerStatuses": ended}
        )

    def apply(self, manifest: Any, owner: Any = None, field_manager: str = "") -> Any:
        self.applied.append(f"{manifest['kind']} {manifest['metadata']['name'].rsplit('-', 1)[0]}")
        stored = super().apply(manifest, owner, field_manager)
        if manifest["kind"] == "Job":
            self.end_job(manifest["metadata"]["name"])
        return stored


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()
    bucket = Bucket(DataConnection("http://127.0.0.1:9", "rhods", "key", "secret"))
    bucket.client = made
    monkeypatch.setattr(seats, "find_bucket", lambda arguments: bucket)
    return made


def train(
    cluster: Cluster, server: PipelineServer, check_mode: bool = False, **more: Any
) -> tuple[dict[str, Any], list[str]]:
    """Train the seat ``mnist``; return the task's result and what it said."""
    arguments = {
        "namespaces": ["mnist"],
        "repository": str(REPOSITORY),
        "pipeline": "notebooks/completed/mnist.pipeline",
        "sources": [],
        "profile": "default",
        "min_accuracy": 0.99,
        "timeout": 5,
        "image": "workbench:1",
        "image_pull_policy": "IfNotPresent",
        "workbench": "notebook",
        "runtime_secret": "ds-pipeline-config",
        "pipelines_client": "pipelines-client",
        "pipelines_url": server.url,
        "data_connection": "aws-connection-s3-creds",
        "store_url": "http://127.0.0.1:9",
        "ca_certificate": "",
        "model_key": KEY,
        "data_keys": ["data/train.csv", "data/test.csv"],
        "record": "mnist-training",
        "force": False,
        "keep_good": False,
        "kubeconfig": "",
        **more,
    }
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seats, "open_client", lambda kubeconfig: cluster)
        return seats.train(arguments, check_mode, said.append), said


def fingerprint(store: Store) -> str:
    tags = [store.head_object(Key=f"data/{name}.csv")["ETag"] for name in ("train", "test")]
    return seats.compute_fingerprint(tags, [], "default")


def test_a_model_is_trained_checked_and_recorded_and_then_left_alone(
    server: PipelineServer, store: Store
) -> None:
    done = task("Train", "SUCCEEDED", end_time="2026-01-01T00:01:10Z")
    server.answers[RUN] = [
        run_of("RUNNING", task("Train", "RUNNING")), 503, run_of("SUCCEEDED", done)
    ]  # fmt: skip
    cluster = Cluster()
    store.put_model()
    result, said = train(cluster, server)
    assert cluster.applied == [
        "ConfigMap submit-pipeline",
        "Job submit-pipeline",
        "ConfigMap mnist",
    ]
    assert result["changed"]
    assert result["seats"]["mnist"]["run_id"] == RUN
    assert result["seats"]["mnist"]["seconds"] == 90.0
    assert [line.split("s  ", 1)[-1] for line in said[:2]] == [
        "Train: running", "Train: succeeded in 70 s"
    ]  # fmt: skip
    record = cluster.get("v1", "ConfigMap", "mnist-training", "mnist")
    assert record is not None
    assert record["data"]["sha256"] == SUM
    assert train(cluster, server)[0] == {"changed": False, "seats": {}}
    assert train(cluster, server, force=True)[0]["changed"]
    store.objects["data/train.csv"] = b"other data"
    assert train(cluster, server, check_mode=True)[0]["seats"] == {"mnist": {"trained": False}}


@pytest.mark.parametrize(
    ("sidecar", "kept"),
    [
        ({}, True),
        ({"accuracy": 0.99}, True),
        ({"accuracy": 0.989}, False),
        ({"sha256": "f" * 64}, False),
        ({"sha256": None}, False),
        ({"accuracy": "high"}, False),
        (None, False),
    ],
)
def test_a_good_model_of_the_learner_s_own_is_kept_where_that_is_asked_for(
    server: PipelineServer, store: Store, sidecar: dict[str, Any] | None, kept: bool
) -> None:
    if sidecar is not None:
        store.put_model(**sidecar)
    looked = train(Cluster(), server, check_mode=True, keep_good=True)[0]
    assert looked["changed"] is not kept
    assert train(Cluster(), server, check_mode=True)[0]["changed"]
    assert train(Cluster(), server, check_mode=True, keep_good=True, force=True)[0]["changed"]


def test_check_mode_submits_nothing(server: PipelineServer, store: Store) -> None:
    cluster = Cluster()
    assert train(cluster, server, check_mode=True)[0]["changed"]
    assert (cluster.applied, server.asked) == ([], [])


@pytest.mark.parametrize(
    ("before", "submitted"),
    [
        ([run_of("RUNNING", run_id=OTHER), run_of("SUCCEEDED", run_id=OTHER)], False),
        ([run_of("PENDING", run_id=OTHER), run_of("SUCCEEDED", run_id=OTHER)], False),
        ([503, run_of("CANCELING", run_id=OTHER), run_of("SUCCEEDED", run_id=OTHER)], False),
        ([run_of("FAILED", run_id=OTHER)], True),
        ([run_of("SKIPPED", run_id=OTHER)], True),
        ([404], True),
    ],
)
def test_a_run_that_goes_on_is_followed_and_else_one_is_begun(
    server: PipelineServer, store: Store, before: list[Any], submitted: bool
) -> None:
    server.answers = {OTHER: before, RUN: [run_of("SUCCEEDED")]}
    cluster = Cluster()
    store.put_model()
    cluster.end_job(manifests.job_name(fingerprint(store)), OTHER)
    result, _ = train(cluster, server)
    assert result["seats"]["mnist"]["run_id"] == (RUN if submitted else OTHER)
    assert ("Job submit-pipeline" in cluster.applied) == submitted


def test_a_failed_run_names_step_reason_and_log(server: PipelineServer, store: Store) -> None:
    server.answers[RUN] = [ENDED_BADLY]
    with pytest.raises(TaskError) as failure:
        train(Cluster(), server)
    said = str(failure.value)
    assert f"{RUN} ended as FAILED. a step failed" in said
    assert "Step Train failed: exit code 137: out of memory" in said
    assert said.endswith("Killed")
    assert "Pre-process failed" not in said


def test_what_elyra_says_instead_of_a_run_is_told(server: PipelineServer, store: Store) -> None:
    with pytest.raises(TaskError, match=r"did not submit .*mnist\.pipeline") as told:
        train(Cluster("no such runtime image", 1), server)
    assert "no such runtime image\nSee more: oc -n mnist logs job/submit-pipeline-" in str(
        told.value
    )


@pytest.mark.parametrize(
    ("sidecar", "said"),
    [
        ({"accuracy": 0.98}, "accuracy 0.98; lab_training_min_accuracy asks for 0.99"),
        ({"sha256": "f" * 64}, f"SHA-256 {SUM} .its JSON says {'f' * 64}."),
        ({"accuracy": "high"}, "accuracy high"),
        (None, "or its JSON is missing"),
    ],
)
def test_a_model_that_is_not_good_enough_is_refused(
    server: PipelineServer, store: Store, sidecar: dict[str, Any] | None, said: str
) -> None:
    server.answers[RUN] = [run_of("SUCCEEDED")]
    if sidecar is not None:
        store.put_model(**sidecar)
    cluster = Cluster()
    with pytest.raises(TaskError, match=said):
        train(cluster, server)
    assert cluster.get("v1", "ConfigMap", "mnist-training", "mnist") is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (401, f"refused to show run {RUN}"),
        (run_of("RUNNING"), "had not ended after 0 s; its state is RUNNING"),
    ],
)
def test_a_server_that_does_not_come_to_an_end_is_a_sentence(
    server: PipelineServer, store: Store, answer: Any, said: str
) -> None:
    server.answers[RUN] = [answer]
    with pytest.raises(TaskError, match=said):
        train(Cluster(), server, timeout=0)


def test_without_a_token_the_remedy_is_told(server: PipelineServer, store: Store) -> None:
    cluster = Cluster()
    cluster.objects.clear()
    with pytest.raises(
        TaskError, match=r"Secret mnist/pipelines-client holds no token .*prepare-lab"
    ):
        train(cluster, server)


def said_by_elyra(tmp_path: Path, output: str, code: int = 0) -> tuple[int, str, str]:
    """Run the Job's own script with a stand-in for Elyra's command."""
    script = manifests.build_script("notebooks/completed/mnist.pipeline", "quick")
    (tmp_path / "repo").mkdir()
    pipeline = {"pipelines": [{"nodes": [{"app_data": {"component_parameters": {}}}]}]}
    (tmp_path / "repo/mnist.pipeline").write_text(json.dumps(pipeline))
    (tmp_path / "bin").mkdir()
    for name, text in (
        ("jupyter", f"echo {tmp_path}/jupyter"),
        ("elyra-pipeline", f"cat mnist.pipeline; printf '%s\\n' '{output}'; exit {code}"),
    ):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "repo/odh_dsp.json").write_text("{}")
    for path, stand_in in (
        ("/opt/app-root/runtimes", tmp_path / "repo"),
        ("/opt/model-repo", tmp_path / "repo"),
        ("/dev/termination-log", tmp_path / "last-word"),
    ):
        script = script.replace(path, str(stand_in))
    done = subprocess.run(
        ["sh", "-euc", script],
        env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "HOME": str(tmp_path / "home")},
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    word = tmp_path / "last-word"
    return done.returncode, done.stdout + done.stderr, word.read_text() if word.exists() else ""


@pytest.mark.parametrize(
    "address", [f"https://x/#/runs/details/{RUN}", f"https://x/pipelines/run/view/{RUN} (later)"]
)
def test_the_job_s_last_word_is_the_run(tmp_path: Path, address: str) -> None:
    code, said, last_word = said_by_elyra(tmp_path, f"the run is at {address}")
    assert (code, last_word) == (0, RUN), said
    assert '"MNIST_PROFILE", "value": "quick"' in said


@pytest.mark.parametrize(("output", "code"), [("no run at all", 0), (f"/runs/{RUN}", 1)])
def test_the_job_fails_where_nothing_was_submitted(tmp_path: Path, output: str, code: int) -> None:
    ended, said, last_word = said_by_elyra(tmp_path, output, code)
    assert (ended, last_word) == (1, "")
    assert output in said
