"""What the routes share: services of the request, lists, errors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from ..ir.errors import PipelineError
from ..services.collection import Services
from ..services.documents import as_service_error
from ..services.errors import ServiceError
from ..services.listing import ListRequest, Page

logger = logging.getLogger(__name__)
Row = TypeVar("Row")

_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 6, 413: 8, 429: 8, 503: 14}


def get_services(request: Request) -> Services:
    """The server's services."""
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(get_services)]


def list_request(
    page_token: Annotated[str, Query()] = "",
    page_size: Annotated[int, Query()] = 0,
    sort_by: Annotated[str, Query()] = "",
    filter: Annotated[str, Query(description="A Filter message as JSON")] = "",
) -> ListRequest:
    """How the client wants a list."""
    return ListRequest(page_token, page_size, sort_by, filter)


ListWanted = Annotated[ListRequest, Depends(list_request)]


def list_reply(name: str, page: Page[Row], view: Callable[[Row], Any]) -> Response:
    """A page as the API shows it; a response, so that nothing walks over its content again.

    A hundred runs with their pipelines are a third of a megabyte: Python's own writer took 3 of the
    7 ms of such a call, pydantic's takes 0.8.
    """
    reply: dict[str, Any] = {
        name: [view(row) for row in page.items],
        "total_size": page.total,
    }
    if page.next_token:
        reply["next_page_token"] = page.next_token
    return Response(to_json(reply), media_type="application/json")


def error_reply(status: int, code: int, message: str) -> JSONResponse:
    """An error in upstream's shape."""
    detail = {"@type": "type.googleapis.com/google.rpc.Status", "code": code, "message": message}
    return JSONResponse(
        {"error": message, "code": code, "message": message, "details": [detail]}, status
    )


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
        return error_reply(503, 14, "the pipeline server's database does not answer; try again")

    @app.exception_handler(RecursionError)
    def too_deep(_request: Request, _error: RecursionError) -> JSONResponse:
        return error_reply(400, 3, "the request is nested too deeply")
