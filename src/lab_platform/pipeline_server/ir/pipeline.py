"""A checked pipeline: the protobuf messages, with what is asked of them most."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from . import conditions, values
from .errors import PipelineError

ROOT = "root"
EXECUTOR_KINDS = ("container", "importer")


class PipelineIR:
    """A pipeline's IR. Making one does all the checks that need no parameters."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.spec: pb.PipelineSpec = _parse(
            document.get("pipeline_spec"), pb.PipelineSpec(), "pipeline"
        )
        self.deployment: pb.PipelineDeploymentConfig = _parse(
            json_format.MessageToDict(self.spec.deployment_spec),
            pb.PipelineDeploymentConfig(),
            "deploymentSpec",
        )
        self.platform: pb.PlatformSpec = _parse(
            document.get("platform_spec") or {}, pb.PlatformSpec(), "platforms"
        )
        check(self)

    @property
    def name(self) -> str:
        """The pipeline's own name."""
        return str(self.spec.pipeline_info.name)

    @property
    def root(self) -> pb.ComponentSpec:
        """The outermost graph."""
        return self.spec.root

    def component(self, name: str) -> pb.ComponentSpec:
        """A component; ``root`` is the outermost graph."""
        return self.spec.root if name == ROOT else self.spec.components[name]

    def executor(self, component: str) -> pb.PipelineDeploymentConfig.ExecutorSpec:
        """What runs a component that is not a graph."""
        return self.deployment.executors[self.component(component).executor_label]

    def is_dag(self, component: str) -> bool:
        """Whether a component is a graph."""
        return bool(self.component(component).WhichOneof("implementation") == "dag")

    @cached_property
    def kubernetes(self) -> pb.SinglePlatformSpec | None:
        """What the pipeline asks of Kubernetes."""
        return self.platform.platforms.get("kubernetes", None)

    def keep_seconds(self, succeeded: bool) -> int:
        """How long the author wants a finished run's pods to be kept; 0 is not said."""
        if self.kubernetes is None:
            return 0
        config = self.kubernetes.pipelineConfig
        own = config.resource_ttl_on_success if succeeded else config.resource_ttl_on_failure
        return int(own or config.resource_ttl_on_completion)

    def kubernetes_config(self, component: str) -> dict[str, Any]:
        """What a component's executor asks of Kubernetes, as it was written."""
        if self.kubernetes is None:
            return {}
        label = self.component(component).executor_label
        executors = self.kubernetes.deployment_spec.executors
        return json_format.MessageToDict(executors[label]) if label in executors else {}

    def parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The run's parameters: checked, with defaults; optional ones may be absent."""
        known = self.root.input_definitions.parameters
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise PipelineError(
                f"unknown parameters: {', '.join(unknown)}; "
                f"the pipeline knows: {', '.join(sorted(known)) or 'none'}"
            )
        return fill(known, given)

    def components_used(self) -> Iterator[str]:
        """Components that can be reached from the root."""
        seen: set[str] = set()
        stack = [ROOT]
        while stack:
            name = stack.pop()
            if name in seen:
                continue
            seen.add(name)
            yield name
            if self.is_dag(name):
                stack.extend(
                    task.component_ref.name for task in self.component(name).dag.tasks.values()
                )


