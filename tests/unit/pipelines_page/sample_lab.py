"""A project as it looks in the middle of the lab: runs in all states, artifacts of all kinds.

The services are the server's own, on a database in a file; the object store and the logs of living
pods are kept in memory.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from pipeline_server.database import models
from pipeline_server.database.connection import Database
from pipeline_server.database.models import RunState, StorageState, TaskKind
from pipeline_server.errors import NotFoundError, UnavailableError
from pipeline_server.object_store import StoredObject
from pipeline_server.services import documents
from pipeline_server.services.collection import Services
from pipeline_server.settings import Settings

from . import sample_pipelines

# Two hours and a bit ago, so that what “goes on” has been going on for a minute and a half.
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2, seconds=90)
FOLDER = "mnist-0302"
NOTEBOOK, PICTURE, TABLE = (
    f"file/{FOLDER}/{name}" for name in ("Review.ipynb", "digits.png", "errors.csv")
)
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# A folder that a step wrote: its files by their paths.
CHECKPOINTS = {
    "about.md": b"# Epochs\n",
    "epoch 1/weights.bin": b"\x00\x01",
    "epoch 1/loss.csv": b"step,loss\n1,0.5\n",
    "epoch 1/Übersicht.html": b"<h1>overview</h1>",
    "digits.png": PIXEL,
    "../outside.txt": b"a name that no address leads to",
}
DIGITS = [str(digit) for digit in range(10)]
LOG = "".join(
    f"Epoch {epoch}/6  loss {0.31 / epoch:.4f}  accuracy {1 - 0.06 / epoch:.4f}\n"
    for epoch in range(1, 7)
)


def confusion() -> list[list[int]]:
    """A good classifier's matrix, 10,000 digits."""
    rows = [[0] * 10 for _ in DIGITS]
    for digit in range(10):
        rows[digit][digit] = 985 - digit
        rows[digit][(digit + 4) % 10] = 9
        rows[digit][(digit + 7) % 10] = 3 + digit % 2
    return rows


def notebook() -> bytes:
    """A notebook as papermill leaves it."""
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "source": ["# Review\n", "Which digits are **mistaken**?"]},
        {
            "cell_type": "code",
            "execution_count": 1,
            "source": "import numpy\nprint('ready')",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["ready\n"]}],
        },
        {
            "cell_type": "code",
            "execution_count": 2,
            "source": "frame",
            "outputs": [
                {
                    "output_type": "execute_result",
                    "data": {
                        "text/html": "<table><tr><th>digit</th></tr><tr><td>7</td></tr></table>",
                        "image/png": base64.b64encode(PIXEL).decode(),
                    },
                }
            ],
        },
    ]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5}).encode()


class MemoryStore:
    """An object store in memory, by address."""

    bucket = "rhods"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.down = False

    def _object(self, uri: str) -> bytes:
        if self.down:
            raise UnavailableError("the object store does not answer")
        if uri not in self.objects:
            raise NotFoundError(f"the object store has no {uri}")
        return self.objects[uri]

    def open(self, uri: str) -> tuple[Iterator[bytes], int]:
        content = self._object(uri)
        return iter([content]), len(content)

    def size(self, uri: str) -> int:
        return len(self._object(uri))

    def list(self, uri: str, limit: int = 100) -> list[StoredObject]:
        if self.down:
            raise UnavailableError("the object store does not answer")
        return [
            StoredObject(self.bucket, key.removeprefix(f"s3://{self.bucket}/"), len(content))
            for key, content in self.objects.items()
            if key.startswith(uri)
        ][:limit]


class LivingPods:
    """Logs of pods, by name."""

    def __init__(self) -> None:
        self.logs: dict[str, str] = {}

    def read_log(self, pod_name: str, container: str = "main") -> bytes | None:
        return self.logs[pod_name].encode() if pod_name in self.logs else None


