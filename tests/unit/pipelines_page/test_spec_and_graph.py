"""From the SDK's own output to steps with states, and to a drawing."""

from __future__ import annotations

from dataclasses import replace

from pipeline_server.database.models import Task
from pipeline_server.web import graph, reading
from pipeline_server.web.spec import read_graph, read_inputs
from pipeline_server.web.view_models import RunDetail, RunSummary, State

from . import sample_pipelines
from .sample_lab import UNSCHEDULABLE, Lab


def steps_of(lab: Lab, run_id: str) -> tuple[graph.Step, ...]:
    """The steps of a run of the sample."""
    return graph.steps_of(reading.get_run(lab.services, run_id))


def test_steps_come_after_what_they_wait_for() -> None:
    names = [node.display_name for node in read_graph(sample_pipelines.mnist())]
    assert names == ["Pre-process", "Train", "Evaluate", "Review"]


def test_a_spec_with_its_platforms_beside_it_reads_the_same() -> None:
    spec = sample_pipelines.mnist()
    assert read_graph({"pipeline_spec": spec, "platform_spec": {}}) == read_graph(spec)


def test_kinds_of_steps() -> None:
    handler, last = read_graph(sample_pipelines.nested())
    kinds = {node.display_name: node.kind for node in handler.children}
    assert (handler.kind, last.kind) == ("group", "exit")
    assert kinds == {"Pre-process": "container", "rates": "loop", "enough rows": "condition"}
    assert last.depends_on == (handler.name,)


def test_parameters_the_required_first_with_the_sdks_defaults() -> None:
    inputs = read_inputs(sample_pipelines.mnist())
    assert (inputs[0].name, inputs[0].required) == ("epochs", True)
    defaults = {field.name: (field.type, field.default) for field in inputs[1:]}
    assert defaults == {
        "rate": ("NUMBER_DOUBLE", 0.001),
        "tag": ("STRING", "v2"),
        "flip": ("BOOLEAN", False),
        "layers": ("LIST", [32.0, 64.0]),
    }


def test_nonsense_reads_as_no_steps() -> None:
    for spec in ({}, {"root": 3}, {"root": {"dag": {"tasks": []}}}, {"pipeline_spec": None}):
        assert read_graph(spec) == ()
        assert read_inputs(spec) == ()


def test_a_component_inside_itself_ends() -> None:
    task = {"componentRef": {"name": "a"}, "taskInfo": {"name": "again"}}
    dag = {"dag": {"tasks": {"x": task}}}
    assert read_graph({"root": dag, "components": {"a": dag}})


def test_states_of_the_steps(lab: Lab) -> None:
    states = {step.label: step.state for step in steps_of(lab, "run-2")}
    assert states == {
        "Pre-process": State.SUCCEEDED,
        "Train": State.FAILED,
        "Evaluate": State.UNKNOWN,
        "Review": State.UNKNOWN,
    }
    notes = {step.label: step.note() for step in steps_of(lab, "run-2")}
    assert notes["Evaluate"] == "did not run"
    assert notes["Pre-process"] == "Succeeded · 20 s"


def test_a_loop_counts_its_rounds(lab: Lab) -> None:
    steps = {step.key: step for step in graph.walk(steps_of(lab, "run-3"))}
    train = steps["exit-handler-1/for-loop-3/train"]
    assert train.note() == "2 of 3 done"
    assert train.state is State.FAILED
    assert steps["exit-handler-1/condition-4/evaluate"].note() == "not started"


def test_what_holds_a_step_up_is_drawn(lab: Lab) -> None:
    steps = steps_of(lab, "run-held-up")
    drawing = graph.draw(steps)
    train = next(box for box in drawing.boxes if box.step.label == "Train")
    assert train.note.startswith("Unschedulable: 0/1")
    assert len(train.note) <= graph.LONGEST_NOTE
    assert UNSCHEDULABLE in train.caption
    assert [step.label for step in graph.waiting(steps)[UNSCHEDULABLE]] == ["Train"]
    assert graph.waiting(steps_of(lab, "run-3")) == {}


def test_a_run_without_a_spec_shows_what_ran(lab: Lab) -> None:
    bare = replace(reading.get_run(lab.services, "run-1"), spec={})
    assert [step.label for step in graph.steps_of(bare)] == [
        "Pre-process",
        "Train",
        "Evaluate",
        "Review",
    ]


def test_frames_hold_their_steps(lab: Lab) -> None:
    drawing = graph.draw(steps_of(lab, "run-3"))
    frames = {box.step.key: box for box in drawing.frames}
    for box in (*drawing.boxes, *drawing.frames):
        parent = box.step.key.rpartition("/")[0]
        if parent:
            frame = frames[parent]
            assert frame.x < box.x
            assert box.x + box.width < frame.x + frame.width
            assert frame.y + graph.HEADER < box.y
            assert box.y + box.height < frame.y + frame.height
    assert all(box.x + box.width < drawing.width for box in drawing.frames)


def test_an_arrow_lives_while_its_target_runs(lab: Lab) -> None:
    for task in ("n-3-1", "n-4-1"):
        lab.change(Task, task, state="SUCCEEDED")
    drawing = graph.draw(steps_of(lab, "run-3"))
    assert [edge.state for edge in drawing.edges].count("live") == 1
    assert all(edge.path.startswith("M") for edge in drawing.edges)


def test_labels_fit_their_box() -> None:
    run = RunDetail(RunSummary("r", "r", State.RUNNING), spec=sample_pipelines.mnist())
    long = replace(read_graph(run.spec)[0], display_name="x" * 60)
    step = graph.Step("x", long, State.UNKNOWN, ())
    (box,) = graph.draw([step]).boxes
    assert len(box.label) == graph.LONGEST_LABEL
    assert box.caption.startswith("x" * 60)


def test_progress_counts_leaves_only(lab: Lab) -> None:
    assert graph.progress(steps_of(lab, "run-1")) == (4, 4)
    assert graph.progress(steps_of(lab, "run-3")) == (2, 4)