def fill(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by their definitions: checked, defaults in place, required ones there."""
    filled: dict[str, Any] = {}
    for name, spec in known.items():
        value = given.get(name)
        if value is None:
            if spec.HasField("default_value"):
                filled[name] = values.convert(
                    name, values.plain(spec.default_value), values.kind_of(spec)
                )
            elif not spec.is_optional:
                raise PipelineError(f"parameter {name!r} is required and was not given")
            continue
        value = values.check(name, value, values.kind_of(spec))
        allowed = [values.plain(item) for item in spec.literals]
        if allowed and value not in allowed:
            raise PipelineError(f"parameter {name!r} must be one of {allowed}, got {value!r}")
        filled[name] = value
    return filled


def _parse(content: Any, message: Any, what: str) -> Any:
    if not isinstance(content, dict):
        raise PipelineError(f"the {what} must be an object")
    try:
        return json_format.ParseDict(content, message, max_recursion_depth=100)
    except (json_format.ParseError, TypeError, ValueError, RecursionError) as error:
        raise PipelineError(f"the {what} is not a KFP 2 IR: {error}") from None


def check(ir: PipelineIR) -> None:
    """Raise for an IR that could not run, naming the place."""
    spec = ir.spec
    if not spec.schema_version.startswith("2."):
        raise PipelineError(
            f"schemaVersion is {spec.schema_version or 'missing'}; this server runs 2.x"
        )
    if not spec.pipeline_info.name:
        raise PipelineError("pipelineInfo.name is missing")
    if spec.root.WhichOneof("implementation") != "dag":
        raise PipelineError("root must be a dag")
    if not spec.root.dag.tasks:
        raise PipelineError("the pipeline has no tasks")
    for name in (ROOT, *spec.components):
        component = ir.component(name)
        implementation = component.WhichOneof("implementation")
        if implementation == "dag":
            _check_dag(ir, name)
        elif implementation == "executor_label":
            _check_executor(ir, name)
        else:
            raise PipelineError(f"component {name!r} has neither a dag nor an executorLabel")
    _check_nesting(ir)


def _check_executor(ir: PipelineIR, name: str) -> None:
    label = ir.component(name).executor_label
    if label not in ir.deployment.executors:
        raise PipelineError(f"component {name!r} names executor {label!r}, which is not there")
    executor = ir.deployment.executors[label]
    kind = executor.WhichOneof("spec")
    if kind not in EXECUTOR_KINDS:
        raise PipelineError(
            f"executor {label!r} is of kind {kind or 'none'}; "
            f"this server runs {' and '.join(EXECUTOR_KINDS)}"
        )
    if kind == "container" and not executor.container.image:
        raise PipelineError(f"executor {label!r} has no image")


def _check_dag(ir: PipelineIR, name: str) -> None:
    dag = ir.component(name).dag
    for task_name, task in dag.tasks.items():
        where = f"task {task_name!r} of {name!r}"
        if task.component_ref.name not in ir.spec.components:
            raise PipelineError(f"{where} is of unknown component {task.component_ref.name!r}")
        for upstream in task.dependent_tasks:
            if upstream not in dag.tasks:
                raise PipelineError(f"{where} depends on unknown task {upstream!r}")
        _check_inputs(ir, name, task_name)
        if task.trigger_policy.condition:
            conditions.check(task.trigger_policy.condition, where)
        if task.retry_policy.max_retry_count < 0:
            raise PipelineError(f"{where}: maxRetryCount must not be negative")
        factor = task.retry_policy.backoff_factor
        if factor < 0 or not math.isfinite(factor):
            raise PipelineError(f"{where}: backoffFactor must be a positive number")
        if task.iterator_policy.parallelism_limit < 0:
            raise PipelineError(f"{where}: parallelismLimit must not be negative")
    _check_acyclic(dag, name)
    for key, artifact in dag.outputs.artifacts.items():
        for selector in artifact.artifact_selectors:
            _check_subtask(ir, name, key, selector.producer_subtask, selector.output_artifact_key)
    for key, output in dag.outputs.parameters.items():
        selectors = (
            output.value_from_oneof.parameter_selectors
            if output.WhichOneof("kind") == "value_from_oneof"
            else [output.value_from_parameter]
        )
        for selector in selectors:
            _check_subtask(ir, name, key, selector.producer_subtask, selector.output_parameter_key)


def _check_subtask(ir: PipelineIR, name: str, key: str, subtask: str, output: str) -> None:
    dag = ir.component(name).dag
    if subtask not in dag.tasks:
        raise PipelineError(f"output {key!r} of {name!r} comes from unknown task {subtask!r}")
    produced = ir.spec.components[dag.tasks[subtask].component_ref.name].output_definitions
    if output not in produced.parameters and output not in produced.artifacts:
        raise PipelineError(
            f"output {key!r} of {name!r} comes from {subtask!r}, which has no output {output!r}"
        )


def _check_inputs(ir: PipelineIR, name: str, task_name: str) -> None:
    component = ir.component(name)
    tasks = component.dag.tasks
    task = tasks[task_name]
    target = ir.spec.components[task.component_ref.name]
    where = f"task {task_name!r} of {name!r}"

    def check_producer(key: str, producer: str, output: str, kind: str) -> None:
        if producer not in tasks:
            raise PipelineError(f"{where}: input {key!r} comes from unknown task {producer!r}")
        produced = ir.spec.components.get(tasks[producer].component_ref.name)
        if produced is not None and output not in getattr(produced.output_definitions, kind):
            raise PipelineError(
                f"{where}: input {key!r} comes from {producer!r}, which has no output {output!r}"
            )

    for key, item in task.inputs.parameters.items():
        match item.WhichOneof("kind"):
            case "task_output_parameter":
                source = item.task_output_parameter
                check_producer(key, source.producer_task, source.output_parameter_key, "parameters")
            case "task_final_status":
                if item.task_final_status.producer_task not in tasks:
                    raise PipelineError(f"{where}: input {key!r} asks for an unknown task's status")
            case "component_input_parameter":
                if item.component_input_parameter not in component.input_definitions.parameters:
                    raise PipelineError(
                        f"{where}: input {key!r} is {item.component_input_parameter!r}, "
                        f"which {name!r} does not have"
                    )
            case "runtime_value":
                if item.runtime_value.WhichOneof("value") == "runtime_parameter":
                    raise PipelineError(f"{where}: input {key!r} is a runtimeParameter of KFP 1")
            case _:
                raise PipelineError(f"{where}: input {key!r} has no value")
    for key, item in task.inputs.artifacts.items():
        match item.WhichOneof("kind"):
            case "task_output_artifact":
                source = item.task_output_artifact
                check_producer(key, source.producer_task, source.output_artifact_key, "artifacts")
            case "component_input_artifact":
                if item.component_input_artifact not in component.input_definitions.artifacts:
                    raise PipelineError(
                        f"{where}: input {key!r} is {item.component_input_artifact!r}, "
                        f"which {name!r} does not have"
                    )
            case _:
                raise PipelineError(f"{where}: input {key!r} has no source")
    given = set(task.inputs.parameters) | {
        task.parameter_iterator.item_input,
        task.artifact_iterator.item_input,
    }
    for key, wanted in target.input_definitions.parameters.items():
        special = values.kind_of(wanted) == values.Kind.TASK_CONFIG
        if key not in given and not (
            wanted.is_optional or wanted.HasField("default_value") or special
        ):
            raise PipelineError(f"{where}: required input {key!r} is not given")
    artifacts = set(task.inputs.artifacts) | {task.artifact_iterator.item_input}
    for key, artifact in target.input_definitions.artifacts.items():
        if key not in artifacts and not artifact.is_optional:
            raise PipelineError(f"{where}: required artifact {key!r} is not given")


def upstream_tasks(task: pb.PipelineTaskSpec) -> set[str]:
    """All tasks of the same graph that a task waits for."""
    found = set(task.dependent_tasks)
    for item in task.inputs.parameters.values():
        kind = item.WhichOneof("kind")
        if kind == "task_output_parameter":
            found.add(item.task_output_parameter.producer_task)
        elif kind == "task_final_status":
            found.add(item.task_final_status.producer_task)
    for artifact in task.inputs.artifacts.values():
        if artifact.WhichOneof("kind") == "task_output_artifact":
            found.add(artifact.task_output_artifact.producer_task)
    return found


def _check_acyclic(dag: pb.DagSpec, name: str) -> None:
    waiting = {key: upstream_tasks(task) for key, task in dag.tasks.items()}
    while waiting:
        ready = [key for key, upstream in waiting.items() if not upstream & waiting.keys()]
        if not ready:
            raise PipelineError(f"the tasks of {name!r} wait for each other: {sorted(waiting)}")
        for key in ready:
            del waiting[key]


def _check_nesting(ir: PipelineIR) -> None:
    """No graph within itself."""
    state: dict[str, int] = {}

    def visit(name: str, depth: int) -> None:
        if state.get(name) == 1:
            raise PipelineError(f"component {name!r} contains itself")
        if depth > 30:
            raise PipelineError("the pipeline's graphs are nested deeper than 30")
        if state.get(name) == 2 or not ir.is_dag(name):
            return
        state[name] = 1
        for task in ir.component(name).dag.tasks.values():
            visit(task.component_ref.name, depth + 1)
        state[name] = 2

    visit(ROOT, 0)
