"""What the routes share: services of the request, lists, errors."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic_core import PydanticSerializationError, to_json
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from pipeline_server.api.contract import CONTRACT
from pipeline_server.errors import ServiceError
from pipeline_server.ir import plain
from pipeline_server.ir.errors import PipelineError
from pipeline_server.services.collection import Services
from pipeline_server.services.documents import as_service_error
from pipeline_server.services.listing import ListRequest, Page, parse_filter

logger = logging.getLogger(__name__)
Row = TypeVar("Row")

LARGE_BODY = 64 * 1024
OWN_PATHS = ("/apis/", "/internal/")
_AWAY = (OperationalError, InterfaceError, PoolTimeoutError)
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 6, 413: 8, 429: 8, 503: 14}


def get_services(request: Request) -> Services:
    """The server's services."""
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(get_services)]


async def plain_body(request: Request) -> None:
    """Refuse a body with what neither JSON nor the database can hold."""
    if "json" not in request.headers.get("content-type", "json") or not await request.body():
        return
    try:
        content = await request.json()
    except ValueError:
        return
    if len(await request.body()) > LARGE_BODY:
        await run_in_threadpool(plain.check, content, "the request")
    else:
        plain.check(content, "the request")


PLAIN_BODY = Depends(plain_body)


def list_request(
    services: ServicesOf,
    page_token: Annotated[str, Query()] = "",
    page_size: Annotated[int, Query()] = 0,
    sort_by: Annotated[str, Query()] = "",
    filter: Annotated[str, Query(description="A Filter message as JSON")] = "",
) -> ListRequest:
    """How the client wants a list."""
    predicates = parse_filter(filter) if filter else None
    return ListRequest(page_token, page_size, sort_by, predicates, services.settings.namespace)


ListWanted = Annotated[ListRequest, Depends(list_request)]


def list_reply(message: str, page: Page[Row], view: Callable[[Row], Any]) -> Response:
    """A page as a message of the API; a response, so that nothing walks over its content again.

    A hundred runs with their pipelines are a third of a megabyte: Python's own writer took 3 of the
    7 ms of such a call, pydantic's takes 0.8.
    """
    (name,) = (item.name for item in CONTRACT.messages[message].values() if item.repeated)
    return json_reply(
        {
            **({name: [view(row) for row in page.items]} if page.items else {}),
            **CONTRACT.write(
                message, {"total_size": page.total, "next_page_token": page.next_token}
            ),
        }
    )


def json_reply(content: Any) -> Response:
    """A reply as JSON, whatever an earlier version of the server let in."""
    try:
        body = to_json(content, inf_nan_mode="null")
    except PydanticSerializationError:
        body = json.dumps(content).encode()
    return Response(body, media_type="application/json")


def error_reply(status: int, code: int, message: str) -> JSONResponse:
    """An error in upstream's shape, a ``google.rpc.Status``."""
    detail = {"@type": "type.googleapis.com/google.rpc.Status", "code": code, "message": message}
    return JSONResponse({"code": code, "message": message, "details": [detail]}, status)


def explain_errors(app: FastAPI) -> None:
    """Give every failure the same shape."""

    @app.exception_handler(ServiceError)
    def service_error(_request: Request, error: ServiceError) -> JSONResponse:
        return error_reply(error.status, error.code, error.message)

    @app.exception_handler(PipelineError)
    def pipeline_error(_request: Request, error: PipelineError) -> JSONResponse:
        known = as_service_error(error)
        return error_reply(known.status, known.code, known.message)

    @app.exception_handler(RequestValidationError)
    def validation_error(_request: Request, error: RequestValidationError) -> JSONResponse:
        reasons = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'] if part != 'body')}: {item['msg']}"
            for item in error.errors()
        )
        return error_reply(400, 3, f"the request is not valid: {reasons}")

    @app.exception_handler(HTTPException)
    def http_error(_request: Request, error: HTTPException) -> JSONResponse:
        return error_reply(error.status_code, _CODES.get(error.status_code, 2), str(error.detail))

    @app.exception_handler(SQLAlchemyError)
    def database_error(_request: Request, error: SQLAlchemyError) -> JSONResponse:
        logger.warning("the database refused: %s", str(error).splitlines()[0])
        if isinstance(error, _AWAY):
            return error_reply(503, 14, "the pipeline server's database does not answer; try again")
        if isinstance(error, DataError):
            return error_reply(400, 3, "the database cannot keep a value of the request")
        return error_reply(500, 13, "the database refused what the pipeline server asked of it")

    @app.exception_handler(RecursionError)
    def too_deep(_request: Request, _error: RecursionError) -> JSONResponse:
        return error_reply(400, 3, "the request is nested too deeply")

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> Response:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        if not request.url.path.startswith(OWN_PATHS):
            return PlainTextResponse("The server made a mistake; its log says which.", 500)
        return error_reply(500, 13, "the pipeline server made a mistake; its log says which")
