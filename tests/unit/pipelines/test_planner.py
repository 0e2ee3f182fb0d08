"""Planning a run: which tasks begin, which are skipped, how graphs end. No cluster, no database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipeline_server.database.history import set_task_state
from pipeline_server.database.models import FINISHED, Run, RunState, Task, TaskKind, new_id
from pipeline_server.execution.inputs import final_status
from pipeline_server.execution.planner import GRAPHS, Planner
from pipeline_server.ir.pipeline import PipelineIR
from pipeline_server.services import retry

from . import pipelines

Read = Callable[[Any], PipelineIR]


class Play:
    """A run whose steps end as the test says."""

    def __init__(self, pipeline: PipelineIR, **parameters: Any) -> None:
        run = Run(
            id=new_id(), display_name="run", runtime_config={"parameters": parameters}, state="x"
        )
        self.planner = Planner(run, pipeline)
        self.planner.start()
        self.planner.advance()

    @property
    def tasks(self) -> dict[str, Task]:
        return {task.path: task for task in self.planner.tasks.values()}

    @property
    def root(self) -> Task:
        return self.tasks["root"]

    def waiting(self) -> list[str]:
        """Steps that may run now."""
        return sorted(
            path
            for path, task in self.tasks.items()
            if task.kind not in GRAPHS and task.state not in FINISHED
        )

    def succeed(self, path: str, artifacts: dict[str, list[str]] | None = None, **out: Any) -> None:
        task = self.tasks[path]
        task.outputs = {"parameters": out, "artifacts": artifacts or {}}
        set_task_state(task, RunState.SUCCEEDED)
        self.planner.advance()

    def fail(self, path: str) -> None:
        self.planner.fail(self.tasks[path], "exit code 1")
        self.planner.advance()

    def states(self) -> dict[str, str]:
        return {path: str(task.state) for path, task in self.tasks.items()}


def test_outputs_flow_from_step_to_step(read_ir: Read) -> None:
    play = Play(read_ir(pipelines.two_steps), n=4)
    assert play.waiting() == ["root/add"]
    assert play.tasks["root/add"].inputs["parameters"] == {"a": 4, "b": 1}
    play.succeed("root/add", Output=5)
    assert play.tasks["root/add-2"].inputs["parameters"] == {"a": 5, "b": 1}
    play.succeed("root/add-2", Output=6)
    assert play.root.state == RunState.SUCCEEDED


def test_a_failure_skips_what_comes_after_it(read_ir: Read) -> None:
    play = Play(read_ir(pipelines.two_steps))
    play.fail("root/add")
    assert play.states()["root/add-2"] == "SKIPPED"
    assert play.tasks["root/add-2"].skip_reason == "upstream"
    assert (play.root.state, play.root.error) == (RunState.FAILED, "add: exit code 1")


@pytest.mark.parametrize(("side", "letter"), [("heads", "H"), ("other", "T")])
def test_one_branch_runs_and_gives_its_output(read_ir: Read, side: str, letter: str) -> None:
    play = Play(read_ir(pipelines.branches), side=side)
    play.succeed("root/say", Output=side)
    [chosen] = play.waiting()
    play.succeed(chosen, Output=letter)
    assert play.root.outputs["parameters"] == {"Output": letter}
    skipped = [task for task in play.tasks.values() if task.state == RunState.SKIPPED]
    assert [task.skip_reason for task in skipped] == ["condition"]


def test_a_loop_keeps_to_its_limit_and_collects_in_order(read_ir: Read) -> None:
    play = Play(read_ir(pipelines.loop))
    assert play.waiting() == ["root/for-loop-2/0/add", "root/for-loop-2/1/add"]
    play.succeed("root/for-loop-2/1/add", Output=12)
    assert "root/for-loop-2/2/add" in play.waiting()
    play.succeed("root/for-loop-2/2/add", Output=13)
    play.succeed("root/for-loop-2/0/add", Output=11)
    assert play.tasks["root/total"].inputs["parameters"] == {"numbers": [11, 12, 13]}


def test_a_failed_iteration_ends_the_loop(read_ir: Read) -> None:
    play = Play(read_ir(pipelines.loop))
    play.fail("root/for-loop-2/0/add")
    assert "root/for-loop-2/2" not in play.tasks
    play.succeed("root/for-loop-2/1/add", Output=12)
    assert play.tasks["root/for-loop-2"].state == RunState.FAILED
    assert play.root.state == RunState.FAILED


def test_the_exit_task_runs_after_a_failure_and_sees_it(read_ir: Read) -> None:
    play = Play(read_ir(pipelines.guarded))
    play.fail("root/exit-handler-1/say")
    assert play.waiting() == ["root/read-status"]
    status = play.tasks["root/read-status"].inputs["parameters"]["status"]
    assert status["state"] == "FAILED"
    assert status["error"]["message"] == "say: exit code 1"
    play.succeed("root/read-status", Output="FAILED")
    assert play.root.state == RunState.FAILED


@pytest.mark.parametrize(
    ("state", "cached", "word"),
    [
        (RunState.SUCCEEDED, "", "COMPLETE"),
        (RunState.SKIPPED, "earlier", "CACHED"),
        (RunState.SUCCEEDED, "earlier", "CACHED"),
        (RunState.SKIPPED, "", "CANCELED"),
        (RunState.CANCELED, "", "CANCELED"),
        (RunState.FAILED, "", "FAILED"),
    ],
)
def test_the_final_status_has_upstream_s_words(state: RunState, cached: str, word: str) -> None:
    """Those of ML Metadata's executions, which an author's component compares with."""
    failed = state in {RunState.FAILED, RunState.CANCELED}
    task = Task(
        name="train", state=state, cached_from_id=cached or None, error="no room" if failed else ""
    )
    assert final_status(task, "projects/p/runs/r") == {
        "state": word,
        "pipelineJobResourceName": "projects/p/runs/r",
        "pipelineTaskName": "train",
        "error": {"code": 9, "message": "no room"} if failed else {},
    }


def test_a_pipeline_in_a_pipeline(read_ir: Read) -> None:
    play = Play(read_ir(pipelines.outer), n=1)
    play.succeed("root/inner/add", Output=2)
    assert play.tasks["root/say"].inputs["parameters"]["text"] == "got-2"
    play.succeed("root/say", Output="got-2")
    assert play.root.outputs["parameters"] == {"Output": 2}


def test_artifacts_are_handed_on_by_id(read_ir: Read) -> None:
    play = Play(read_ir(pipelines.artifacts))
    play.succeed("root/write", artifacts={"data": ["an-id"]})
    assert play.tasks["root/read"].inputs["artifacts"] == {"data": ["an-id"]}


def test_a_skipped_producer_skips_its_consumer(read_ir: Read) -> None:
    play = Play(read_ir(pipelines.two_steps))
    task = play.tasks["root/add"]
    task.skip_reason = "condition"
    set_task_state(task, RunState.SKIPPED)
    play.planner.advance()
    assert play.states()["root/add-2"] == "SKIPPED"


def test_planning_again_changes_nothing(read_ir: Read) -> None:
    play = Play(read_ir(pipelines.loop))
    again = Planner.of(play.planner.run, play.planner.pipeline, play.planner.tasks.values())
    assert again.advance() is False
    assert again.created == []


def test_a_retry_policy_reaches_the_step(read_ir: Read) -> None:
    play = Play(read_ir(pipelines.retried))
    policy = play.planner.retry_policy(play.tasks["root/say"])
    assert policy is not None
    assert policy.max_retry_count == 2


def test_a_retry_keeps_what_succeeded(read_ir: Read) -> None:
    play = Play(read_ir(pipelines.two_steps))
    play.succeed("root/add", Output=2)
    play.fail("root/add-2")
    forget, again = retry.plan(play.tasks.values(), play.planner.pipeline)
    assert forget == set()
    assert again == {play.root.id, play.tasks["root/add-2"].id}


def test_a_retry_runs_the_exit_task_again(read_ir: Read) -> None:
    play = Play(read_ir(pipelines.guarded))
    play.fail("root/exit-handler-1/say")
    play.succeed("root/read-status", Output="FAILED")
    forget, again = retry.plan(play.tasks.values(), play.planner.pipeline)
    assert play.tasks["root/read-status"].id in forget
    assert play.tasks["root/exit-handler-1/say-2"].id in forget
    assert play.tasks["root/exit-handler-1/say"].id in again


def test_kinds_of_tasks(read_ir: Read) -> None:
    play = Play(read_ir(pipelines.loop))
    kinds = {path: task.kind for path, task in play.tasks.items()}
    assert kinds["root/for-loop-2"] == TaskKind.LOOP
    assert kinds["root/for-loop-2/0"] == TaskKind.DAG
    assert kinds["root/for-loop-2/0/add"] == TaskKind.CONTAINER
