"""What a step's command is given: the executor input, placeholders filled in, and where its
outputs go. The SDK's own modules do the work where they can.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format
from kfp import dsl
from kfp.local import executor_input_utils, placeholder_utils
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from pipeline_server.database.models import Artifact
from pipeline_server.ir import values
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.pipeline import PipelineIR

LOCAL_PREFIXES = {"s3://": "/s3/", "minio://": "/minio/", "gs://": "/gcs/", "oci://": "/oci/"}
PARAMETER_DIRECTORY = "/tmp/kfp/outputs"  # noqa: S108 - in the step's container, as upstream
# Below the task's local root, from whose address ``dsl.get_uri()`` takes its own.
OUTPUT_FILE = "executor_output.json"
WORKSPACE_DIRECTORY = "/kfp-workspace"
# Stands for the beginning of what looks like a placeholder and is none: a component's own text.
_OTHER_MARK = "{{<other>"
_WORKSPACE_MARK = "\x00workspace\x00"

# Where Elyra's steps fetch their bootstrapper and requirements unless they are told otherwise.
_ELYRA = re.compile(
    r"https://raw\.githubusercontent\.com/elyra-ai/elyra/[^/\s'\"]+/"
    r"(?:elyra/kfp/(bootstrapper\.py)|etc/generic/(requirements-elyra\.txt))"
)
_PLACEHOLDER = re.compile(r"\{\{\$\.(.*?)\}\}", re.DOTALL)
_INPUT = re.compile(r"inputs\.(parameters|artifacts)\[(?:'([^']*)'|\"([^\"]*)\")\]")
_PATH = re.compile(r"\{\{\$\.(inputs|outputs)\.artifacts\[(?:'([^']+)'|\"([^\"]+)\")\]\.path\}\}")


@dataclass(frozen=True, slots=True)
class StepContext:
    """The names that placeholders can ask for."""

    run_id: str
    run_name: str
    job_name: str
    task_id: str
    task_name: str
    pipeline_root: str
    created_at: str
    scheduled_at: str
    elyra_url: str = ""


@dataclass(frozen=True, slots=True)
class StepWork:
    """A step, ready to run."""

    image: str
    command: list[str]
    arguments: list[str]
    environment: dict[str, str]
    resources: dict[str, Any]
    executor_input: dict[str, Any]
    parameters: dict[str, str] = field(default_factory=dict)
    artifacts: list[dict[str, str]] = field(default_factory=list)
    input_artifacts: list[Artifact] = field(default_factory=list)


def local_path(uri: str) -> str:
    """Where an artifact lies inside the container, as ``dsl.Artifact.path`` has it."""
    for prefix, directory in LOCAL_PREFIXES.items():
        if uri.startswith(prefix):
            return directory + uri.removeprefix(prefix)
    return uri


def output_file(root: str) -> str:
    """Where the SDK's executor says what it made."""
    return f"{local_path(root)}/{OUTPUT_FILE}"


def task_root(pipeline_root: str, path: str, task_id: str) -> str:
    """Where a step's artifacts go."""
    inner = path.removeprefix("root/")
    return f"{pipeline_root.rstrip('/')}/{inner}/{task_id}"


def build(
    pipeline: PipelineIR,
    component_name: str,
    inputs: Mapping[str, Any],
    artifacts: Mapping[str, Artifact],
    context: StepContext,
    root: str,
) -> StepWork:
    """Everything that a step's container is given."""
    component = pipeline.component(component_name)
    container = pipeline.executor(component_name).container
    message = executor_input_utils.construct_executor_input(
        component_spec=component,
        arguments={},
        task_root=root,
        block_input_artifact=False,
    )
    _set_artifacts(message, inputs, artifacts)
    message.outputs.output_file = output_file(root)
    for name, parameter in message.outputs.parameters.items():
        parameter.output_file = f"{PARAMETER_DIRECTORY}/{name}"
    _set_parameters(message, inputs)
    document = executor_input_utils.executor_input_to_dict(message, component)
    _write_whole_numbers(document, component)
    fill = _Filler(document, context)
    used = [artifacts[item] for ids in inputs.get("artifacts", {}).values() for item in ids]
    return StepWork(
        image=fill.text(container.image),
        command=fill.words(container.command),
        arguments=fill.words(container.args),
        environment={item.name: fill.text(item.value) for item in container.env},
        resources=resources(container.resources, fill.text),
        executor_input=fill.document,
        parameters={
            name: parameter.output_file for name, parameter in message.outputs.parameters.items()
        },
        artifacts=[
            {"name": name, "uri": item.artifacts[0].uri, "path": local_path(item.artifacts[0].uri)}
            for name, item in message.outputs.artifacts.items()
        ],
        input_artifacts=list({artifact.id: artifact for artifact in used}.values()),
    )


