"""Steps: how one is made ready, and what is made of its end. Used by engine and steps' API."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as pb
from sqlalchemy.orm import Session

from pipeline_server.database.models import Artifact, Attempt, Run, Task, new_id
from pipeline_server.execution import executor_input, names
from pipeline_server.execution.executor_input import StepContext, StepWork
from pipeline_server.execution.kubernetes_options import OptionsReader
from pipeline_server.execution.pods import KubernetesOptions, StepPod
from pipeline_server.ir import values
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.pipeline import PipelineIR
from pipeline_server.settings import Settings

# What a step may leave for people to look at without declaring it: Elyra's bootstrapper writes
# both files here for every notebook that asks for it.
REPORTS = {
    "mlpipeline-metrics": "/tmp/mlpipeline-metrics.json",  # noqa: S108 - a path in the step's pod
    "mlpipeline-ui-metadata": "/tmp/mlpipeline-ui-metadata.json",  # noqa: S108 - likewise
}


def step_token(settings: Settings, attempt_id: str) -> str:
    """The token of one attempt: it opens nothing but this attempt's own part of the API."""
    key = settings.signing_key.encode()
    return hmac.new(key, f"step:{attempt_id}".encode(), hashlib.sha256).hexdigest()


def pipeline_root(settings: Settings, run: Run, pipeline: PipelineIR) -> str:
    """Where a run's artifacts go."""
    chosen = str(run.runtime_config.get("pipeline_root") or "")
    if not chosen and pipeline.spec.default_pipeline_root.startswith(("s3://", "minio://")):
        chosen = pipeline.spec.default_pipeline_root
    base = chosen or f"s3://{settings.store_bucket}/{settings.store_prefix}/artifacts"
    return f"{base.rstrip('/')}/{names.slug(pipeline.name, 60)}/{run.id}"


def log_uri(settings: Settings, attempt: Attempt) -> str:
    """Where an attempt's log is kept."""
    return (
        f"s3://{settings.store_bucket}/{settings.store_prefix}/logs/"
        f"{attempt.run_id}/{attempt.task_id}/{attempt.number}.log"
    )


def context(settings: Settings, run: Run, task: Task, pipeline: PipelineIR) -> StepContext:
    """The names that a step's placeholders can ask for."""
    return StepContext(
        run_id=run.id,
        run_name=run.display_name,
        job_name=names.job_name(pipeline.name, run.id),
        task_id=task.id,
        task_name=task.name if task.iteration is None else task.display_name,
        pipeline_root=pipeline_root(settings, run, pipeline),
        created_at=run.created_at.isoformat(),
        scheduled_at=run.scheduled_at.isoformat(),
        elyra_url=f"{settings.step_url}/elyra" if _serves_elyra(settings.elyra_files) else "",
    )


def task_root(settings: Settings, run: Run, task: Task, pipeline: PipelineIR) -> str:
    """Where a step's artifacts go; it may write nowhere else in the store."""
    return executor_input.task_root(pipeline_root(settings, run, pipeline), task.path, task.id)


@lru_cache(maxsize=4)
def _serves_elyra(directory: str) -> bool:
    return (Path(directory) / "bootstrapper.py").is_file()


def load_artifacts(session: Session, sides: Iterable[Mapping[str, Any]]) -> dict[str, Artifact]:
    """The artifacts that tasks' inputs or outputs name."""
    wanted = {item for side in sides for ids in side.get("artifacts", {}).values() for item in ids}
    if not wanted:
        return {}
    rows = session.scalars(sa.select(Artifact).where(Artifact.id.in_(wanted)))
    return {row.id: row for row in rows}


def build_work(
    session: Session, settings: Settings, run: Run, task: Task, pipeline: PipelineIR
) -> StepWork:
    """A step with its placeholders filled in."""
    around = context(settings, run, task, pipeline)
    artifacts = load_artifacts(session, [task.inputs])
    root = task_root(settings, run, task, pipeline)
    try:
        return executor_input.build(pipeline, task.component, task.inputs, artifacts, around, root)
    except (TypeError, ValueError, KeyError, OverflowError, json_format.Error) as error:
        raise PipelineError(f"the step cannot be made ready: {error}") from error


