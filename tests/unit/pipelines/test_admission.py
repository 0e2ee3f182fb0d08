"""What is refused of an IR and of its values, and that nothing which the SDK writes is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kfp import compiler, components, dsl
from kfp.dsl.base_component import BaseComponent
from sdk_pipelines import constructs, faulty, kubernetes_pipelines

from pipeline_server.ir import conditions, package, plain, values
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.pipeline import PipelineIR

# A component as Elyra writes it, with defaults as texts, as the first SDK had them.
OLD_COMPONENT = """
name: Run a file
inputs:
- {name: count, type: Integer, default: '5'}
- {name: ratio, type: Float, default: '0.5'}
- {name: flag, type: Boolean, default: 'true'}
- {name: names, type: JsonArray, default: '["a"]'}
- {name: text, type: String, default: ''}
implementation:
  container:
    image: image:1
    command: [sh, -c]
    args: [echo, {inputValue: count}, {inputValue: text}]
"""


@dsl.pipeline(name="old-component")
def old_component():
    run = components.load_component_from_text(OLD_COMPONENT)
    run(count=3)
    run(text="{{workflow.uid}}")


def cluster_pipelines() -> list[Any]:
    """Every pipeline that the cluster's suite runs."""
    modules = [constructs, faulty, kubernetes_pipelines]
    values = {id(value): value for module in modules for value in vars(module).values()}
    return [value for value in values.values() if isinstance(value, BaseComponent)]


@pytest.mark.parametrize(
    "pipeline", [*cluster_pipelines(), old_component], ids=lambda pipeline: str(pipeline.name)
)
def test_what_the_sdk_writes_is_taken(pipeline: Any, tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    assert PipelineIR(package.read_package(path.read_bytes())).name == pipeline.name


def constant(value: Any) -> dict[str, Any]:
    return {"runtimeValue": {"constant": value}}


def long_task(spec: dict[str, Any]) -> None:
    spec["root"]["dag"]["tasks"]["t" * 256] = spec["root"]["dag"]["tasks"].pop("add-2")


def long_component(spec: dict[str, Any]) -> None:
    spec["components"]["c" * 256] = spec["components"]["comp-add-2"]


def long_display_name(spec: dict[str, Any]) -> None:
    spec["pipelineInfo"]["displayName"] = "p" * 256


def text_for_a_number(spec: dict[str, Any]) -> None:
    spec["root"]["dag"]["tasks"]["add"]["inputs"]["parameters"]["b"] = constant("banana")


def fraction_for_a_number(spec: dict[str, Any]) -> None:
    spec["root"]["dag"]["tasks"]["add"]["inputs"]["parameters"]["b"] = constant(1.5)


def text_as_default(spec: dict[str, Any]) -> None:
    spec["root"]["inputDefinitions"]["parameters"]["n"]["defaultValue"] = "banana"


def unknown_input(spec: dict[str, Any]) -> None:
    spec["root"]["dag"]["tasks"]["add"]["inputs"]["parameters"]["surprise"] = constant(1)


def unknown_artifact(spec: dict[str, Any]) -> None:
    spec["root"]["inputDefinitions"]["artifacts"] = {
        "data": {"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}}
    }
    spec["root"]["dag"]["tasks"]["add"]["inputs"]["artifacts"] = {
        "data": {"componentInputArtifact": "data"}
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (long_task, "the name of a task has 256 characters"),
        (long_component, "the name of a component has 256 characters"),
        (long_display_name, r"pipelineInfo\.displayName has 256 characters"),
        (text_for_a_number, "'b' must be an integer, got the text 'banana'"),
        (fraction_for_a_number, r"'b' must be an integer, got 1\.5"),
        (text_as_default, "'default of n' must be an integer"),
        (unknown_input, "its component has no input 'surprise'; it knows: a, b"),
        (unknown_artifact, "its component has no artifact 'data'"),
    ],
)
def test_an_ir_that_is_refused(
    spec: dict[str, Any], change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    broken = copy.deepcopy(spec)
    change(broken)
    with pytest.raises(PipelineError, match=reason):
        PipelineIR({"pipeline_spec": broken, "platform_spec": {}})


def test_a_number_as_the_first_sdk_wrote_it(spec: dict[str, Any]) -> None:
    spec["root"]["inputDefinitions"]["parameters"]["n"]["defaultValue"] = "5"
    assert PipelineIR({"pipeline_spec": spec, "platform_spec": {}}).parameters({}) == {"n": 5}


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"pvcMount": "banana"}, "executor 'exec-add' cannot be read"),
        ({"activeDeadlineSeconds": 9e15}, "activeDeadlineSeconds 9000000000000000 must be"),
        ({"activeDeadlineSeconds": "-1"}, "activeDeadlineSeconds -1 must be"),
    ],
)
def test_what_is_asked_of_kubernetes(spec: dict[str, Any], config: Any, reason: str) -> None:
    executors = {"exec-add": config}
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
    with pytest.raises(PipelineError, match=reason):
        PipelineIR({"pipeline_spec": spec, "platform_spec": platform})


