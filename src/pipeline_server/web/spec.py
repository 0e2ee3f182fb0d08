"""Reads a pipeline's compiled form (KFP v2 IR): its steps, what they wait for, its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEEPEST = 16
COMPLETED_STRATEGY = "ALL_UPSTREAM_TASKS_COMPLETED"


@dataclass(frozen=True, slots=True)
class SpecNode:
    """A step of the pipeline as written, before anything ran."""

    name: str
    display_name: str
    kind: str = "container"
    detail: str = ""
    depends_on: tuple[str, ...] = ()
    children: tuple[SpecNode, ...] = ()


@dataclass(frozen=True, slots=True)
class InputField:
    """A parameter of the pipeline."""

    name: str
    type: str = "STRING"
    default: Any = None
    required: bool = True
    description: str = ""
    choices: tuple[Any, ...] = ()


def pipeline_spec(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pipeline's own part of a spec that may carry a platform part beside it."""
    for key in ("pipeline_spec", "pipelineSpec"):
        inner = spec.get(key)
        if isinstance(inner, Mapping):
            return inner
    return spec


def pipeline_name(spec: Mapping[str, Any]) -> str:
    """Name the author gave the pipeline."""
    return str(_map(pipeline_spec(spec).get("pipelineInfo")).get("name") or "")


def read_graph(spec: Mapping[str, Any]) -> tuple[SpecNode, ...]:
    """Top-level steps, each with the steps inside it."""
    ir = pipeline_spec(spec)
    return _read_dag(ir, _map(_map(ir.get("root")).get("dag")), 0)


def read_inputs(spec: Mapping[str, Any]) -> tuple[InputField, ...]:
    """Parameters a run may be given, those that must be given first."""
    definitions = _map(_map(pipeline_spec(spec).get("root")).get("inputDefinitions"))
    fields = [
        _read_input(name, _map(item)) for name, item in _map(definitions.get("parameters")).items()
    ]
    return tuple(sorted(fields, key=lambda field: not field.required))


def _read_input(name: str, item: Mapping[str, Any]) -> InputField:
    default = item.get("defaultValue")
    literals = item.get("literals")
    return InputField(
        name=name,
        type=str(item.get("parameterType") or item.get("type") or "STRING"),
        default=default,
        required=default is None and not item.get("isOptional", False),
        description=str(item.get("description") or ""),
        choices=tuple(literals) if isinstance(literals, list) else (),
    )


def _read_dag(ir: Mapping[str, Any], dag: Mapping[str, Any], depth: int) -> tuple[SpecNode, ...]:
    tasks = _map(dag.get("tasks"))
    return _in_order(
        [_read_task(ir, name, _map(task), frozenset(tasks), depth) for name, task in tasks.items()]
    )


def _in_order(nodes: list[SpecNode]) -> tuple[SpecNode, ...]:
    """Steps after those they wait for; the compiler sorts them by name instead."""
    ordered: dict[str, SpecNode] = {}
    waiting = list(nodes)
    while waiting:
        ready = [node for node in waiting if all(name in ordered for name in node.depends_on)]
        for node in ready or waiting:  # a cycle is the server's to refuse; here it is only shown
            ordered[node.name] = node
        waiting = [node for node in waiting if node.name not in ordered]
    return tuple(ordered.values())


def _read_task(
    ir: Mapping[str, Any],
    name: str,
    task: Mapping[str, Any],
    siblings: frozenset[str],
    depth: int,
) -> SpecNode:
    reference = str(_map(task.get("componentRef")).get("name") or "")
    component = _map(_map(ir.get("components")).get(reference))
    inner = _map(component.get("dag"))
    label = str(component.get("executorLabel") or "")
    executor = _map(_map(_map(ir.get("deploymentSpec")).get("executors")).get(label))
    kind, detail = _classify(task, inner, executor)
    children = _read_dag(ir, inner, depth + 1) if inner and depth < DEEPEST else ()
    return SpecNode(
        name=name,
        display_name=str(_map(task.get("taskInfo")).get("name") or name),
        kind=kind,
        detail=detail,
        depends_on=tuple(sorted((_producers(task) - {name}) & siblings)),
        children=children,
    )


def _classify(
    task: Mapping[str, Any], inner: Mapping[str, Any], executor: Mapping[str, Any]
) -> tuple[str, str]:
    trigger = _map(task.get("triggerPolicy"))
    if trigger.get("condition"):
        return "condition", str(trigger["condition"])
    if task.get("parameterIterator") or task.get("artifactIterator"):
        limit = _map(task.get("iteratorPolicy")).get("parallelismLimit")
        return "loop", f"at most {limit} at once" if limit else ""
    if trigger.get("strategy") == COMPLETED_STRATEGY:
        return "exit", "runs whatever happens before it"
    if inner:
        return "group", ""
    if "importer" in executor:
        return "importer", ""
    return "container", str(_map(executor.get("container")).get("image") or "")


def _producers(task: Mapping[str, Any]) -> set[str]:
    found = {str(name) for name in task.get("dependentTasks") or ()}
    pending: list[Any] = [task.get("inputs")]
    while pending:
        item = pending.pop()
        if isinstance(item, Mapping):
            producer = item.get("producerTask")
            if isinstance(producer, str):
                found.add(producer)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return found


def _map(item: Any) -> Mapping[str, Any]:
    return item if isinstance(item, Mapping) else {}
