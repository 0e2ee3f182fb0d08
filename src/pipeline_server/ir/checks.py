"""All that can be wrong with an IR before it has parameters: it is refused, naming the place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from pipeline_server.ir import conditions, kubernetes, values
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.graph import ROOT, upstream_tasks
from pipeline_server.ir.messages import PipelineMessages

MAXIMUM_NAME = 255
EXECUTOR_KINDS = ("container", "importer")
CHANNEL = "pipelinechannel--"
# Beside a component's own inputs the SDK gives these, for limits that are parameters.
HELPERS = {f"{what}_{kind}" for what in ("cpu", "memory") for kind in ("limit", "request")} | {
    "accelerator_type",
    "accelerator_count",
    "accelerator_limit",
    "container_image",
}


def check(ir: PipelineMessages) -> None:
    """Raise for an IR that could not run, naming the place."""
    spec = ir.spec
    if not spec.schema_version.startswith("2."):
        raise PipelineError(
            f"schemaVersion is {spec.schema_version or 'missing'}; this server runs 2.x"
        )
    if not spec.pipeline_info.name:
        raise PipelineError("pipelineInfo.name is missing")
    _check_name(spec.pipeline_info.name, "pipelineInfo.name")
    _check_name(spec.pipeline_info.display_name, "pipelineInfo.displayName")
    if spec.root.WhichOneof("implementation") != "dag":
        raise PipelineError("root must be a dag")
    if not spec.root.dag.tasks:
        raise PipelineError("the pipeline has no tasks")
    for name in (ROOT, *spec.components):
        component = ir.component(name)
        _check_name(name, "the name of a component")
        _check_definitions(component, name)
        implementation = component.WhichOneof("implementation")
        if implementation == "dag":
            _check_dag(ir, name)
        elif implementation == "executor_label":
            _check_executor(ir, name)
        else:
            raise PipelineError(f"component {name!r} has neither a dag nor an executorLabel")
    _check_nesting(ir)
    if ir.kubernetes is not None:
        kubernetes.check(ir.kubernetes)


def _check_name(name: str, what: str) -> None:
    """Names are kept in columns of this length."""
    if len(name) > MAXIMUM_NAME:
        raise PipelineError(
            f"{what} has {len(name)} characters ({name[:40]!r}…); the limit is {MAXIMUM_NAME}"
        )


def _check_definitions(component: pb.ComponentSpec, name: str) -> None:
    """Defaults are of their parameters' types."""
    for key, wanted in component.input_definitions.parameters.items():
        if wanted.HasField("default_value"):
            _check_constant(
                f"default of {key}", values.plain(wanted.default_value), wanted, repr(name)
            )


def _check_constant(key: str, value: Any, wanted: Any, where: str) -> None:
    """A value written into the IR, as far as a run would take it.

    Null is none, a text may be filled in later, and the first SDK wrote numbers as texts.
    """
    if value is None or (isinstance(value, str) and "{{$" in value):
        return
    try:
        values.convert(key, value, values.kind_of(wanted))
    except PipelineError as error:
        raise PipelineError(f"{where}: {error}") from None


def _check_executor(ir: PipelineMessages, name: str) -> None:
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


def _check_dag(ir: PipelineMessages, name: str) -> None:
    dag = ir.component(name).dag
    for task_name, task in dag.tasks.items():
        where = f"task {task_name!r} of {name!r}"
        _check_name(task_name, "the name of a task")
        if task.component_ref.name not in ir.spec.components:
            raise PipelineError(f"{where} is of unknown component {task.component_ref.name!r}")
        for upstream in task.dependent_tasks:
            if upstream not in dag.tasks:
                raise PipelineError(f"{where} depends on unknown task {upstream!r}")
        _Inputs(ir, name, task_name).check()
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


def _check_subtask(ir: PipelineMessages, name: str, key: str, subtask: str, output: str) -> None:
    dag = ir.component(name).dag
    if subtask not in dag.tasks:
        raise PipelineError(f"output {key!r} of {name!r} comes from unknown task {subtask!r}")
    produced = ir.spec.components[dag.tasks[subtask].component_ref.name].output_definitions
    if output not in produced.parameters and output not in produced.artifacts:
        raise PipelineError(
            f"output {key!r} of {name!r} comes from {subtask!r}, which has no output {output!r}"
        )