def reports(settings: Settings, run: Run, task: Task, pipeline: PipelineIR) -> list[dict[str, str]]:
    """Files that are kept with the step's artifacts where it has written them."""
    root = task_root(settings, run, task, pipeline)
    return [
        {"name": name, "path": path, "uri": f"{root}/{name}.json"} for name, path in REPORTS.items()
    ]


def kubernetes_options(
    pipeline: PipelineIR, task: Task, graph: Task, siblings: Mapping[str, Task]
) -> KubernetesOptions:
    """What the step asks of Kubernetes; it may name inputs of the graph it stands in."""
    outputs = {name: sibling.outputs for name, sibling in siblings.items()}
    config = pipeline.kubernetes_config(task.component)
    parameters = {**graph.inputs.get("parameters", {}), **task.inputs.get("parameters", {})}
    return OptionsReader(config, parameters, outputs).read()


@dataclass(frozen=True, slots=True)
class StepPodFactory:
    """Makes the pods of steps."""

    settings: Settings

    def build(
        self,
        run: Run,
        task: Task,
        attempt: Attempt,
        work: StepWork,
        options: KubernetesOptions,
        workspace_claim: str = "",
    ) -> StepPod:
        """The pod of one attempt."""
        return StepPod(
            name=attempt.pod_name,
            run_id=run.id,
            run_name=run.display_name,
            task_id=task.id,
            task_name=task.path.removeprefix("root/"),
            number=attempt.number,
            attempt_id=attempt.id,
            token=step_token(self.settings, attempt.id),
            mode=attempt.mode,
            work=work,
            service_account=run.service_account or self.settings.service_account,
            kubernetes=options,
            workspace_claim=workspace_claim,
        )


def read_outputs(
    session: Session, run: Run, task: Task, pipeline: PipelineIR, report: Mapping[str, Any]
) -> dict[str, Any]:
    """A step's outputs out of its launcher's report, checked; artifacts are added."""
    definitions = pipeline.component(task.component).output_definitions
    made = report.get("outputs") or {}
    parameters: dict[str, Any] = {}
    for name, wanted in definitions.parameters.items():
        kind = values.kind_of(wanted)
        if name in made.get("parameters", {}):
            text = str(made["parameters"][name])
            parameters[name] = values.check(name, values.from_text(name, text, kind), kind)
        elif name in made.get("values", {}):
            parameters[name] = values.convert(name, values.whole(made["values"][name]), kind)
    artifacts: dict[str, list[str]] = {}
    for item in made.get("artifacts", []):
        name = str(item.get("name"))
        if name in definitions.artifacts:
            kind_of = definitions.artifacts[name].artifact_type
        elif name in REPORTS:
            kind_of = pb.ArtifactTypeSchema()
        else:
            continue
        sizes = [int(file.get("size") or 0) for file in item.get("files", [])]
        row = new_artifact(
            run,
            task,
            name,
            str(item.get("uri")),
            kind_of.schema_title or "system.Artifact",
            kind_of.schema_version or "0.0.1",
            item.get("metadata") or {},
            sum(sizes) if sizes else None,
        )
        session.add(row)
        artifacts[name] = [row.id]
    session.flush()
    return {"parameters": parameters, "artifacts": artifacts}


def new_artifact(
    run: Run,
    task: Task,
    name: str,
    uri: str,
    schema_title: str,
    schema_version: str,
    metadata: Any,
    size: int | None,
) -> Artifact:
    """A row of an artifact that a task made."""
    if not isinstance(metadata, dict):
        raise PipelineError(f"artifact {name!r} has metadata that is no object")
    return Artifact(
        id=new_id(),
        run_id=run.id,
        task_id=task.id,
        name=name[:255],
        schema_title=schema_title[:255],
        schema_version=schema_version[:32],
        uri=uri,
        uri_digest=uri_digest(uri),
        meta=metadata,
        size=size,
    )


def uri_digest(uri: str) -> str:
    """For an index over addresses of any length."""
    return hashlib.sha256(uri.encode()).hexdigest()
