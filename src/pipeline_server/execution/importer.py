"""``dsl.importer``: an artifact that exists already, named by its URI. It needs no pod."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from google.protobuf import json_format
from sqlalchemy.orm import Session

from pipeline_server.database.models import Artifact, Run, Task
from pipeline_server.execution import inputs as flow
from pipeline_server.execution import steps
from pipeline_server.ir import values
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.pipeline import IMAGE, PipelineIR, not_pulled

OUTPUT = "artifact"


def run(session: Session, run_row: Run, task: Task, pipeline: PipelineIR) -> dict[str, Any]:
    """The outputs of an importer: the artifact known of old, or a new one."""
    spec = pipeline.executor(task.component).importer
    parameters = task.inputs.get("parameters", {})
    uri = _uri(spec, parameters)
    metadata = flow.fill_references(
        values.whole(json_format.MessageToDict(spec.metadata)), parameters
    )
    title = spec.type_schema.schema_title or "system.Artifact"
    definitions = pipeline.component(task.component).output_definitions.artifacts
    name = next(iter(definitions), OUTPUT)
    if not spec.reimport:
        known = session.scalar(
            sa.select(Artifact)
            .where(
                Artifact.uri_digest == steps.uri_digest(uri),
                Artifact.uri == uri,
                Artifact.schema_title == title,
            )
            .order_by(Artifact.created_at.desc())
            .limit(1)
        )
        if known is not None and known.meta == metadata:
            return {"parameters": {}, "artifacts": {name: [known.id]}}
    row = steps.new_artifact(
        run_row,
        task,
        name,
        uri,
        title,
        spec.type_schema.schema_version or "0.0.1",
        metadata,
        None,
    )
    session.add(row)
    session.flush()
    return {"parameters": {}, "artifacts": {name: [row.id]}}


def _uri(spec: Any, parameters: dict[str, Any]) -> str:
    if spec.artifact_uri.WhichOneof("value") == "runtime_parameter":
        found = parameters.get(spec.artifact_uri.runtime_parameter, parameters.get("uri"))
    else:
        found = flow.fill_references(values.plain(spec.artifact_uri.constant), parameters)
    if not isinstance(found, str) or "://" not in found:
        raise PipelineError(f"the importer's uri {found!r} must read like s3://bucket/key")
    if found.startswith(IMAGE):
        raise PipelineError(not_pulled(found))
    return found