def test_a_deadline_of_the_whole_run(spec: dict[str, Any]) -> None:
    config = {"pipelineConfig": {"activeDeadlineSeconds": "9000000000000000"}}
    with pytest.raises(PipelineError, match="activeDeadlineSeconds"):
        PipelineIR({"pipeline_spec": spec, "platform_spec": {"platforms": {"kubernetes": config}}})


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "it: a.0 is nan, which JSON has no number for"),
        (float("inf"), "is inf"),
        (10**400, "is an integer of more than 64 bits"),
        (-(2**63) - 1, "is an integer of more than 64 bits"),
        ("\ud800", "half of a surrogate pair"),
        ({"\udfff": 1}, "half of a surrogate pair"),
        ({1: 1}, "key 1 of it must be a text"),
        (b"bytes", "has no form in JSON"),
    ],
)
def test_values_that_nothing_can_keep(value: Any, reason: str) -> None:
    with pytest.raises(PipelineError, match=reason):
        plain.check({"a": [value]}, "it")


def test_values_that_can_be_kept() -> None:
    plain.check({"a": [2**63 - 1, -(2**63), 1e300, "😀", None, True]}, "it")


@pytest.mark.parametrize("text", [b"a: .nan", b"a: [-.inf]", b"a: 1" + b"0" * 400])
def test_a_yaml_with_numbers_that_json_has_not(text: bytes) -> None:
    with pytest.raises(PipelineError, match="the pipeline: a"):
        package.read_yaml(text)


def test_an_inline_pipeline_is_as_large_as_an_upload_may_be(
    spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "MAXIMUM_DOCUMENT", 1000)
    with pytest.raises(package.PackageTooLargeError, match="the limit is 1000"):
        package.read_inline(spec)


@pytest.mark.parametrize(
    "value", [10**400, float("nan"), 1e300, "\ud800"], ids=["long", "nan", "1e300", "surrogate"]
)
def test_a_parameter_that_is_no_integer(value: Any) -> None:
    with pytest.raises(PipelineError, match="parameter 'n'"):
        values.check("n", value, values.Kind.NUMBER_INTEGER)


def test_a_large_number_stays_one() -> None:
    assert values.whole(1e300) == 1e300
    assert isinstance(values.whole(1e300), float)
    assert values.check("x", 1e300, values.Kind.NUMBER_DOUBLE) == 1e300


@pytest.mark.parametrize(
    "text", ["int('1e999') == 1", "1e999 > 1", "int(inputs.parameter_values['x']) > 1"]
)
def test_numbers_in_conditions_that_are_none(text: str) -> None:
    with pytest.raises(PipelineError, match="condition"):
        conditions.evaluate(text, {"x": float("inf")})
