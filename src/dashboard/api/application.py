"""The whole application: the interface below ``/api``, the page everywhere else."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from dashboard import errors
from dashboard.api import changes, classes, guide, pipelines, projects, serving, workbenches
from dashboard.api.common import Guard, answer_invalid, answer_refusal
from dashboard.boards import Boards
from dashboard.catalogue import Catalogue
from dashboard.cluster import Cluster
from dashboard.errors import RefusalError
from dashboard.guide.doors import Doors
from dashboard.learner import Reviews
from dashboard.pipelines_api import PipelinesApi
from dashboard.settings import Settings

# Names of the bundle's files hold what they are made from: they never change.
FOREVER = "public, max-age=31536000, immutable"
NO_BUNDLE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>Dashboard</title></head><body><h1>Dashboard</h1>
<p>This image has no page in it: the interface below <code>/api</code> answers all the same.</p>
</body></html>
"""


def create_application(
    settings: Settings,
    cluster: Cluster,
    catalogue: Catalogue,
    pipelines_api: PipelinesApi,
    doors: Doors | None = None,
) -> FastAPI:
    """The application over a cluster; ``doors`` are the ways to the seats' services."""
    ways = doors or Doors(settings.service_ca)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await application.state.boards.close()
        await pipelines_api.close()
        await ways.close()
        await cluster.close()

    application = FastAPI(
        title="Dashboard", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    application.state.settings = settings
    application.state.cluster = cluster
    application.state.catalogue = catalogue
    application.state.pipelines = pipelines_api
    application.state.doors = ways
    application.state.reviews = Reviews()
    application.state.boards = Boards()
    application.add_exception_handler(RefusalError, answer_refusal)
    application.add_exception_handler(RequestValidationError, answer_invalid)
    application.add_exception_handler(HTTPException, _unknown)
    application.add_middleware(Guard)
    # Sections come before what has a name behind them, which would take them for names.
    for part in (changes, classes, guide, projects, workbenches, serving, pipelines):
        application.include_router(part.router)
    _add_page(application, settings.static)
    return application


def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    path = request.url.path
    if error.status_code == 404:
        refusal = errors.not_found(f"address {path}")
    else:
        told = f"{request.method} is not possible at {path}."
        refusal = RefusalError(error.status_code, "Method", told)
    return JSONResponse(refusal.as_dict(), refusal.status)


def _add_page(application: FastAPI, static: Path) -> None:
    root = static.resolve()

    @application.get("/healthz")
    async def healthz() -> PlainTextResponse:
        """For the pod's probes."""
        return PlainTextResponse("ok\n")

    @application.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def page(request: Request, path: str) -> Response:
        """A file of the bundle; for every address of the page's own its one document."""
        gzip = "gzip" in request.headers.get("accept-encoding", "")
        if path == "api" or path.startswith("api/"):
            raise errors.not_found(f"address /{path}")
        file = (root / path).resolve()
        if path and file.is_relative_to(root) and file.is_file() and file.name != "index.html":
            kept = FOREVER if path.startswith("assets/") else "no-cache"
            return _file(file, kept, gzip=gzip)
        index = root / "index.html"
        if index.is_file():
            return _file(index, "no-cache", gzip=gzip)
        return HTMLResponse(NO_BUNDLE, headers={"Cache-Control": "no-cache"})


def _file(file: Path, kept: str, *, gzip: bool) -> FileResponse:
    """A file, compressed where the image's build has done that and the browser takes it."""
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"}
    media_type = mimetypes.guess_type(file.name)[0]
    small = file.with_name(f"{file.name}.gz")
    if gzip and small.is_file():
        headers["Content-Encoding"] = "gzip"
        return FileResponse(small, headers=headers, media_type=media_type)
    return FileResponse(file, headers=headers, media_type=media_type)
