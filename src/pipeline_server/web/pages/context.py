"""What all pages share: the services, the templates, forms, redirects."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline_server.errors import NotFoundError, ServiceError, TooLargeError
from pipeline_server.services.collection import Services
from pipeline_server.services.listing import ListRequest, Predicate
from pipeline_server.web import artifacts, formatting, reading, security
from pipeline_server.web.metrics import Reader
from pipeline_server.web.notebook import render_markdown
from pipeline_server.web.refusals import Refusal
from pipeline_server.web.view_models import Artifact, RunFilter, State

HERE = Path(__file__).resolve().parent.parent
PAGE_SIZES = (10, 20, 50, 100)
NEWEST_FIRST = "created_at desc"
# Of what is chosen from a list: more than anybody has, and than anybody reads.
EVERY = ListRequest(page_size=100, sort_by=NEWEST_FIRST)
SMALL_FILE = 512 * 1024
SHOWN_FILE = 16 * 1024 * 1024
NOTICES = {
    "terminated": "Stopping the run.",
    "retried": "The failed part runs again.",
    "archived": "Moved to the archive.",
    "unarchived": "Taken out of the archive.",
    "deleted": "Deleted.",
    "uploaded": "Uploaded and checked.",
    "created": "Created.",
    "started": "The run has started.",
    "scheduled": "The recurring run is set up.",
    "enabled": "Switched on.",
    "disabled": "Switched off.",
}


def static_version() -> str:
    """Changes with any static file, so that a browser never mixes old and new."""
    digest = hashlib.sha256()
    for path in sorted((HERE / "static").iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(
        moment=formatting.moment,
        machine=formatting.machine_moment,
        size=formatting.size,
        number=formatting.number,
        value=formatting.value,
        period=formatting.period,
        file_name=artifacts.file_name,
        viewer=artifacts.viewer,
        schema=artifacts.short_schema,
        query=lambda values: urlencode({k: v for k, v in values.items() if v}),
    )
    environment.globals.update(
        duration=formatting.duration, State=State, markdown=render_markdown, notices=NOTICES
    )
    return environment


@dataclass(frozen=True)
class Pages:
    """Renders pages of one server."""

    services: Services
    version: str
    environment: Environment

    @classmethod
    def create(cls, services: Services) -> Pages:
        """Load the templates once."""
        return cls(services, static_version(), _environment())

    def render(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        section: str = "",
        **values: Any,
    ) -> Response:
        """A page as a response; 304 when the browser already has just this one."""
        body = (
            self.environment.get_template(template)
            .render(
                namespace=self.services.settings.namespace,
                version=self.version,
                section=section,
                notice=NOTICES.get(request.query_params.get("notice", ""), ""),
                base=request.scope.get("root_path", ""),
                **values,
            )
            .encode()
        )
        headers = security.page_headers()
        if status == 200:
            tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            headers["ETag"] = tag
            if request.headers.get("if-none-match") == tag:
                return Response(status_code=304, headers=headers)
        return Response(body, status, headers, "text/html; charset=utf-8")

    def redirect(self, request: Request, path: str, notice: str = "") -> Response:
        """Answer a form: the browser loads the page anew."""
        base = request.scope.get("root_path", "")
        joint = "&" if "?" in path else "?"
        target = f"{base}{path}{joint}notice={notice}" if notice else f"{base}{path}"
        return Response(status_code=303, headers={"Location": target, **security.page_headers()})

    def small_text(self, run_id: str) -> Reader:
        """Reads an artifact of the run that is small enough to be shown with its step."""

        def read(artifact: Artifact) -> str:
            try:
                return self.content(run_id, artifact.id, SMALL_FILE).decode("utf-8", "replace")
            except ServiceError as error:
                raise ValueError(Refusal.of(error).message) from error

        return read

    def content(self, run_id: str, artifact_id: str, limit: int) -> bytes:
        """Bytes of an artifact that is a file; TooLargeError for more than ``limit``."""
        opened = reading.open_artifact(self.services, run_id, artifact_id)
        if opened.size is None:
            raise NotFoundError("This artifact is a folder, not a file.")
        content = bytearray()
        for chunk in opened.chunks:
            content += chunk
            if len(content) > limit:
                raise TooLargeError(
                    f"{opened.name} is larger than {formatting.size(limit)}: download it instead."
                )
        return bytes(content)


def page_size(request: Request) -> int:
    """The wanted length of a list; the default where it is none of those offered."""
    text = request.query_params.get("size", "")
    return int(text) if text.isdigit() and int(text) in PAGE_SIZES else 20


def newest_first(request: Request, predicates: Sequence[Predicate] = ()) -> ListRequest:
    """The page of a list that an address asks for."""
    token = request.query_params.get("token", "")
    return ListRequest(token, page_size(request), NEWEST_FIRST, predicates)


def run_filter(query: Mapping[str, str]) -> RunFilter:
    """What a runs list is narrowed to, from its address."""
    state = State.parse(query.get("state", ""))
    sort = query.get("sort", "")
    return RunFilter(
        text=query.get("q", "").strip()[:200],
        state=None if state is State.UNKNOWN else state,
        experiment_id=query.get("experiment", ""),
        pipeline_id=query.get("pipeline", ""),
        recurring_run_id=query.get("recurring", ""),
        archived=query.get("archived", "") == "1",
        sort=sort if sort in SORTS else NEWEST_FIRST,
    )


SORTS = (
    NEWEST_FIRST,
    "created_at asc",
    "name asc",
    "name desc",
    "state asc",
    "state desc",
    "finished_at desc",
    "finished_at asc",
)
