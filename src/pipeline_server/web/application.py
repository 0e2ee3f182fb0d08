"""Joins the page's addresses into one application, mounted beside the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab_ground.same_origin import is_same_origin
from pipeline_server.errors import NotFoundError, ServiceError, TooLargeError
from pipeline_server.services.collection import Services
from pipeline_server.web import security
from pipeline_server.web.pages import catalogue, contents, context, recurring, run_form, runs
from pipeline_server.web.pages.forms import LARGEST_UPLOAD
from pipeline_server.web.refusals import NO_ANSWER, Refusal

ROOM_FOR_FIELDS = 1024 * 1024
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
STATIC_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def create_page(services: Services) -> FastAPI:
    """The page as an application of its own: ``api.mount("/", create_page(…))``, last."""
    pages = context.Pages.create(services)
    page = FastAPI(title="Pipelines", openapi_url=None, docs_url=None, redoc_url=None)
    for area in (runs, run_form, contents, catalogue, recurring):
        page.include_router(area.create_router(pages))
    _serve_static(page)
    _explain_errors(page, pages)
    page.add_middleware(_GuardedForms)
    return page


def _serve_static(page: FastAPI) -> None:
    folder = Path(__file__).resolve().parent / "static"
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    @page.get("/static/{_version}/{name}")
    def static(name: str) -> Response:
        if name not in files:
            raise NotFoundError("There is no such file.")
        return Response(
            files[name],
            media_type=STATIC_TYPES[Path(name).suffix],
            headers={"Cache-Control": "public, max-age=31536000, immutable", **security.COMMON},
        )

    @page.get("/favicon.ico")
    def icon() -> Response:
        return Response(files["icon.svg"], media_type="image/svg+xml", headers=security.COMMON)


def _explain_errors(page: FastAPI, pages: context.Pages) -> None:
    def answer(request: Request, status: int, message: str) -> Response:
        if request.url.path.startswith("/apis/"):
            code = {404: 5, 405: 12}.get(status, 13)
            return JSONResponse({"code": code, "message": message, "details": []}, status)
        return pages.render(request, "error.html", status=status, code=status, message=message)

    def explain(request: Request, error: Exception) -> Response:
        refusal = Refusal.of(error)
        return answer(request, refusal.status, refusal.message)

    for kind in (ServiceError, *NO_ANSWER):
        page.add_exception_handler(kind, explain)

    @page.exception_handler(HTTPException)
    def explain_http(request: Request, error: HTTPException) -> Response:
        missing = "There is no page at this address."
        return answer(
            request, error.status_code, missing if error.status_code == 404 else str(error.detail)
        )


class _GuardedForms:
    """Refuses changing requests from other sites, and bodies larger than any form."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        if not is_same_origin(headers):
            await _refuse(403, "This request does not come from this page.")(scope, receive, send)
            return
        limit = LARGEST_UPLOAD + ROOM_FOR_FIELDS
        declared = headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > limit:
            await _refuse(413, "The file is larger than 32 MiB.")(scope, receive, send)
            return
        await self.app(scope, _limited(receive, limit), send)


def _limited(receive: Receive, limit: int) -> Receive:
    read = 0

    async def next_part() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise TooLargeError("The file is larger than 32 MiB.")
        return message

    return next_part


def _refuse(status: int, message: str) -> Response:
    headers: dict[str, Any] = {"Connection": "close", **security.page_headers()}
    return Response(message, status, headers, "text/plain; charset=utf-8")