def _set_artifacts(
    message: pb.ExecutorInput, inputs: Mapping[str, Any], artifacts: Mapping[str, Artifact]
) -> None:
    for name, ids in inputs.get("artifacts", {}).items():
        for item in ids:
            row = artifacts[item]
            runtime = message.inputs.artifacts[name].artifacts.add(
                name=row.name,
                uri=row.uri,
                type=pb.ArtifactTypeSchema(
                    schema_title=row.schema_title, schema_version=row.schema_version
                ),
            )
            runtime.metadata.update(row.meta or {})


def _set_parameters(message: pb.ExecutorInput, inputs: Mapping[str, Any]) -> None:
    """What was given, nulls within it, too; optional ones that nobody gave are absent."""
    message.inputs.parameter_values.clear()
    for name, value in inputs.get("parameters", {}).items():
        json_format.ParseDict(value, message.inputs.parameter_values[name])


def _write_whole_numbers(document: dict[str, Any], component: pb.ComponentSpec) -> None:
    """Protobuf knows only floats: a whole number is an integer again, as upstream writes it."""
    given = document.get("inputs", {})
    known = component.input_definitions.parameters
    for name, value in given.get("parameterValues", {}).items():
        if name not in known or values.kind_of(known[name]) != values.Kind.NUMBER_DOUBLE:
            given["parameterValues"][name] = values.whole(value)
    for item in given.get("artifacts", {}).values():
        for artifact in item.get("artifacts", []):
            artifact["metadata"] = values.whole(artifact.get("metadata", {}))


_CONSTANTS = {
    text.removeprefix("{{$.").removesuffix("}}")
    for text in (
        dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
        dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        dsl.PIPELINE_TASK_NAME_PLACEHOLDER,
        dsl.PIPELINE_TASK_ID_PLACEHOLDER,
        dsl.PIPELINE_ROOT_PLACEHOLDER,
        "{{$.outputs.output_file}}",
        "{{$.outputMetadataUri}}",
    )
}


