"""The dashboard's own server, in front of a Kubernetes API in memory; levers under /_lever.

Run by the fixtures, in the platform's environment, from the repository:
``python -m tests.browser.dashboard.serve PORT BUNDLE``. What the token proxy does in the cluster,
saying whose token a request carries, is done here for whomever the lever ``who`` names.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from memory_api import MemoryApi, serving
from memory_cluster import MemoryCluster
from simulated_class import Class
from tests.unit.dashboard_server import seat

from dashboard.api.application import create_application
from dashboard.catalogue import Catalogue
from dashboard.cluster import Cluster
from dashboard.pipelines_api import PipelinesApi
from dashboard.settings import read_settings


def create_levers(api: MemoryApi, dashboard: seat.Dashboard, who: dict[str, str]) -> FastAPI:
    """What tests move and look at behind the page."""
    levers = FastAPI()

    @levers.post("/_lever/{name}")
    async def pull(name: str, request: Request) -> Any:
        given = json.loads(await request.body() or b"null")
        cluster = api.cluster
        if name == "reset":
            dashboard.begin()
            seat.fill(api.cluster)
            api.away, api.raw, who["now"] = False, {}, "ann"
        elif name == "who":
            who["now"] = given
        elif name == "away":
            api.away = given
        elif name == "class":
            made = Class(given["steps"])
            for seat_name, error in given.get("failed", {}).items():
                made.fail(seat_name, error)
            for seat_name in made.names:
                cluster.add(seat.namespace(seat_name))
            # Messages are the cluster's own objects, which the page writes.
            del made.lists["/api/v1/configmaps"]
            api.raw = made.answers()
        elif name == "add":
            return cluster.add(given)
        elif name == "objects":
            kinds = {kind for kind, _, _ in cluster.objects} if given is None else {given}
            return [found for key, found in cluster.objects.items() if key[0] in kinds]
        return {}

    @levers.get("/oauth/login")
    def sign_in() -> HTMLResponse:
        return HTMLResponse("<!doctype html><html lang=en><title>Sign in</title><h1>Sign in</h1>")

    return levers


def proxied(dashboard: FastAPI, levers: FastAPI, who: dict[str, str]) -> Any:
    """The dashboard as it is behind the token proxy."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(("/_lever/", "/oauth/")):
            await levers(scope, receive, send)
            return
        if scope["type"] == "http" and who["now"]:
            token = who["now"].encode()
            carried = [(b"x-forwarded-access-token", token), (b"x-forwarded-user", token)]
            scope = {**scope, "headers": [*scope["headers"], *carried]}
        await dashboard(scope, receive, send)

    return application


def main(port: int, bundle: Path) -> None:
    """Serve until it is ended."""
    api = MemoryApi(MemoryCluster())
    sizes = json.dumps(seat.SIZES)
    settings = read_settings(
        {
            "DASHBOARD_SIZES": sizes,
            "DASHBOARD_MODEL_SIZES": sizes,
            "DASHBOARD_STATIC": str(bundle),
        }
    )
    who = {"now": "ann"}
    with serving(api.application()) as server:
        cluster = Cluster(server)
        catalogue = Catalogue(cluster, settings, lambda: "own")
        application = create_application(settings, cluster, catalogue, PipelinesApi())
        behind = seat.Dashboard("", api, application, bundle)
        behind.begin()
        seat.fill(api.cluster)
        uvicorn.run(
            proxied(application, create_levers(api, behind, who), who),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]).resolve())
