"""Serve the repository: ``python3 -m model_repository``."""

from __future__ import annotations

import functools
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from lab_ground import web
from lab_ground.logs import configure_logging
from model_repository.objects import build_files

logger = logging.getLogger("model_repository")

PORT = 8080
MESSAGE = "The MNIST lab: four notebooks and a pipeline"


def build_routes(directory: Path, name: str) -> dict[str, web.Route]:
    """Return what each path answers; the name works with and without ``.git``."""
    routes: dict[str, web.Route] = {"/healthz": web.health(lambda: True)}
    for path, content in build_files(directory, MESSAGE).items():
        answer = functools.partial(lambda data: (200, "application/octet-stream", data), content)
        routes[f"/{name}.git/{path}"] = answer
        routes[f"/{name}/{path}"] = answer
    return routes


def main() -> int:
    """Serve until a signal."""
    configure_logging("INFO")
    directory = Path(os.environ.get("MODEL_REPOSITORY_DIRECTORY", "/srv/model-repository"))
    name = os.environ.get("MODEL_REPOSITORY_NAME", "rhods-mnist-model")
    routes = build_routes(directory, name)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    web.serve(int(os.environ.get("MODEL_REPOSITORY_PORT", PORT)), routes)
    logger.info("serving %s with %d files", name, len(routes))
    stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
