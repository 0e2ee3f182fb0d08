"""The whole server as one application."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from pipeline_server.api import elyra, experiments, pipelines, recurring_runs, runs, steps
from pipeline_server.api.caller import KnownCaller
from pipeline_server.api.common import PLAIN_BODY, explain_errors
from pipeline_server.api.limits import LimitedBodies
from pipeline_server.api.origin import OwnOrigin
from pipeline_server.services.collection import Services

logger = logging.getLogger(__name__)


def create_application(
    services: Services,
    *,
    start: Callable[[], None] = lambda: None,
    stop: Callable[[], None] = lambda: None,
    alive: Callable[[], bool] = lambda: True,
    page: FastAPI | None = None,
) -> FastAPI:
    """The API, the steps' API, Elyra's files and, last, the page where there is one."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        start()
        yield
        stop()

    app = FastAPI(
        title="Data science pipelines",
        version="2beta1",
        description="Kubeflow Pipelines' API, version v2beta1.",
        docs_url="/apis/docs",
        redoc_url=None,
        openapi_url="/apis/openapi.json",
        lifespan=lifespan,
    )
    app.state.services = services
    _add_health(app, services, alive)
    for module in (experiments, pipelines, runs, recurring_runs):
        app.include_router(module.router, dependencies=[PLAIN_BODY])
    app.include_router(steps.router)
    app.include_router(elyra.create_router(services.settings.elyra_files))
    explain_errors(app)
    app.add_middleware(LimitedBodies)
    app.add_middleware(OwnOrigin)
    app.add_middleware(KnownCaller)
    if page is not None:
        app.mount("/", page)
    else:

        @app.get("/", include_in_schema=False)
        def front() -> Response:
            """Elyra asks for it before all else."""
            return RedirectResponse("/apis/docs")

    return app


def _add_health(app: FastAPI, services: Services, alive: Callable[[], bool]) -> None:
    @app.get("/apis/v2beta1/healthz", tags=["health"])
    @app.get("/apis/v1beta1/healthz", tags=["health"])
    def healthz() -> dict[str, Any]:
        """The server is there."""
        return {"multi_user": False, "pipeline_store": "database"}

    @app.get("/livez", include_in_schema=False)
    def livez() -> Response:
        """Whether the engine's loop still turns."""
        return PlainTextResponse("ok" if alive() else "stuck", 200 if alive() else 503)

    @app.get("/readyz", include_in_schema=False)
    def readyz() -> Response:
        """Whether the database answers."""
        services.database.check()
        return PlainTextResponse("ok")
