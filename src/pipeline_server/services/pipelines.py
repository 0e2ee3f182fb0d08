"""Uploaded pipelines and their versions."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload

from pipeline_server.database.connection import Database
from pipeline_server.database.models import Document, Pipeline, PipelineVersion
from pipeline_server.database.types import LongText
from pipeline_server.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    NotFoundError,
)
from pipeline_server.ir.pipeline import PipelineIR
from pipeline_server.services import checks, documents
from pipeline_server.services.listing import Listing, ListRequest, Page
from pipeline_server.services.permissions import Permissions

PIPELINES = Listing(
    Pipeline,
    {
        "pipeline_id": Pipeline.id,
        "id": Pipeline.id,
        "name": Pipeline.name,
        "display_name": Pipeline.display_name,
        "description": Pipeline.description,
        "created_at": Pipeline.created_at,
    },
    Pipeline.id,
    tags=Pipeline.tags,
)
VERSIONS = Listing(
    PipelineVersion,
    {
        "pipeline_version_id": PipelineVersion.id,
        "pipeline_id": PipelineVersion.pipeline_id,
        "id": PipelineVersion.id,
        "name": PipelineVersion.name,
        "display_name": PipelineVersion.display_name,
        "description": PipelineVersion.description,
        "created_at": PipelineVersion.created_at,
        # A version is there when its upload is through, and not before.
        "status": sa.literal("READY"),
        "pipeline_spec": sa.select(sa.type_coerce(Document.content, LongText))
        .where(Document.digest == PipelineVersion.document_digest)
        .correlate(PipelineVersion)
        .scalar_subquery(),
    },
    PipelineVersion.id,
    tags=PipelineVersion.tags,
)


class PipelineService:
    """Asks and changes pipelines."""

    def __init__(self, database: Database, permissions: Permissions) -> None:
        self._database = database
        self._permissions = permissions

    def list(self, request: ListRequest) -> Page[Pipeline]:
        """Pipelines."""
        with self._database.session() as session:
            return PIPELINES.page(session, request)

    def get(self, pipeline_id: str) -> Pipeline:
        """One pipeline."""
        with self._database.session() as session:
            return find(session, pipeline_id)

    def get_by_name(self, name: str) -> Pipeline:
        """The pipeline of this name."""
        with self._database.session() as session:
            found = session.scalar(sa.select(Pipeline).where(Pipeline.name == name))
            if found is None:
                raise NotFoundError(f"there is no pipeline named {name!r}")
            return found

    def create(
        self,
        name: str = "",
        display_name: str = "",
        description: str = "",
        tags: Any = None,
    ) -> Pipeline:
        """Make a pipeline without versions."""
        try:
            with self._database.session() as session:
                return _add_pipeline(session, name, display_name, description, tags)
        except IntegrityError:
            raise _taken(name or display_name) from None

    def upload(
        self,
        content: bytes,
        filename: str,
        *,
        name: str = "",
        display_name: str = "",
        description: str = "",
        tags: Any = None,
    ) -> tuple[Pipeline, PipelineVersion]:
        """Check and keep a package as a new pipeline with its first version."""
        document, ir = documents.read_upload(content, filename)
        return self.create_with_version(
            document,
            name=name or display_name or re.sub(r"(\.tar\.gz|\.[^.]*)$", "", filename) or ir.name,
            display_name=display_name,
            description=description,
            tags=tags,
        )

    def create_with_version(
        self,
        document: dict[str, Any],
        *,
        name: str,
        display_name: str = "",
        description: str = "",
        tags: Any = None,
        version_name: str = "",
        code_source_url: str = "",
    ) -> tuple[Pipeline, PipelineVersion]:
        """Keep a checked document as a new pipeline with its first version."""
        try:
            with self._database.session() as session:
                pipeline = _add_pipeline(session, name, display_name, description, tags)
                version = _add_version(
                    session,
                    pipeline,
                    document,
                    name=version_name or pipeline.name,
                    description=description,
                    tags=tags,
                    code_source_url=code_source_url,
                )
                return pipeline, version
        except IntegrityError:
            raise _taken(name) from None

    def update(self, pipeline_id: str, display_name: Any, description: Any, tags: Any) -> Pipeline:
        """Change what people read."""
        with self._database.session() as session:
            pipeline = find(session, pipeline_id)
            _update(pipeline, display_name, description, tags)
            return pipeline

    def delete(self, pipeline_id: str, *, cascade: bool = True) -> None:
        """Delete a pipeline with its versions; its runs stay."""
        with self._database.session() as session:
            pipeline = find(session, pipeline_id)
            versions = session.scalar(
                sa.select(sa.func.count())
                .select_from(PipelineVersion)
                .where(PipelineVersion.pipeline_id == pipeline_id)
            )
            if versions and not cascade:
                raise FailedPreconditionError(
                    f"pipeline {pipeline.name!r} has {versions} versions; "
                    "delete them first, or ask with cascade=true"
                )
            session.delete(pipeline)

    def list_versions(self, pipeline_id: str, request: ListRequest) -> Page[PipelineVersion]:
        """Versions of a pipeline, each with its document."""
        with self._database.session() as session:
            find(session, pipeline_id)
            return VERSIONS.page(
                session,
                request,
                {"pipeline_id": pipeline_id},
                options=[selectinload(PipelineVersion.document)],
            )

    def get_version(self, pipeline_id: str, version_id: str = "") -> PipelineVersion:
        """One version with its document; the newest when no id is given."""
        with self._database.session() as session:
            find(session, pipeline_id)
            return find_version(session, pipeline_id, version_id)

    def upload_version(
        self,
        pipeline_id: str,
        content: bytes,
        filename: str,
        *,
        name: str = "",
        display_name: str = "",
        description: str = "",
        tags: Any = None,
    ) -> PipelineVersion:
        """Check and keep a package as a new version."""
        document, _ = documents.read_upload(content, filename)
        return self.create_version(
            pipeline_id,
            document,
            name=name or display_name or filename,
            display_name=display_name,
            description=description,
            tags=tags,
        )

    def create_version(
        self,
        pipeline_id: str,
        document: dict[str, Any],
        *,
        name: str,
        display_name: str = "",
        description: str = "",
        tags: Any = None,
        code_source_url: str = "",
    ) -> PipelineVersion:
        """Keep a checked document as a new version.

        A recurring run may follow the newest one, so that its author has to be allowed what it
        names, whatever parameters it will get.
        """
        self._permissions.check(PipelineIR(document), None)
        try:
            with self._database.session() as session:
                return _add_version(
                    session,
                    find(session, pipeline_id),
                    document,
                    name=name,
                    display_name=display_name,
                    description=description,
                    tags=tags,
                    code_source_url=code_source_url,
                )
        except IntegrityError:
            raise AlreadyExistsError(f"the pipeline has a version {name!r} already") from None

    def update_version(
        self, pipeline_id: str, version_id: str, display_name: Any, description: Any, tags: Any
    ) -> PipelineVersion:
        """Change what people read."""
        with self._database.session() as session:
            version = find_version(session, pipeline_id, version_id)
            _update(version, display_name, description, tags)
            return version

    def delete_version(self, pipeline_id: str, version_id: str) -> None:
        """Delete a version; its runs stay."""
        with self._database.session() as session:
            session.delete(find_version(session, pipeline_id, version_id))


def find(session: Session, pipeline_id: str) -> Pipeline:
    """The pipeline, or NotFoundError."""
    pipeline = session.get(Pipeline, pipeline_id)
    if pipeline is None:
        raise NotFoundError(f"there is no pipeline {pipeline_id!r}")
    return pipeline


def find_version(
    session: Session, pipeline_id: str | None, version_id: str | None
) -> PipelineVersion:
    """A version with its document, or NotFoundError; the newest where no id is given."""
    statement = sa.select(PipelineVersion).options(joinedload(PipelineVersion.document))
    if pipeline_id:
        statement = statement.where(PipelineVersion.pipeline_id == pipeline_id)
    if version_id:
        statement = statement.where(PipelineVersion.id == version_id)
    order = (PipelineVersion.created_at.desc(), PipelineVersion.id)
    version = session.scalar(statement.order_by(*order).limit(1))
    if version is None:
        raise NotFoundError(
            f"there is no version {version_id!r} of pipeline {pipeline_id!r}"
            if version_id
            else f"pipeline {pipeline_id!r} has no versions"
        )
    return version


def _add_pipeline(
    session: Session, name: str, display_name: str, description: str, tags: Any
) -> Pipeline:
    name = checks.name(name or display_name, "name", limit=checks.MAXIMUM_PIPELINE_NAME)
    pipeline = Pipeline(
        name=name,
        display_name=checks.name(display_name or name, "display_name"),
        description=checks.text(description, "description"),
        tags=checks.tags(tags),
    )
    session.add(pipeline)
    session.flush()
    return pipeline


def _add_version(
    session: Session,
    pipeline: Pipeline,
    document: dict[str, Any],
    *,
    name: str,
    display_name: str = "",
    description: str = "",
    tags: Any = None,
    code_source_url: str = "",
) -> PipelineVersion:
    name = checks.name(name or display_name, "name", limit=checks.MAXIMUM_VERSION_NAME)
    version = PipelineVersion(
        pipeline_id=pipeline.id,
        name=name,
        display_name=checks.name(display_name or name, "display_name"),
        description=checks.text(description, "description"),
        tags=checks.tags(tags),
        code_source_url=checks.text(code_source_url, "code_source_url", 2048),
        document_digest=documents.store(session, document),
    )
    session.add(version)
    session.flush()
    session.refresh(version, ["document"])
    return version


def _update(
    row: Pipeline | PipelineVersion, display_name: Any, description: Any, tags: Any
) -> None:
    if display_name is not None:
        row.display_name = checks.name(display_name, "display_name")
    if description is not None:
        row.description = checks.text(description, "description")
    if tags is not None:
        row.tags = checks.tags(tags)


def _taken(name: str) -> AlreadyExistsError:
    return AlreadyExistsError(f"there is a pipeline named {name!r} already")
