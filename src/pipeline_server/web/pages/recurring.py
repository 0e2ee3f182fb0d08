"""Recurring runs: the list, and switching them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pipeline_server.web.pages.actions import perform
from pipeline_server.web.pages.context import Pages, newest_first


def create_router(pages: Pages) -> APIRouter:
    """Addresses of recurring runs."""
    router = APIRouter()
    services = pages.services

    @router.get("/recurring-runs")
    def list_recurring_runs(request: Request) -> Response:
        page = services.recurring_runs.list(newest_first(request))
        return pages.render(
            request,
            "recurring_runs.html",
            section="recurring",
            page=page,
            names=services.runs.names(page.items),
            query=dict(request.query_params),
        )

    @router.get("/recurring-runs/{recurring_run_id}")
    def show_recurring_run(request: Request, recurring_run_id: str) -> Response:
        item = services.recurring_runs.get(recurring_run_id)
        return pages.render(
            request,
            "recurring_run.html",
            section="recurring",
            item=item,
            names=services.runs.names([item]),
        )

    @router.post("/recurring-runs/{recurring_run_id}/{action}")
    def act(request: Request, recurring_run_id: str, action: str) -> Response:
        actions = {
            "enable": (services.recurring_runs.enable, "enabled"),
            "disable": (services.recurring_runs.disable, "disabled"),
            "delete": (services.recurring_runs.delete, "deleted"),
        }
        notice = perform(actions, action, recurring_run_id)
        return pages.redirect(request, "/recurring-runs", notice)

    return router
