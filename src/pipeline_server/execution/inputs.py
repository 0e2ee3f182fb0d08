"""What a task is given, and what a graph gives on; pure functions over tasks' inputs and outputs.

Both sides of a task are ``{"parameters": {name: value}, "artifacts": {name: [artifact id, …]}}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from pipeline_server.database.models import FINISHED, RunState, Task
from pipeline_server.ir import values
from pipeline_server.ir.errors import PipelineError

Sides = dict[str, dict[str, Any]]

_REFERENCE = re.compile(r"\{\{\$\.inputs\.parameters\[(?:'([^']+)'|\"([^\"]+)\")\]\}\}")
_SELECTOR = re.compile(r"\[\s*(?:\"([^\"]*)\"|'([^']*)'|(\d+))\s*\]")


class MissingInputError(Exception):
    """A task whose input nobody made, because its maker was skipped."""


def empty() -> Sides:
    """Nothing given."""
    return {"parameters": {}, "artifacts": {}}


def parameters_of(sides: Mapping[str, Any] | None) -> dict[str, Any]:
    """Parameters of a side."""
    return dict((sides or {}).get("parameters", {}))


def artifacts_of(sides: Mapping[str, Any] | None) -> dict[str, list[str]]:
    """Artifacts of a side."""
    return dict((sides or {}).get("artifacts", {}))


def resolve(
    spec: pb.PipelineTaskSpec,
    component: pb.ComponentSpec,
    graph_inputs: Mapping[str, Any],
    siblings: Mapping[str, Task],
    run_name: str,
) -> Sides:
    """The inputs of a task out of its graph's inputs and its siblings' outputs.

    Raises MissingInputError when a skipped sibling should have made a required one.
    """
    result = empty()
    given_parameters = parameters_of(graph_inputs)
    given_artifacts = artifacts_of(graph_inputs)
    definitions = component.input_definitions
    for name, item in spec.inputs.parameters.items():
        match item.WhichOneof("kind"):
            case "runtime_value":
                value = values.plain(_constant(item.runtime_value))
            case "task_output_parameter":
                source = item.task_output_parameter
                made = parameters_of(siblings[source.producer_task].outputs)
                if source.output_parameter_key not in made:
                    _check_optional(name, definitions.parameters, siblings[source.producer_task])
                    continue
                value = made[source.output_parameter_key]
            case "component_input_parameter":
                if item.component_input_parameter not in given_parameters:
                    continue
                value = given_parameters[item.component_input_parameter]
            case "task_final_status":
                producer = siblings[item.task_final_status.producer_task]
                value = final_status(producer, run_name)
            case _:
                raise PipelineError(f"input {name!r} has no value")
        if item.parameter_expression_selector:
            value = select(value, item.parameter_expression_selector)
        result["parameters"][name] = value
    result["parameters"] = {
        name: fill_references(value, result["parameters"])
        for name, value in result["parameters"].items()
    }
    _convert(result["parameters"], definitions)
    for name, item in spec.inputs.artifacts.items():
        if item.WhichOneof("kind") == "task_output_artifact":
            output = item.task_output_artifact
            producer = siblings[output.producer_task]
            artifacts = artifacts_of(producer.outputs).get(output.output_artifact_key)
            if artifacts is None:
                _check_optional(name, definitions.artifacts, producer)
                continue
        else:
            artifacts = given_artifacts.get(item.component_input_artifact)
            if artifacts is None:
                continue
        result["artifacts"][name] = artifacts
    return result


def check_complete(inputs: Sides, component: pb.ComponentSpec) -> None:
    """Raise for a required parameter that has no value after all."""
    for name, definition in component.input_definitions.parameters.items():
        optional = definition.is_optional or values.kind_of(definition) == values.Kind.TASK_CONFIG
        if name not in inputs["parameters"] and not optional:
            raise PipelineError(f"required input {name!r} has no value")


def _constant(value: pb.ValueOrRuntimeParameter) -> Any:
    if value.WhichOneof("value") == "constant_value":
        old = value.constant_value
        return json_format.ParseDict(getattr(old, str(old.WhichOneof("value"))), struct_pb2.Value())
    return value.constant


def _check_optional(name: str, known: Mapping[str, Any], producer: Task) -> None:
    definition = known.get(name)
    has_default = definition is not None and (
        definition.is_optional
        or (
            "default_value" in definition.DESCRIPTOR.fields_by_name
            and definition.HasField("default_value")
        )
    )
    if not has_default:
        raise MissingInputError(
            f"input {name!r} comes from {producer.name!r}, which is {producer.state}"
        )


def _convert(parameters: dict[str, Any], definitions: pb.ComponentInputsSpec) -> None:
    for name, definition in definitions.parameters.items():
        if parameters.get(name) is None:
            parameters.pop(name, None)
            if definition.HasField("default_value"):
                parameters[name] = values.convert(
                    name, values.plain(definition.default_value), values.kind_of(definition)
                )
            continue
        parameters[name] = values.convert(name, parameters[name], values.kind_of(definition))


def fill_references(value: Any, parameters: Mapping[str, Any]) -> Any:
    """Texts with ``{{$.inputs.parameters['x']}}`` filled in, all the way down."""
    if isinstance(value, str) and "{{$" in value:

        def replace(match: re.Match[str]) -> str:
            name = match.group(1) or match.group(2)
            if name not in parameters:
                return match.group(0)
            return values.to_text(parameters[name])

        return _REFERENCE.sub(replace, value)
    if isinstance(value, list):
        return [fill_references(item, parameters) for item in value]
    if isinstance(value, dict):
        return {key: fill_references(item, parameters) for key, item in value.items()}
    return value


def select(value: Any, expression: str) -> Any:
    """A part of a value: ``parseJson(string_value)["a"][0]``."""
    if not expression.startswith("parseJson(string_value)"):
        raise PipelineError(f"expression {expression!r} is unknown")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise PipelineError(f"expression {expression!r} needs JSON, got {value!r}") from None
    for double, single, number in _SELECTOR.findall(expression):
        key = int(number) if number else double or single
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            raise PipelineError(f"{expression!r}: there is no {key!r} in {value!r}") from None
    return value


def final_status(producer: Task, run_name: str) -> dict[str, Any]:
    """What ``dsl.PipelineTaskFinalStatus`` is made of, with upstream's word for the state.

    That is the state of ML Metadata's execution (``backend/src/v2/driver/resolve.go``), not of the
    task: COMPLETE, CACHED, FAILED, and CANCELED for one that was stopped or not begun.
    """
    complete = producer.state in {RunState.SUCCEEDED, RunState.SKIPPED}
    match producer.state:
        case RunState.SUCCEEDED:
            word = "CACHED" if producer.cached_from_id else "COMPLETE"
        case RunState.SKIPPED:
            word = "CACHED" if producer.cached_from_id else "CANCELED"
        case state:
            word = str(state)
    return {
        "state": word,
        "pipelineJobResourceName": run_name,
        "pipelineTaskName": producer.name,
        "error": {} if complete else {"code": 9, "message": producer.error},
    }


def dag_outputs(component: pb.ComponentSpec, children: Mapping[str, Task]) -> Sides:
    """What a finished graph gives on: of the branches, the one that ran."""
    result = empty()
    for key, output in component.dag.outputs.parameters.items():
        if output.WhichOneof("kind") == "value_from_oneof":
            selectors = list(output.value_from_oneof.parameter_selectors)
        else:
            selectors = [output.value_from_parameter]
        for selector in selectors:
            made = parameters_of(_outputs(children, selector.producer_subtask))
            if selector.output_parameter_key in made:
                result["parameters"][key] = made[selector.output_parameter_key]
                break
    for key, output in component.dag.outputs.artifacts.items():
        for selector in output.artifact_selectors:
            made = artifacts_of(_outputs(children, selector.producer_subtask))
            if selector.output_artifact_key in made:
                result["artifacts"][key] = made[selector.output_artifact_key]
                break
    return result


def _outputs(children: Mapping[str, Task], name: str) -> Mapping[str, Any]:
    child = children.get(name)
    return child.outputs if child is not None and child.state in FINISHED else {}


def loop_items(spec: pb.PipelineTaskSpec, inputs: Mapping[str, Any]) -> list[Any]:
    """What a loop goes over: values, or for artifacts their ids."""
    if spec.WhichOneof("iterator") == "artifact_iterator":
        name = spec.artifact_iterator.items.input_artifact
        return list(artifacts_of(inputs).get(name, []))
    items = spec.parameter_iterator.items
    if items.WhichOneof("kind") == "input_parameter":
        elements = parameters_of(inputs).get(items.input_parameter)
    else:
        elements = items.raw
    if isinstance(elements, str):
        try:
            elements = json.loads(elements)
        except ValueError:
            raise PipelineError(f"the loop goes over {elements[:80]!r}, which is no list") from None
    if not isinstance(elements, list):
        raise PipelineError(f"the loop goes over {elements!r}, which is no list")
    return elements


def iteration_inputs(
    spec: pb.PipelineTaskSpec, component: pb.ComponentSpec, inputs: Mapping[str, Any], item: Any
) -> Sides:
    """The inputs of one iteration."""
    result: Sides = {"parameters": parameters_of(inputs), "artifacts": artifacts_of(inputs)}
    if spec.WhichOneof("iterator") == "artifact_iterator":
        result["artifacts"][spec.artifact_iterator.item_input] = [item]
        return result
    name = spec.parameter_iterator.item_input
    definition = component.input_definitions.parameters.get(name)
    unknown = values.Kind.PARAMETER_TYPE_ENUM_UNSPECIFIED
    kind = unknown if definition is None else values.kind_of(definition)
    result["parameters"][name] = values.convert(name, item, kind)
    return result


def loop_outputs(component: pb.ComponentSpec, iterations: Mapping[int, Task]) -> Sides:
    """What ``dsl.Collected`` sees: lists, in the order of the items."""
    result = empty()
    ordered = [iterations[index] for index in sorted(iterations)]
    for key in component.output_definitions.parameters:
        result["parameters"][key] = [
            made[key] for task in ordered if key in (made := parameters_of(task.outputs))
        ]
    for key in component.output_definitions.artifacts:
        result["artifacts"][key] = [
            artifact for task in ordered for artifact in artifacts_of(task.outputs).get(key, [])
        ]
    return result