class Lab:
    """One server's services, with what stands behind them."""

    def __init__(self, path: Path) -> None:
        self.store, self.pods = MemoryStore(), LivingPods()
        database = Database(f"sqlite:///{path}")
        models.Base.metadata.create_all(database.engine)
        settings = Settings(namespace="mnist")
        self.services = Services(
            settings,
            database,
            self.store,  # type: ignore[arg-type]
            self.pods,
            lambda _token, _attributes: True,
        )

    def make_sample(self) -> None:
        """Everything as at the start, whatever has happened to it."""
        with self.services.database.session() as session:
            for table in reversed(models.Base.metadata.sorted_tables):
                session.execute(table.delete())
            _add_catalogue(session)
            for add in (_add_succeeded, _add_failed, _add_running, _add_held_up, _add_nightly):
                add(session)
        self.keep_files()

    def keep_files(self) -> None:
        """What the steps of the sample wrote."""
        self.store.down = False
        self.store.objects = {
            _uri("Evaluate.html"): b"<h1>Evaluation</h1><script>document.title='ran'</script>",
            _uri("onnx/model-v2.onnx"): b"\x08\x07onnx",
            **{_uri(f"checkpoints/{path}"): content for path, content in CHECKPOINTS.items()},
            f"s3://rhods/{FOLDER}/Review.ipynb": notebook(),
            f"s3://rhods/{FOLDER}/digits.png": PIXEL,
            f"s3://rhods/{FOLDER}/errors.csv": b"true,predicted,count\n4,9,12\n7,2,9\n",
        }
        failure = "Traceback\nbotocore.exceptions.ClientError\n"
        self.pods.logs = {"pod-t-train": LOG, "pod-u-2": failure, "pod-n-4-2": LOG}

    def change(self, model: type[Any], identifier: str, **values: Any) -> None:
        """Change a row, as the engine would."""
        with self.services.database.session() as session:
            row = session.get_one(model, identifier)
            for name, value in values.items():
                setattr(row, name, value)

    def move_run(self, run_id: str, state: str) -> None:
        """Bring a run to a state."""
        finished = START + timedelta(minutes=4) if state in models.FINISHED else None
        self.change(models.Run, run_id, state=state, finished_at=finished)

    def end_log(self, task_id: str) -> None:
        """The step's pod writes nothing more."""
        with self.services.database.session() as session:
            for attempt in session.query(models.Attempt).filter_by(task_id=task_id):
                attempt.state = RunState.SUCCEEDED


def _uri(file: str) -> str:
    return f"s3://rhods/v2/artifacts/{file}"


def elyra(spec: dict[str, Any]) -> dict[str, Any]:
    """The pipeline with a first step that keeps its files as Elyra's do."""
    executors = spec["deploymentSpec"]["executors"]
    name = next(iter(executors))
    args = [f"python3 bootstrapper.py --cos-bucket 'rhods' --cos-directory '{FOLDER}' --file x"]
    changed = {name: {"container": {**executors[name]["container"], "args": args}}}
    return {**spec, "deploymentSpec": {"executors": {**executors, **changed}}}


def _document(session: Session, spec: dict[str, Any]) -> str:
    return documents.store(session, {"pipeline_spec": spec, "platform_spec": {}})


def _add_catalogue(session: Session) -> None:
    about = "The lab's pipeline, from the data to the ONNX model."
    for identifier, name, description in (("p-1", "mnist", about), ("p-2", "nested", "")):
        session.add(
            models.Pipeline(
                id=identifier,
                name=name,
                display_name=name,
                description=description,
                created_at=START,
            )
        )
    for identifier, name, description, where in (
        ("e-default", "Default", "", StorageState.AVAILABLE),
        ("e-tuning", "tuning", "Learning rates", StorageState.AVAILABLE),
        ("e-done", "last year", "", StorageState.ARCHIVED),
    ):
        session.add(
            models.Experiment(
                id=identifier,
                name=name,
                description=description,
                storage_state=where,
                created_at=START,
            )
        )
    session.flush()
    mnist = _document(session, sample_pipelines.mnist())
    nested = _document(session, sample_pipelines.nested())
    for identifier, pipeline, name, days, digest in (
        ("v-2", "p-1", FOLDER, 0, mnist),
        ("v-1", "p-1", "first", 1, mnist),
        ("v-3", "p-2", "nested", 0, nested),
    ):
        session.add(
            models.PipelineVersion(
                id=identifier,
                pipeline_id=pipeline,
                name=name,
                display_name=name,
                document_digest=digest,
                created_at=START - timedelta(days=days),
            )
        )
    for identifier, name, pipeline, when in (
        ("rr-1", "nightly", "p-1", {"cron": "0 0 3 * * *", "next_tick_at": START}),
        ("rr-2", "every two hours", "p-2", {"interval_seconds": 7200, "enabled": False}),
    ):
        session.add(
            models.RecurringRun(
                id=identifier,
                display_name=name,
                experiment_id="e-default",
                pipeline_id=pipeline,
                **when,
            )
        )


