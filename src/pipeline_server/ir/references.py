"""What of the project a run names: Secrets and ConfigMaps in ``platforms.kubernetes``; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format

from pipeline_server.ir import values
from pipeline_server.ir.graph import ROOT
from pipeline_server.ir.kubernetes import read_config
from pipeline_server.ir.pipeline import PipelineIR

# Where a config names one, and by which field.
_PLACES = (
    ("secret_as_volume", "secrets", "secret_name"),
    ("secret_as_env", "secrets", "secret_name"),
    ("image_pull_secret", "secrets", "secret_name"),
    ("config_map_as_volume", "configmaps", "config_map_name"),
    ("config_map_as_env", "configmaps", "config_map_name"),
)
# A recurring run fills its parameters' macros at each start.
_MACRO = "[["


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """A Secret or ConfigMap; without a name it is one that only the run itself will know."""

    resource: str
    name: str


def references(ir: PipelineIR, parameters: Mapping[str, Any] | None) -> set[Reference]:
    """Everything that the executors' configs name, with a run's parameters or before there are."""
    if ir.kubernetes is None:
        return set()
    found: set[Reference] = set()
    for label, raw in ir.kubernetes.deployment_spec.executors.items():
        config = read_config(json_format.MessageToDict(raw))
        for place, resource, field in _PLACES:
            for item in getattr(config, place):
                for name in _names(ir, label, item, field, parameters):
                    found.add(Reference(resource, name))
    return found


def _names(
    ir: PipelineIR, label: str, item: Any, field: str, parameters: Mapping[str, Any] | None
) -> Iterator[str]:
    """The names that a field may have; an empty one where that is not known beforehand."""
    if not item.HasField(f"{field}_parameter"):
        yield getattr(item, field)
        return
    source = getattr(item, f"{field}_parameter")
    match source.WhichOneof("kind"):
        case "runtime_value" if source.runtime_value.WhichOneof("value") == "constant":
            yield _text(values.plain(source.runtime_value.constant))
        case "component_input_parameter":
            yield from _given(ir, label, source.component_input_parameter, parameters)
        case _:
            yield ""


def _given(
    ir: PipelineIR, label: str, name: str, parameters: Mapping[str, Any] | None
) -> Iterator[str]:
    """What an executor's tasks have as an input: their own, or one of the graph around them."""
    for component in (ROOT, *ir.spec.components):
        if not ir.is_dag(component):
            continue
        for task in ir.component(component).dag.tasks.values():
            step = ir.component(task.component_ref.name)
            if step.executor_label != label:
                continue
            source = name
            if name in task.inputs.parameters:
                given = task.inputs.parameters[name]
                # A part that an expression takes out of it is another value.
                kind = None if given.parameter_expression_selector else given.WhichOneof("kind")
                if kind == "runtime_value" and given.runtime_value.HasField("constant"):
                    yield _text(values.plain(given.runtime_value.constant))
                    continue
                source = given.component_input_parameter if kind else ""
            elif name in step.input_definitions.parameters:
                source = ""
            if not source or component != ROOT or parameters is None:
                yield ""
            elif source in parameters:
                yield _text(parameters[source])


def _text(value: Any) -> str:
    text = values.to_text(value)
    return "" if _MACRO in text else text
