"""How the page's and the function's servers are run, each in a pod of its own."""

from __future__ import annotations

import logging

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse

PORT = 8080


async def healthz(_request: Request) -> JSONResponse:
    """Say that the server is up."""
    return JSONResponse({"status": "ok"})


def serve(app: Starlette) -> None:
    """Serve an application until the pod ends."""
    logging.basicConfig(level=logging.INFO)
    uvicorn.run(
        app,
        host="0.0.0.0",  # noqa: S104 - a pod is reached from outside
        port=PORT,
        access_log=False,
    )
