"""``/apis/v2beta1/pipelines``: pipelines, versions, uploads."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, File, Query, UploadFile

from pipeline_server.api import views
from pipeline_server.api.common import ListWanted, ServicesOf, list_reply
from pipeline_server.api.contract import body_of
from pipeline_server.api.messages import (
    PipelineAndVersionMessage,
    PipelineMessage,
    PipelineVersionMessage,
)
from pipeline_server.errors import InvalidArgumentError, TooLargeError
from pipeline_server.ir.package import MAXIMUM_UPLOAD
from pipeline_server.services import documents

router = APIRouter(prefix="/apis/v2beta1/pipelines", tags=["pipelines"])

Text = Annotated[str, Query()]
Package = Annotated[UploadFile, File(description="YAML, zip or tar.gz")]


@router.get("")
def list_pipelines(services: ServicesOf, wanted: ListWanted) -> Any:
    """Pipelines."""
    page = services.pipelines.list(wanted)
    return list_reply(
        "ListPipelinesResponse", page, lambda row: views.pipeline(row, services.settings)
    )


@router.post("", dependencies=[body_of("Pipeline")])
def create_pipeline(services: ServicesOf, message: PipelineMessage) -> Any:
    """Make a pipeline without versions."""
    row = services.pipelines.create(
        message.name or "", message.display_name or "", message.description or "", message.tags
    )
    return views.pipeline(row, services.settings)


@router.post("/create", dependencies=[body_of("CreatePipelineAndVersionRequest")])
def create_pipeline_and_version(services: ServicesOf, message: PipelineAndVersionMessage) -> Any:
    """Make a pipeline with its first version."""
    wanted = message.pipeline
    row, _ = services.pipelines.create_with_version(
        _inline(message.pipeline_version),
        name=wanted.name or wanted.display_name or "",
        display_name=wanted.display_name or "",
        description=wanted.description or "",
        tags=wanted.tags,
        version_name=message.pipeline_version.name or message.pipeline_version.display_name or "",
        code_source_url=message.pipeline_version.code_source_url or "",
    )
    return views.pipeline(row, services.settings)


@router.post("/upload")
def upload_pipeline(
    services: ServicesOf,
    uploadfile: Package,
    name: Text = "",
    display_name: Text = "",
    description: Text = "",
    namespace: Text = "",  # noqa: ARG001 - clients send it
    tags: Text = "",
) -> Any:
    """Upload a package as a new pipeline."""
    pipeline, _ = services.pipelines.upload(
        _read(uploadfile),
        uploadfile.filename or "",
        name=name,
        display_name=display_name,
        description=description,
        tags=_tags(tags),
    )
    return views.pipeline(pipeline, services.settings)


@router.post("/upload_version")
def upload_pipeline_version(
    services: ServicesOf,
    uploadfile: Package,
    pipelineid: Text = "",
    name: Text = "",
    display_name: Text = "",
    description: Text = "",
    tags: Text = "",
) -> Any:
    """Upload a package as a new version."""
    if not pipelineid:
        raise InvalidArgumentError("pipelineid is required")
    version = services.pipelines.upload_version(
        pipelineid,
        _read(uploadfile),
        uploadfile.filename or "",
        name=name,
        display_name=display_name,
        description=description,
        tags=_tags(tags),
    )
    return views.pipeline_version(version)


@router.get("/names/{name}")
def get_pipeline_by_name(services: ServicesOf, name: str) -> Any:
    """The pipeline of a name."""
    return views.pipeline(services.pipelines.get_by_name(name), services.settings)


@router.get("/{pipeline_id}")
def get_pipeline(services: ServicesOf, pipeline_id: str) -> Any:
    """One pipeline."""
    return views.pipeline(services.pipelines.get(pipeline_id), services.settings)


@router.patch("/{pipeline_id}", dependencies=[body_of("Pipeline")])
def update_pipeline(services: ServicesOf, pipeline_id: str, message: PipelineMessage) -> Any:
    """Change what people read of a pipeline."""
    row = services.pipelines.update(
        pipeline_id, message.display_name, message.description, message.tags
    )
    return views.pipeline(row, services.settings)


@router.delete("/{pipeline_id}")
def delete_pipeline(
    services: ServicesOf, pipeline_id: str, cascade: Annotated[bool, Query()] = False
) -> Any:
    """Delete a pipeline; one with versions when that is asked for, as ``cascade``."""
    services.pipelines.delete(pipeline_id, cascade=cascade)
    return {}


@router.get("/{pipeline_id}/versions")
def list_pipeline_versions(services: ServicesOf, pipeline_id: str, wanted: ListWanted) -> Any:
    """Versions of a pipeline."""
    page = services.pipelines.list_versions(pipeline_id, wanted)
    return list_reply("ListPipelineVersionsResponse", page, views.pipeline_version)


@router.post("/{pipeline_id}/versions", dependencies=[body_of("PipelineVersion")])
def create_pipeline_version(
    services: ServicesOf, pipeline_id: str, message: PipelineVersionMessage
) -> Any:
    """Make a version out of an inline IR."""
    if message.pipeline_id not in (None, "", pipeline_id):
        raise InvalidArgumentError(
            f"pipeline_id {message.pipeline_id!r} is not {pipeline_id!r}, which the address names"
        )
    version = services.pipelines.create_version(
        pipeline_id,
        _inline(message),
        name=message.name or message.display_name or "",
        display_name=message.display_name or "",
        description=message.description or "",
        tags=message.tags,
        code_source_url=message.code_source_url or "",
    )
    return views.pipeline_version(version)


@router.get("/{pipeline_id}/versions/{version_id}")
def get_pipeline_version(services: ServicesOf, pipeline_id: str, version_id: str) -> Any:
    """One version."""
    return views.pipeline_version(services.pipelines.get_version(pipeline_id, version_id))


@router.patch("/{pipeline_id}/versions/{version_id}", dependencies=[body_of("PipelineVersion")])
def update_pipeline_version(
    services: ServicesOf, pipeline_id: str, version_id: str, message: PipelineVersionMessage
) -> Any:
    """Change what people read of a version."""
    services.pipelines.update_version(
        pipeline_id, version_id, message.display_name, message.description, message.tags
    )
    return views.pipeline_version(services.pipelines.get_version(pipeline_id, version_id))


@router.delete("/{pipeline_id}/versions/{version_id}")
def delete_pipeline_version(services: ServicesOf, pipeline_id: str, version_id: str) -> Any:
    """Delete a version."""
    services.pipelines.delete_version(pipeline_id, version_id)
    return {}


def _inline(message: PipelineVersionMessage) -> dict[str, Any]:
    if message.pipeline_spec is None:
        if message.package_url is not None:
            raise InvalidArgumentError(
                "this server fetches no package_url; send a pipeline_spec or upload the file"
            )
        raise InvalidArgumentError("pipeline_spec is required")
    document, _ = documents.read_inline(message.pipeline_spec)
    return document


def _read(upload: UploadFile) -> bytes:
    content = upload.file.read(MAXIMUM_UPLOAD + 1)
    if len(content) > MAXIMUM_UPLOAD:
        raise TooLargeError(f"{upload.filename} is larger than {MAXIMUM_UPLOAD} bytes (32 MiB)")
    return content


def _tags(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        raise InvalidArgumentError("tags must be a JSON object") from None