def _add_run(
    session: Session, identifier: str, name: str, state: RunState, hours: float, **more: Any
) -> models.Run:
    """A run that began so many hours after the start, of ``spec``, taking ``took`` seconds."""
    spec, took = more.pop("spec", sample_pipelines.mnist()), more.pop("took", None)
    created = START + timedelta(hours=hours)
    run = models.Run(
        id=identifier,
        display_name=name,
        state=state,
        created_at=created,
        finished_at=None if took is None else created + timedelta(seconds=took),
        document_digest=_document(session, spec),
        runtime_config={"parameters": more.pop("parameters", {}), "pipeline_root": ""},
        experiment_id=more.pop("experiment_id", "e-default"),
        state_history=[_change(RunState.PENDING, created), _change(state, created)],
        **more,
    )
    session.add(run)
    session.flush()
    root = models.Task(id=f"{identifier}-root", run_id=identifier, path="root", name="root")
    root.display_name, root.kind, root.component = "root", TaskKind.DAG, "root"
    session.add(root)
    session.flush()
    return run


def _change(state: RunState, moment: datetime, error: str = "") -> dict[str, str]:
    return {"state": state, "update_time": moment.isoformat(), "error": error}


def _add_task(
    session: Session,
    run: models.Run,
    identifier: str,
    name: str,
    state: RunState,
    begin: int = 0,
    took: int | None = None,
    **more: Any,
) -> None:
    """A task that began so many seconds after its run; a container has a pod."""
    idle = state in (RunState.PENDING, RunState.SKIPPED) and took is None
    started = None if idle else run.created_at + timedelta(seconds=begin)
    finished = None if took is None else run.created_at + timedelta(seconds=begin + took)
    history = [_change(RunState.PENDING, run.created_at)]
    if started:
        history.append(_change(RunState.RUNNING, started))
    if finished:
        history.append(_change(state, finished, more.get("error", "")))
    parent = more.setdefault("parent_id", f"{run.id}-root")
    kind = more.setdefault("kind", TaskKind.CONTAINER)
    task = models.Task(
        id=identifier,
        run_id=run.id,
        path=f"{parent}/{identifier}",
        name=name,
        display_name=more.pop("display_name", name),
        component=more.pop("component", f"comp-{name}"),
        state=state,
        state_history=history,
        created_at=run.created_at + timedelta(seconds=begin),
        started_at=started,
        finished_at=finished,
        attempt_count=more.pop("attempt_count", 0 if idle else 1),
        **more,
    )
    session.add(task)
    session.flush()
    if kind == TaskKind.CONTAINER and started:
        task.pod_name = f"pod-{identifier}"
        session.add(
            models.Attempt(
                task_id=identifier, run_id=run.id, number=1, pod_name=task.pod_name, state=state
            )
        )


def _add_artifacts(session: Session, run: models.Run) -> None:
    """What the steps of the lab's own run made."""
    scores = {
        "confusionMatrix": {
            "annotationSpecs": [{"displayName": digit} for digit in DIGITS],
            "rows": [{"row": row} for row in confusion()],
        },
        "confidenceMetrics": [
            {"falsePositiveRate": x, "recall": y, "confidenceThreshold": 1 - x}
            for x, y in [(0, 0), (0.01, 0.86), (0.03, 0.95), (0.1, 0.985), (0.4, 0.997), (1, 1)]
        ],
    }
    numbers = {"accuracy": 0.9921, "f1 macro": 0.9918}
    for name, task, file, schema, metadata, size in (
        ("model", "t-train", "onnx/model-v2.onnx", "Model", {}, 1_731_000),
        ("metrics", "t-evaluate", "metrics", "Metrics", numbers, 4096),
        ("classes", "t-evaluate", "classes", "ClassificationMetrics", scores, 4096),
        ("report", "t-evaluate", "Evaluate.html", "HTML", {}, 4096),
        ("checkpoints", "t-train", "checkpoints", "Artifact", {}, 4096),
    ):
        session.add(
            models.Artifact(
                id=f"a-{name}",
                run_id=run.id,
                task_id=task,
                name=name,
                schema_title=f"system.{schema}",
                uri=_uri(file),
                uri_digest=name,
                meta=metadata,
                size=size,
            )
        )


