"""Keeping an IR once, and reading it back as a checked pipeline."""

from __future__ import annotations

import logging
from collections import OrderedDict
from threading import Lock
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pipeline_server.database.models import Document
from pipeline_server.errors import InvalidArgumentError, ServiceError, TooLargeError
from pipeline_server.ir import package
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.package import PackageTooLargeError
from pipeline_server.ir.pipeline import PipelineIR
from pipeline_server.ir.plain import TooManyValuesError

logger = logging.getLogger(__name__)

CACHED = 32


class PipelineCache:
    """The pipelines looked at last, by digest: parsing is paid once."""

    def __init__(self, size: int = CACHED) -> None:
        self._size = size
        self._pipelines: OrderedDict[str, PipelineIR] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: str, content: dict[str, Any]) -> PipelineIR:
        """The pipeline with this digest."""
        with self._lock:
            if digest in self._pipelines:
                self._pipelines.move_to_end(digest)
                return self._pipelines[digest]
        pipeline = PipelineIR(content)
        with self._lock:
            self._pipelines[digest] = pipeline
            while len(self._pipelines) > self._size:
                self._pipelines.popitem(last=False)
        return pipeline


def read_upload(content: bytes, filename: str) -> tuple[dict[str, Any], PipelineIR]:
    """A package as it was uploaded, checked."""
    try:
        document = package.read_package(content, filename)
        return document, PipelineIR(document)
    except PipelineError as error:
        raise as_service_error(error) from None


def read_inline(spec: Any) -> tuple[dict[str, Any], PipelineIR]:
    """An IR out of a request's JSON, checked."""
    try:
        document = package.read_inline(spec)
        return document, PipelineIR(document)
    except PipelineError as error:
        raise as_service_error(error) from None


def as_service_error(error: PipelineError) -> ServiceError:
    """The same, as an answer to a request."""
    if isinstance(error, PackageTooLargeError | TooManyValuesError):
        return TooLargeError(str(error))
    return InvalidArgumentError(str(error))


def store(session: Session, document: dict[str, Any]) -> str:
    """Keep a document, if it is not there yet; returns its digest."""
    digest = package.digest(document)
    if session.get(Document, digest) is None:
        try:
            with session.begin_nested():
                session.add(Document(digest=digest, content=document))
        except IntegrityError:
            logger.debug("document %s was stored by another request", digest)
    return digest
