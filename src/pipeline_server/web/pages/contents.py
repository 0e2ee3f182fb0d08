"""What steps wrote: shown inside the page, always sandboxed, or downloaded."""

from __future__ import annotations

import json
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from pipeline_server.errors import InvalidArgumentError, NotFoundError
from pipeline_server.services.folders import ARCHIVE_TYPE, MAXIMUM_FILES, Content
from pipeline_server.web import artifacts, charts, metrics, reading, security
from pipeline_server.web.artifacts import Viewer
from pipeline_server.web.notebook import render_markdown, render_notebook
from pipeline_server.web.pages.context import SHOWN_FILE, SMALL_FILE, Pages
from pipeline_server.web.refusals import REFUSALS, Refusal
from pipeline_server.web.view_models import Artifact, FileList

TEXT_VIEWERS = (Viewer.TEXT, Viewer.MARKDOWN, Viewer.TABLE)


def create_router(pages: Pages) -> APIRouter:
    """Addresses of artifacts."""
    router = APIRouter(prefix="/runs/{run_id}/artifacts/{artifact_id:path}")
    _add_viewer(router, pages)
    _add_frames(router, pages)

    @router.get("/content")
    def content(run_id: str, artifact_id: str, download: bool = False) -> Response:
        """The bytes as they are; of a folder its archive, always as a download."""
        artifact = reading.get_artifact(pages.services, run_id, artifact_id)
        opened = reading.open_artifact(pages.services, run_id, artifact_id)
        if opened.size is None:
            return _archive(opened)
        headers = security.content_headers(scripts=False)
        disposition = "attachment" if download else "inline"
        name = quote(artifacts.file_name(artifact))
        headers["Content-Disposition"] = f"{disposition}; filename*=UTF-8''{name}"
        headers["Content-Length"] = str(opened.size)
        return StreamingResponse(
            opened.chunks, 200, headers, media_type=artifacts.media_type(artifact)
        )

    whole = APIRouter()
    whole.include_router(router)

    @whole.get("/runs/{run_id}/files.zip")
    def files(run_id: str) -> Response:
        """All files that belong to the run though no step declared them."""
        return _archive(pages.services.artifacts.open_files(run_id))

    return whole


def _archive(opened: Content) -> Response:
    headers = security.content_headers(scripts=False)
    headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(opened.name)}"
    return StreamingResponse(opened.chunks, 200, headers, media_type=ARCHIVE_TYPE)


def _add_viewer(router: APIRouter, pages: Pages) -> None:
    @router.get("/view")
    def view(request: Request, run_id: str, artifact_id: str) -> Response:
        artifact = reading.get_artifact(pages.services, run_id, artifact_id)
        kind = artifacts.viewer(artifact)
        folder, text, problem, there = FileList(), "", "", True
        try:
            folder = reading.list_folder(pages.services, run_id, artifact_id)
            if not folder.is_empty:
                kind = Viewer.FOLDER
            elif kind in TEXT_VIEWERS:
                text = _head(pages, run_id, artifact_id)
            else:
                reading.check_artifact(pages.services, run_id, artifact_id)
        except REFUSALS as error:
            there = False
            # Metrics are known without their file, and most have none.
            if kind is not Viewer.METRICS or not isinstance(error, NotFoundError):
                problem = Refusal.of(error).message
        return pages.render(
            request,
            "artifact.html",
            section="runs",
            run=reading.get_run(pages.services, run_id),
            artifact=artifact,
            kind=kind,
            folder=folder,
            there=there,
            listed=MAXIMUM_FILES,
            parent=_parent(artifact_id),
            text=_pretty(artifact, text),
            problem=problem,
            rendered=render_markdown(text) if kind is Viewer.MARKDOWN else "",
            table=metrics.preview_table("", text) if kind is Viewer.TABLE and text else None,
            visuals=charts.drawn(metrics.visuals([artifact], pages.small_text(run_id))),
            small=SMALL_FILE,
        )


def _add_frames(router: APIRouter, pages: Pages) -> None:
    @router.get("/frame")
    def frame(run_id: str, artifact_id: str) -> Response:
        """The inside of the viewer's frame: HTML as written, a notebook as a page."""
        artifact = reading.get_artifact(pages.services, run_id, artifact_id)
        kind = artifacts.viewer(artifact)
        if kind not in (Viewer.FRAME, Viewer.NOTEBOOK):
            raise NotFoundError("This artifact is not a page.")
        content = pages.content(run_id, artifact_id, SHOWN_FILE)
        media = artifacts.media_type(artifact)
        if kind is Viewer.NOTEBOOK:
            media = "text/html; charset=utf-8"
            try:
                content = render_notebook(content, artifacts.file_name(artifact)).encode()
            except ValueError as error:
                raise InvalidArgumentError(str(error)) from error
        headers = security.content_headers(scripts=kind is Viewer.FRAME)
        return Response(content, 200, headers, media)

    @router.get("/inline/{number}")
    def inline(run_id: str, artifact_id: str, number: int) -> Response:
        """A web page that stands inside ``mlpipeline-ui-metadata.json``."""
        text = pages.content(run_id, artifact_id, SHOWN_FILE)
        try:
            output = json.loads(text)["outputs"][number]
            source = str(output["source"]) if output.get("type") == "web-app" else ""
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise NotFoundError("There is no such output.") from error
        headers = security.content_headers(scripts=True)
        return Response(source.encode(), 200, headers, "text/html; charset=utf-8")


def _parent(artifact_id: str) -> str:
    """The id of the folder that a file is in; empty for what is no artifact's file."""
    identity, slash, _ = artifact_id.partition("/")
    return "" if not slash or artifact_id.startswith(reading.FILE) else identity


def _head(pages: Pages, run_id: str, artifact_id: str) -> str:
    """As much of a text as is shown."""
    content = bytearray()
    for chunk in reading.open_artifact(pages.services, run_id, artifact_id).chunks:
        content += chunk
        if len(content) >= SMALL_FILE:
            break
    return bytes(content[:SMALL_FILE]).decode("utf-8", "replace")


def _pretty(artifact: Artifact, text: str) -> str:
    if not artifacts.file_name(artifact).endswith(".json"):
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
