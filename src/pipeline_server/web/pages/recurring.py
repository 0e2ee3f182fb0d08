"""Recurring runs: the list, and switching them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pipeline_server.web.pages.actions import perform
from pipeline_server.web.pages.context import Pages, page_size


def create_router(pages: Pages) -> APIRouter:
    """Addresses of recurring runs."""
    router = APIRouter()
    source = pages.source

    @router.get("/recurring-runs")
    def list_recurring_runs(request: Request) -> Response:
        token = request.query_params.get("token", "")
        return pages.render(
            request,
            "recurring_runs.html",
            section="recurring",
            page=source.list_recurring_runs(token, page_size(request)),
            query=dict(request.query_params),
        )

    @router.get("/recurring-runs/{recurring_run_id}")
    def show_recurring_run(request: Request, recurring_run_id: str) -> Response:
        return pages.render(
            request,
            "recurring_run.html",
            section="recurring",
            item=source.get_recurring_run(recurring_run_id),
        )

    @router.post("/recurring-runs/{recurring_run_id}/{action}")
    def act(request: Request, recurring_run_id: str, action: str) -> Response:
        actions = {
            "enable": (source.enable_recurring_run, "enabled"),
            "disable": (source.disable_recurring_run, "disabled"),
            "delete": (source.delete_recurring_run, "deleted"),
        }
        notice = perform(actions, action, recurring_run_id)
        return pages.redirect(request, "/recurring-runs", notice)

    return router