class _Filler:
    """Fills in the placeholders of one step, with the SDK's own rules."""

    def __init__(self, document: dict[str, Any], context: StepContext) -> None:
        self._context = context
        self._known = {
            dsl.PIPELINE_TASK_ID_PLACEHOLDER: context.task_id,
            dsl.PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER: context.job_name,
            dsl.PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER: context.created_at,
            dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER: context.scheduled_at,
            # The SDK's own answer is for its local runner: it must not see this one.
            dsl.WORKSPACE_PATH_PLACEHOLDER: _WORKSPACE_MARK,
            WORKSPACE_DIRECTORY: _WORKSPACE_MARK,
            "{{workflow.uid}}": context.run_id,
            "{{workflow.name}}": context.run_id,
            "{{workflow.namespace}}": "",
        }
        self._paths = {
            (side, name): local_path(item["artifacts"][0]["uri"])
            for side in ("inputs", "outputs")
            for name, item in document.get(side, {}).get("artifacts", {}).items()
            if item.get("artifacts")
        }
        self.document = self._walk(document)

    def words(self, words: Sequence[str]) -> list[str]:
        """A command's words; what was not given drops out."""
        return self._replace([self._early(word) for word in words])

    def text(self, text: str) -> str:
        """One text."""
        if "{{" not in text:
            return text
        return "".join(self._replace([self._early(text)]))

    def _early(self, text: str) -> str:
        """What the SDK has no or another answer for."""
        for placeholder, value in self._known.items():
            text = text.replace(placeholder, value)
        if self._context.elyra_url:
            text = _ELYRA.sub(
                lambda match: f"{self._context.elyra_url}/{match.group(1) or match.group(2)}", text
            )

        def path(match: re.Match[str]) -> str:
            side, single, double = match.groups()
            name = single or double
            if (side, name) not in self._paths:
                raise PipelineError(f"{match.group(0)}: there is no such artifact")
            return self._paths[side, name]

        if text.startswith(('{"Concat": ', '{"IfPresent": ')):
            return json.dumps(_each_text(json.loads(text), lambda item: _PATH.sub(path, item)))
        return _PATH.sub(path, text)

    def _walk(self, value: Any) -> Any:
        """Values of inputs can hold placeholders, too."""
        return _each_text(value, self._names)

    def _names(self, text: str) -> str:
        for placeholder, known in {
            **self._known,
            dsl.PIPELINE_JOB_NAME_PLACEHOLDER: self._context.run_name,
            dsl.PIPELINE_JOB_ID_PLACEHOLDER: self._context.run_id,
            dsl.PIPELINE_TASK_NAME_PLACEHOLDER: self._context.task_name,
            dsl.PIPELINE_ROOT_PLACEHOLDER: self._context.pipeline_root,
        }.items():
            text = text.replace(placeholder, known)
        return text

    def _only_known(self, text: str) -> str:
        """The text, what only looks like a placeholder set aside; a missing input is an error."""
        branches = text.startswith(('{"Concat": ', '{"IfPresent": '))

        def keep(match: re.Match[str]) -> str:
            inner = match.group(1)
            if inner in _CONSTANTS:
                return match.group(0)
            if not re.match(r"(inputs|outputs)\.(parameters|artifacts)\[", inner):
                return match.group(0).replace("{{$.", _OTHER_MARK)
            wanted = _INPUT.match(inner)
            if wanted and not branches:
                kind = "parameterValues" if wanted.group(1) == "parameters" else "artifacts"
                name = wanted.group(2) or wanted.group(3) or ""
                if name not in self.document.get("inputs", {}).get(kind, {}):
                    raise PipelineError(f"{match.group(0)}: the step has no such input")
            return match.group(0)

        return _PLACEHOLDER.sub(keep, text)

    def _replace(self, words: list[str]) -> list[str]:
        try:
            filled = placeholder_utils.replace_placeholders(
                full_command=[self._only_known(word) for word in words],
                executor_input_dict=_each_text(self.document, _without_placeholders),
                pipeline_resource_name=self._context.run_name,
                task_resource_name=self._context.task_name,
                pipeline_root=self._context.pipeline_root,
                unique_pipeline_id=self._context.run_id,
            )
        except (ValueError, KeyError, IndexError, TypeError, RuntimeError) as error:
            raise PipelineError(f"a placeholder of the command cannot be filled: {error}") from None
        mark = json.dumps(_WORKSPACE_MARK)[1:-1]
        return [
            word.replace(_WORKSPACE_MARK, WORKSPACE_DIRECTORY)
            .replace(mark, WORKSPACE_DIRECTORY)
            .replace(_OTHER_MARK, "{{$.")
            for word in filled
        ]


def _without_placeholders(text: str) -> str:
    """A value: whatever it says has been filled in, or is not for us."""
    return text.replace("{{$.", _OTHER_MARK)


def _each_text(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _each_text(item, change) for key, item in value.items()}
    return value


def resources(
    spec: pb.PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec, fill: Any
) -> dict[str, Any]:
    """Requests and limits as Kubernetes wants them, from the newer texts or the older numbers."""
    limits: dict[str, str] = {}
    requests: dict[str, str] = {}
    for target, name, text, number, unit in (
        (limits, "cpu", spec.resource_cpu_limit, spec.cpu_limit, ""),
        (limits, "memory", spec.resource_memory_limit, spec.memory_limit, "G"),
        (requests, "cpu", spec.resource_cpu_request, spec.cpu_request, ""),
        (requests, "memory", spec.resource_memory_request, spec.memory_request, "G"),
    ):
        if text:
            target[name] = fill(text)
        elif number:
            target[name] = f"{number:g}{unit}"
    accelerator = spec.accelerator
    kind = fill(accelerator.resource_type) or accelerator.type
    count = fill(accelerator.resource_count) or (
        str(accelerator.count) if accelerator.count else ""
    )
    if kind and count and count != "0":
        limits[kind] = count
        requests[kind] = count
    return {key: value for key, value in (("limits", limits), ("requests", requests)) if value}


def as_json(message: Any) -> dict[str, Any]:
    """A message as plain JSON."""
    return dict(json_format.MessageToDict(message))
