"""Serves the page on the sample lab, with a few levers under /_lever that tests pull.

Run by the fixtures, in the platform's environment, from the repository:
``python -m tests.browser.pipelines_page.serve_lab PORT``.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import uvicorn
from fastapi import FastAPI, Request, Response
from tests.unit.pipelines_page.sample_lab import sample_lab

from pipeline_server.web.application import create_page
from pipeline_server.web.view_models import State


def create_application() -> FastAPI:
    """The page with its levers."""
    lab = sample_lab()
    application = FastAPI()
    away = {"now": False}

    @application.middleware("http")
    async def vanish(request: Request, call_next):  # type: ignore[no-untyped-def]
        if away["now"] and not request.url.path.startswith("/_lever"):
            return Response(status_code=503)
        return await call_next(request)

    @application.post("/_lever/reset")
    def reset() -> None:
        lab.__dict__.update(sample_lab().__dict__)
        away["now"] = False

    @application.post("/_lever/away/{value}")
    def go_away(value: int) -> None:
        away["now"] = bool(value)

    @application.post("/_lever/run/{run_id}/{state}")
    def set_run(run_id: str, state: str) -> None:
        lab.set_state(run_id, State(state))

    @application.post("/_lever/task/{run_id}/{task_id}/{state}")
    def set_task(run_id: str, task_id: str, state: str) -> None:
        run = lab.runs[run_id]
        tasks = tuple(
            replace(task, state=State(state)) if task.id == task_id else task for task in run.tasks
        )
        lab.add(replace(run, tasks=tasks))

    @application.post("/_lever/log/{task_id}")
    async def write_log(task_id: str, request: Request) -> None:
        lab.logs[task_id] += (await request.body()).decode()

    @application.post("/_lever/log/{task_id}/end")
    def end_log(task_id: str) -> None:
        lab.growing.discard(task_id)

    application.mount("/", create_page(lab, "mnist"))
    return application


if __name__ == "__main__":
    uvicorn.run(create_application(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
