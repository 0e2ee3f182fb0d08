"""Serves the page on the sample lab, with a few levers under /_lever that tests pull.

Run by the fixtures, in the platform's environment, from the repository:
``python -m tests.browser.pipelines_page.serve_lab PORT``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from fastapi import FastAPI, Request, Response
from tests.unit.pipelines_page.sample_lab import Lab

from pipeline_server.database.models import Task
from pipeline_server.web.application import create_page


def create_application(lab: Lab) -> FastAPI:
    """The page with its levers."""
    lab.make_sample()
    application = FastAPI()
    away = {"now": False}

    @application.middleware("http")
    async def vanish(request: Request, call_next):  # type: ignore[no-untyped-def]
        if away["now"] and not request.url.path.startswith("/_lever"):
            return Response(status_code=503)
        return await call_next(request)

    @application.post("/_lever/reset")
    def reset() -> None:
        lab.make_sample()
        away["now"] = False

    @application.post("/_lever/away/{value}")
    def go_away(value: int) -> None:
        away["now"] = bool(value)

    @application.post("/_lever/run/{run_id}/{state}")
    def set_run(run_id: str, state: str) -> None:
        lab.move_run(run_id, state)

    @application.post("/_lever/task/{task_id}/{state}")
    def set_task(task_id: str, state: str) -> None:
        lab.change(Task, task_id, state=state)

    @application.post("/_lever/log/{task_id}")
    async def write_log(task_id: str, request: Request) -> None:
        lab.pods.logs[f"pod-{task_id}"] += (await request.body()).decode()

    @application.post("/_lever/log/{task_id}/end")
    def end_log(task_id: str) -> None:
        lab.end_log(task_id)

    application.mount("/", create_page(lab.services))
    return application


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        served = create_application(Lab(Path(folder) / "pipelines.db"))
        uvicorn.run(served, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