@dataclass(frozen=True)
class _Inputs:
    """The inputs of one task: each comes from somewhere, and none is missing."""

    ir: PipelineMessages
    graph_name: str
    task_name: str

    @property
    def graph(self) -> pb.ComponentSpec:
        return self.ir.component(self.graph_name)

    @property
    def task(self) -> pb.PipelineTaskSpec:
        return self.graph.dag.tasks[self.task_name]

    @property
    def wanted(self) -> pb.ComponentInputsSpec:
        """What the task's component takes."""
        return self.ir.spec.components[self.task.component_ref.name].input_definitions

    @property
    def where(self) -> str:
        return f"task {self.task_name!r} of {self.graph_name!r}"

    def check(self) -> None:
        """Look at all of them."""
        given = self.task.inputs
        _check_known(self.where, "input", given.parameters, self.wanted.parameters)
        _check_known(self.where, "artifact", given.artifacts, self.wanted.artifacts)
        for key, parameter in given.parameters.items():
            self._check_parameter(key, parameter)
        for key, artifact in given.artifacts.items():
            self._check_artifact(key, artifact)
        self._check_given()

    def _check_parameter(self, key: str, item: pb.TaskInputsSpec.InputParameterSpec) -> None:
        where = f"{self.where}: input {key!r}"
        match item.WhichOneof("kind"):
            case "task_output_parameter":
                source = item.task_output_parameter
                self._check_producer(
                    where, source.producer_task, source.output_parameter_key, "parameters"
                )
            case "task_final_status":
                if item.task_final_status.producer_task not in self.graph.dag.tasks:
                    raise PipelineError(f"{where} asks for an unknown task's status")
            case "component_input_parameter":
                known = self.graph.input_definitions.parameters
                self._check_outer(where, item.component_input_parameter, known)
            case "runtime_value":
                if item.runtime_value.WhichOneof("value") == "runtime_parameter":
                    raise PipelineError(f"{where} is a runtimeParameter of KFP 1")
                constant = item.runtime_value.WhichOneof("value") == "constant"
                whole = not item.parameter_expression_selector
                if constant and whole and key in self.wanted.parameters:
                    value = values.plain(item.runtime_value.constant)
                    _check_constant(key, value, self.wanted.parameters[key], self.where)
            case _:
                raise PipelineError(f"{where} has no value")

    def _check_artifact(self, key: str, item: pb.TaskInputsSpec.InputArtifactSpec) -> None:
        where = f"{self.where}: input {key!r}"
        match item.WhichOneof("kind"):
            case "task_output_artifact":
                source = item.task_output_artifact
                self._check_producer(
                    where, source.producer_task, source.output_artifact_key, "artifacts"
                )
            case "component_input_artifact":
                known = self.graph.input_definitions.artifacts
                self._check_outer(where, item.component_input_artifact, known)
            case _:
                raise PipelineError(f"{where} has no source")

    def _check_producer(self, where: str, producer: str, output: str, kind: str) -> None:
        tasks = self.graph.dag.tasks
        if producer not in tasks:
            raise PipelineError(f"{where} comes from unknown task {producer!r}")
        produced = self.ir.spec.components.get(tasks[producer].component_ref.name)
        if produced is not None and output not in getattr(produced.output_definitions, kind):
            raise PipelineError(f"{where} comes from {producer!r}, which has no output {output!r}")

    def _check_outer(self, where: str, source: str, known: Any) -> None:
        """An input of the graph around it."""
        if source not in known:
            raise PipelineError(f"{where} is {source!r}, which {self.graph_name!r} does not have")

    def _check_given(self) -> None:
        """What the component cannot do without."""
        task = self.task
        given = set(task.inputs.parameters) | {
            task.parameter_iterator.item_input,
            task.artifact_iterator.item_input,
        }
        for key, definition in self.wanted.parameters.items():
            special = values.kind_of(definition) == values.Kind.TASK_CONFIG
            if key not in given and not (
                definition.is_optional or definition.HasField("default_value") or special
            ):
                raise PipelineError(f"{self.where}: required input {key!r} is not given")
        artifacts = set(task.inputs.artifacts) | {task.artifact_iterator.item_input}
        for key, artifact in self.wanted.artifacts.items():
            if key not in artifacts and not artifact.is_optional:
                raise PipelineError(f"{self.where}: required artifact {key!r} is not given")


def _check_known(where: str, what: str, given: Any, known: Any) -> None:
    """No input that nobody asked for; the SDK adds its channels, for texts to be filled from."""
    unknown = sorted(
        key
        for key in given
        if key not in known and key not in HELPERS and not key.startswith(CHANNEL)
    )
    if unknown:
        raise PipelineError(
            f"{where}: its component has no {what} {unknown[0]!r}; "
            f"it knows: {', '.join(sorted(known)) or 'none'}"
        )


def _check_acyclic(dag: pb.DagSpec, name: str) -> None:
    waiting = {key: upstream_tasks(task) for key, task in dag.tasks.items()}
    while waiting:
        ready = [key for key, upstream in waiting.items() if not upstream & waiting.keys()]
        if not ready:
            raise PipelineError(f"the tasks of {name!r} wait for each other: {sorted(waiting)}")
        for key in ready:
            del waiting[key]


def _check_nesting(ir: PipelineMessages) -> None:
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
