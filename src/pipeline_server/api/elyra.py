"""What Elyra's steps fetch before they run: its bootstrapper and its requirements.

Both files are taken from Elyra's own wheel when the image is built (see ``images/platform``).
Nothing is fetched from the internet.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from pipeline_server.errors import NotFoundError

BOOTSTRAPPER = "bootstrapper.py"
REQUIREMENTS = "requirements-elyra.txt"


def create_router(directory: str) -> APIRouter:
    """Serves the two files under ``/elyra/``."""
    router = APIRouter(prefix="/elyra", tags=["elyra"])

    def send(name: str) -> Response:
        path = Path(directory) / name
        if not path.is_file():
            raise NotFoundError(f"this server's image has no {name} of Elyra")
        return FileResponse(path, media_type="text/plain; charset=utf-8")

    @router.get(f"/{BOOTSTRAPPER}", response_class=Response)
    def bootstrapper() -> Response:
        """Elyra's bootstrapper."""
        return send(BOOTSTRAPPER)

    @router.get(f"/{REQUIREMENTS}", response_class=Response)
    def requirements() -> Response:
        """What the bootstrapper needs in a step's image."""
        return send(REQUIREMENTS)

    return router
