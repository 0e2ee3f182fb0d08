"""A project as it looks in the middle of the lab: runs in all states, artifacts of all kinds."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pipeline_server.web.view_models import (
    Artifact,
    Experiment,
    Pipeline,
    PipelineVersion,
    RecurringRun,
    RunDetail,
    RunSummary,
    State,
    StateChange,
    TaskRun,
)

from . import sample_pipelines
from .memory_source import START, MemorySource

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
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


def task(
    name: str, state: State, begin: int = 0, took: int | None = None, after: int = 0, **more: Any
) -> TaskRun:
    """A task that began so many seconds after the run."""
    begin += after * 3600
    started = None if state in (State.PENDING, State.SKIPPED) else START + timedelta(seconds=begin)
    finished = None if took is None else START + timedelta(seconds=begin + took)
    history = [StateChange(State.PENDING, START)]
    if started:
        history.append(StateChange(State.RUNNING, started))
    if finished:
        history.append(StateChange(state, finished, more.get("error", "")))
    return TaskRun(
        id=more.pop("id", f"t-{name}"),
        name=name,
        state=state,
        started_at=started,
        finished_at=finished,
        pod_name=more.pop("pod_name", f"mnist-{name}-x7k2p"),
        history=tuple(history),
        **more,
    )


def _artifact(name: str, file: str, schema: str = "system.Artifact", **more: Any) -> Artifact:
    return Artifact(
        f"a-{name}",
        name,
        schema,
        f"s3://rhods/mnist-0302/{file}",
        size=more.pop("size", 4096),
        **more,
    )


def succeeded() -> RunDetail:
    """The lab's own run, done."""
    metrics = _artifact(
        "metrics", "metrics", "system.Metrics", metadata={"accuracy": 0.9921, "f1 macro": 0.9918}
    )
    scores = _artifact(
        "classes",
        "classes",
        "system.ClassificationMetrics",
        metadata={
            "confusionMatrix": {
                "annotationSpecs": [{"displayName": digit} for digit in DIGITS],
                "rows": [{"row": row} for row in confusion()],
            },
            "confidenceMetrics": [
                {"falsePositiveRate": x, "recall": y, "confidenceThreshold": 1 - x}
                for x, y in [(0, 0), (0.01, 0.86), (0.03, 0.95), (0.1, 0.985), (0.4, 0.997), (1, 1)]
            ],
        },
    )
    page = _artifact("report", "Evaluate.html", "system.HTML")
    model = _artifact("model", "onnx/model-v2.onnx", "system.Model", size=1_731_000)
    return RunDetail(
        RunSummary(
            "run-1",
            "mnist-0302093012",
            State.SUCCEEDED,
            START,
            START + timedelta(seconds=231),
            "e-default",
            "Default",
            "p-1",
            "mnist",
            "v-2",
            "mnist-0302",
        ),
        description="Submitted from the workbench",
        parameters={"epochs": 6, "rate": 0.001, "layers": [32, 64]},
        spec=sample_pipelines.mnist(),
        tasks=(
            task(
                "pre-process",
                State.CACHED,
                2,
                1,
                display_name="Pre-process",
                outputs={"Output": 70000},
            ),
            task(
                "train",
                State.SUCCEEDED,
                4,
                178,
                display_name="Train",
                inputs={"rows": 70000, "rate": 0.001},
                outputs={"Output": 0.9921},
                output_artifacts=(model,),
            ),
            task(
                "evaluate",
                State.SUCCEEDED,
                184,
                31,
                display_name="Evaluate",
                inputs={"score": 0.9921},
                output_artifacts=(metrics, scores, page),
            ),
            task("evaluate-2", State.SUCCEEDED, 184, 44, display_name="Review"),
        ),
        pipeline_root="s3://rhods/v2/artifacts",
        service_account="pipeline-runner-ds-pipeline",
        history=(StateChange(State.PENDING, START), StateChange(State.SUCCEEDED, START)),
    )


FILES = (
    Artifact("f-nb", "Review.ipynb", uri="s3://rhods/mnist-0302/Review.ipynb", size=40_960),
    Artifact("f-png", "digits.png", uri="s3://rhods/mnist-0302/digits.png", size=900),
    Artifact("f-csv", "errors.csv", uri="s3://rhods/mnist-0302/errors.csv", size=300),
)


def failed() -> RunDetail:
    """A run whose second step could not read the bucket."""
    reason = "The store refused the key of Secret aws-connection-s3-creds (SignatureDoesNotMatch)."
    return RunDetail(
        RunSummary(
            "run-2",
            "mnist with a wrong key",
            State.FAILED,
            START + timedelta(hours=1),
            START + timedelta(hours=1, seconds=42),
            "e-default",
            "Default",
            "p-1",
            "mnist",
            "v-1",
            "first",
            error="Step Train failed.",
        ),
        parameters={"epochs": 3, "rate": 0.01},
        spec=sample_pipelines.mnist(),
        tasks=(
            task("pre-process", State.SUCCEEDED, 2, 20, 1, id="u-1", display_name="Pre-process"),
            task(
                "train",
                State.FAILED,
                24,
                18,
                1,
                id="u-2",
                display_name="Train",
                error=reason,
                attempts=3,
            ),
        ),
    )


