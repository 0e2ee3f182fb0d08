"""Checks of the IR, its parameters and its conditions."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pipeline_server.ir import conditions, values
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.pipeline import PipelineIR

from . import pipelines

Change = Callable[[dict[str, Any]], None]


def root_task(spec: dict[str, Any], name: str = "add") -> dict[str, Any]:
    task: dict[str, Any] = spec["root"]["dag"]["tasks"][name]
    return task


def depend(spec: dict[str, Any]) -> None:
    root_task(spec)["dependentTasks"] = ["add-2"]


def unknown_component(spec: dict[str, Any]) -> None:
    root_task(spec)["componentRef"]["name"] = "comp-nobody"


def unknown_executor(spec: dict[str, Any]) -> None:
    spec["components"]["comp-add"]["executorLabel"] = "exec-nobody"


def unknown_upstream(spec: dict[str, Any]) -> None:
    root_task(spec)["dependentTasks"] = ["nobody"]


def missing_input(spec: dict[str, Any]) -> None:
    del root_task(spec)["inputs"]["parameters"]["b"]


def unknown_output(spec: dict[str, Any]) -> None:
    inputs = root_task(spec, "add-2")["inputs"]["parameters"]
    inputs["a"]["taskOutputParameter"]["outputParameterKey"] = "nothing"


def unknown_graph_input(spec: dict[str, Any]) -> None:
    root_task(spec)["inputs"]["parameters"]["a"] = {"componentInputParameter": "nothing"}


def no_tasks(spec: dict[str, Any]) -> None:
    spec["root"]["dag"]["tasks"] = {}


def old_schema(spec: dict[str, Any]) -> None:
    spec["schemaVersion"] = "1.0.0"


def no_image(spec: dict[str, Any]) -> None:
    spec["deploymentSpec"]["executors"]["exec-add"]["container"]["image"] = ""


def bad_condition(spec: dict[str, Any]) -> None:
    root_task(spec)["triggerPolicy"] = {"condition": "__import__('os')"}


def contain_itself(spec: dict[str, Any]) -> None:
    component = spec["components"]["comp-add"]
    del component["executorLabel"]
    given = {name: {"componentInputParameter": name} for name in ("a", "b")}
    again = {"componentRef": {"name": "comp-add"}, "inputs": {"parameters": given}}
    output = {"producerSubtask": "again", "outputParameterKey": "Output"}
    component["dag"] = {
        "tasks": {"again": again},
        "outputs": {"parameters": {"Output": {"valueFromParameter": output}}},
    }


def unknown_field(spec: dict[str, Any]) -> None:
    spec["surprise"] = 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (depend, "wait for each other"),
        (unknown_component, "unknown component 'comp-nobody'"),
        (unknown_executor, "names executor 'exec-nobody'"),
        (unknown_upstream, "depends on unknown task 'nobody'"),
        (missing_input, "required input 'b' is not given"),
        (unknown_output, "has no output 'nothing'"),
        (unknown_graph_input, "which 'root' does not have"),
        (no_tasks, "has no tasks"),
        (old_schema, "schemaVersion is 1.0.0"),
        (no_image, "has no image"),
        (bad_condition, "cannot be read"),
        (contain_itself, "contains itself"),
        (unknown_field, "is not a KFP 2 IR"),
    ],
)
def test_an_ir_that_could_not_run(spec: dict[str, Any], change: Change, reason: str) -> None:
    broken = copy.deepcopy(spec)
    change(broken)
    with pytest.raises(PipelineError, match=reason):
        PipelineIR({"pipeline_spec": broken, "platform_spec": {}})


def test_parameters_with_defaults(read_ir: Callable[[Any], PipelineIR]) -> None:
    given = read_ir(pipelines.required).parameters({"n": 3})
    assert given == {"n": 3, "word": "x", "flag": False, "ratio": 0.5}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "'n' is required"),
        ({"n": "3"}, "'n' must be an integer"),
        ({"n": 1.5}, "'n' must be an integer"),
        ({"n": True}, "'n' must be an integer"),
        ({"n": 1, "word": 5}, "'word' must be a text"),
        ({"n": 1, "flag": "yes"}, "'flag' must be true or false"),
        ({"n": 1, "ratio": "half"}, "'ratio' must be a number"),
        ({"n": 1, "other": 1}, "unknown parameters: other"),
    ],
)
def test_parameters_that_do_not_fit(
    read_ir: Callable[[Any], PipelineIR], given: dict[str, Any], reason: str
) -> None:
    with pytest.raises(PipelineError, match=reason):
        read_ir(pipelines.required).parameters(given)


INPUT = "inputs.parameter_values['{}']"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{INPUT.format('s')} == 'heads'", True),
        (f"{INPUT.format('s')} != 'heads'", False),
        (f"int({INPUT.format('n')}) > 3", True),
        (f"{INPUT.format('n')} >= 5 && {INPUT.format('f')} < 1.0", True),
        (f"!({INPUT.format('s')} == 'heads') || {INPUT.format('b')} == true", True),
        (f"!({INPUT.format('s')} == 'heads') && {INPUT.format('b')} == true", False),
        (f"{INPUT.format('b')}", True),
        (f"{INPUT.format('quote')} == 'it\\'s'", True),
        (f"{INPUT.format('n')} == '5'", False),
        ("", True),
    ],
)
def test_conditions(text: str, expected: bool) -> None:
    parameters = {"s": "heads", "n": 5, "f": 0.5, "b": True, "quote": "it's"}
    assert conditions.evaluate(text, parameters) is expected


def test_a_value_is_never_code() -> None:
    parameters = {"s": "' or '1' == '1"}
    assert conditions.evaluate(f"{INPUT.format('s')} == 'x'", parameters) is False


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{INPUT.format('absent')} == 1", "has no value"),
        (f"{INPUT.format('s')} > 1", "cannot order"),
        (f"{INPUT.format('s')} ==", "cannot be read"),
        ("1 == 1)", "goes on after its end"),
        (f"{INPUT.format('s')}", "not true or false"),
    ],
)
def test_conditions_that_cannot_be_decided(text: str, reason: str) -> None:
    with pytest.raises(PipelineError, match=reason):
        conditions.evaluate(text, {"s": "x"})


def test_whole_numbers_all_the_way_down() -> None:
    assert values.whole({"a": [1.0, 2.5, {"b": 3.0}]}) == {"a": [1, 2.5, {"b": 3}]}
    assert isinstance(values.whole(1.0), int)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("5", values.Kind.NUMBER_INTEGER, 5),
        ("True", values.Kind.BOOLEAN, True),
        ("[1]", values.Kind.LIST, [1]),
        ("as it is\n", values.Kind.STRING, "as it is\n"),
    ],
)
def test_what_a_step_wrote_into_a_file(text: str, kind: int, expected: Any) -> None:
    assert values.from_text("p", text, kind) == expected


def test_a_file_that_is_not_of_its_type() -> None:
    with pytest.raises(PipelineError, match="'p' must be a list, got the text 'oops'"):
        values.from_text("p", "oops", values.Kind.LIST)