def _add_succeeded(session: Session) -> None:
    """The lab's own run, done."""
    run = _add_run(
        session,
        "run-1",
        "mnist-0302093012",
        RunState.SUCCEEDED,
        0,
        took=231,
        spec=elyra(sample_pipelines.mnist()),
        description="Submitted from the workbench",
        pipeline_id="p-1",
        pipeline_version_id="v-2",
        service_account="pipeline-runner-ds-pipeline",
        parameters={"epochs": 6, "rate": 0.001, "layers": [32, 64]},
    )
    for identifier, name, shown, state, begin, took, more in (
        (
            "t-pre-process",
            "pre-process",
            "Pre-process",
            RunState.SKIPPED,
            2,
            1,
            {
                "cached_from_id": "earlier",
                "skip_reason": "cached",
                "outputs": {"parameters": {"Output": 70000}},
            },
        ),
        (
            "t-train",
            "train",
            "Train",
            RunState.SUCCEEDED,
            4,
            178,
            {
                "inputs": {"parameters": {"rows": 70000, "rate": 0.001}},
                "outputs": {
                    "parameters": {"Output": 0.9921},
                    "artifacts": {"model": ["a-model"], "checkpoints": ["a-checkpoints"]},
                },
            },
        ),
        (
            "t-evaluate",
            "evaluate",
            "Evaluate",
            RunState.SUCCEEDED,
            184,
            31,
            {
                "inputs": {"parameters": {"score": 0.9921}},
                "outputs": {
                    "artifacts": {name: [f"a-{name}"] for name in ("metrics", "classes", "report")}
                },
            },
        ),
        ("t-evaluate-2", "evaluate-2", "Review", RunState.SUCCEEDED, 184, 44, {}),
    ):
        _add_task(session, run, identifier, name, state, begin, took, display_name=shown, **more)
    _add_artifacts(session, run)


def _add_failed(session: Session) -> None:
    """A run whose second step could not read the bucket."""
    reason = "The store refused the key of Secret aws-connection-s3-creds (SignatureDoesNotMatch)."
    run = _add_run(
        session,
        "run-2",
        "mnist with a wrong key",
        RunState.FAILED,
        1,
        took=42,
        pipeline_id="p-1",
        pipeline_version_id="v-1",
        error="Step Train failed.",
        parameters={"epochs": 3, "rate": 0.01},
    )
    done, failed = RunState.SUCCEEDED, RunState.FAILED
    _add_task(session, run, "u-1", "pre-process", done, 2, 20, display_name="Pre-process")
    _add_task(
        session,
        run,
        "u-2",
        "train",
        failed,
        24,
        18,
        display_name="Train",
        error=reason,
        attempt_count=3,
    )


def _add_running(session: Session) -> None:
    """A run with a loop, a condition and an exit handler, in the middle."""
    going, done, skipped = RunState.RUNNING, RunState.SUCCEEDED, RunState.SKIPPED
    graph, loop = {"kind": TaskKind.DAG}, {"kind": TaskKind.LOOP}
    run = _add_run(
        session,
        "run-3",
        "nested, going on",
        going,
        2,
        spec=sample_pipelines.nested(),
        experiment_id="e-tuning",
        recurring_run_id="rr-1",
        parameters={"rows": 10},
    )
    _add_task(session, run, "n-1", "exit-handler-1", going, 1, display_name="guarded", **graph)
    _add_task(session, run, "n-2", "pre-process", done, 2, 20, parent_id="n-1")
    _add_task(session, run, "n-3", "for-loop-3", going, 24, parent_id="n-1", **loop)
    for number, state in enumerate((done, RunState.FAILED, going)):
        took = None if state is going else 30 + number
        inside = {"parent_id": "n-3", "iteration": number}
        _add_task(session, run, f"n-3-{number}", str(number), state, 25, took, **inside, **graph)
        _add_task(
            session,
            run,
            f"n-4-{number}",
            "train",
            state,
            25,
            took,
            parent_id=f"n-3-{number}",
            display_name="Train",
            inputs={"parameters": {"rate": 0.1 * (number + 1)}},
            error="The container ended with exit code 1." if state is RunState.FAILED else "",
        )
    _add_task(session, run, "n-5", "condition-4", skipped, 26, parent_id="n-1", **graph)


UNSCHEDULABLE = "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."


def _add_held_up(session: Session) -> None:
    """A run whose second step finds no room."""
    run = _add_run(session, "run-held-up", "held up", RunState.RUNNING, 3)
    done, waiting = RunState.SUCCEEDED, RunState.PENDING
    _add_task(session, run, "h-1", "pre-process", done, 2, 20, display_name="Pre-process")
    _add_task(session, run, "h-2", "train", waiting, 23, display_name="Train", note=UNSCHEDULABLE)


def _add_nightly(session: Session) -> None:
    """Two months of nights."""
    for number in range(4, 64):
        state = RunState.CANCELED if number % 9 == 0 else RunState.SUCCEEDED
        _add_run(
            session,
            f"run-{number}",
            f"nightly {number}",
            state,
            -24 * number,
            took=200 + number,
            pipeline_id="p-1",
            pipeline_version_id="v-2",
            parameters={"epochs": 4, "rate": 0.001},
        )