def running() -> RunDetail:
    """A run with a loop, a condition and an exit handler, in the middle."""
    outer = task(
        "exit-handler-1", State.RUNNING, 1, display_name="guarded", id="n-1", after=2, has_log=False
    )
    loop = task("for-loop-3", State.RUNNING, 24, id="n-3", parent_id="n-1", after=2, has_log=False)
    rounds = (State.SUCCEEDED, State.FAILED, State.RUNNING)
    return RunDetail(
        RunSummary(
            "run-3",
            "nested, going on",
            State.RUNNING,
            START + timedelta(hours=2),
            None,
            "e-tuning",
            "tuning",
            recurring_run_id="rr-1",
        ),
        parameters={"rows": 10},
        spec=sample_pipelines.nested(),
        tasks=(
            outer,
            task("pre-process", State.SUCCEEDED, 2, 20, 2, id="n-2", parent_id="n-1"),
            loop,
            *(
                task(
                    "train",
                    state,
                    25,
                    None if state is State.RUNNING else 30 + number,
                    2,
                    id=f"n-4-{number}",
                    parent_id="n-3",
                    iteration=str(number),
                    display_name="Train",
                    inputs={"rate": 0.1 * (number + 1)},
                    error=""
                    if state is not State.FAILED
                    else "The container ended with exit code 1.",
                )
                for number, state in enumerate(rounds)
            ),
            task("condition-4", State.SKIPPED, id="n-5", parent_id="n-1", after=2, has_log=False),
        ),
    )


UNSCHEDULABLE = "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."


def held_up() -> RunDetail:
    """A run whose second step finds no room."""
    return RunDetail(
        RunSummary("run-held-up", "held up", State.RUNNING, START + timedelta(hours=3), None),
        spec=sample_pipelines.mnist(),
        tasks=(
            task("pre-process", State.SUCCEEDED, 2, 20, 3, display_name="Pre-process"),
            task("train", State.PENDING, after=3, display_name="Train", note=UNSCHEDULABLE),
        ),
    )


def sample_lab() -> MemorySource:
    """Everything together."""
    source = MemorySource()
    for run in (succeeded(), failed(), running(), held_up()):
        source.add(run)
    for number in range(4, 64):
        state = State.CANCELED if number % 9 == 0 else State.SUCCEEDED
        summary = replace(
            succeeded().summary,
            id=f"run-{number}",
            name=f"nightly {number}",
            state=state,
            created_at=START - timedelta(days=number),
            finished_at=START - timedelta(days=number) + timedelta(seconds=200 + number),
        )
        source.add(replace(succeeded(), summary=summary, parameters={"epochs": 4, "rate": 0.001}))
    source.logs.update({"t-train": LOG, "u-2": "Traceback\nbotocore.exceptions.ClientError\n"})
    source.logs["n-4-2"] = LOG
    source.growing.add("n-4-2")
    source.files["run-1"] = FILES
    source.contents.update(
        {
            "a-report": b"<h1>Evaluation</h1><script>document.title='ran'</script>",
            "f-nb": notebook(),
            "f-png": PIXEL,
            "f-csv": b"true,predicted,count\n4,9,12\n7,2,9\n",
            "a-model": b"\x08\x07onnx",
        }
    )
    source.pipelines["p-1"] = Pipeline(
        "p-1", "mnist", "The lab's pipeline, from the data to the ONNX model.", START
    )
    source.pipelines["p-2"] = Pipeline("p-2", "nested", "", START)
    spec = sample_pipelines.mnist()
    source.versions["p-1"] = [
        PipelineVersion("v-2", "p-1", "mnist-0302", "", START, spec),
        PipelineVersion("v-1", "p-1", "first", "", START - timedelta(days=1), spec),
    ]
    source.versions["p-2"] = [
        PipelineVersion("v-3", "p-2", "nested", "", START, sample_pipelines.nested())
    ]
    source.experiments["e-default"] = Experiment("e-default", "Default", "", START, START)
    source.experiments["e-tuning"] = Experiment("e-tuning", "tuning", "Learning rates", START)
    source.recurring["rr-1"] = RecurringRun(
        "rr-1",
        "nightly",
        True,
        "0 0 3 * * *",
        next_run_at=START,
        pipeline_id="p-1",
        pipeline_name="mnist",
    )
    source.recurring["rr-2"] = RecurringRun(
        "rr-2",
        "every two hours",
        False,
        interval_seconds=7200,
        pipeline_id="p-2",
        pipeline_name="nested",
    )
    return source
