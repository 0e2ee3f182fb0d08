"""A seat's own names and addresses, with which the guide's text is filled."""

from __future__ import annotations

from typing import Any

from dashboard import kinds
from dashboard.learner import Learner
from dashboard.snapshot import read
from dashboard.views.pipelines import url_of

_OBJECT_STORE = "minio-ds-pipeline"


async def guide_view(learner: Learner, namespace: str) -> dict[str, Any]:
    """The project, and where its services are; an address that is not there yet is null."""
    await learner.project(namespace)
    snapshot = await read(learner.acting, namespace, (kinds.ROUTE, kinds.NOTEBOOK, kinds.PIPELINES))
    routes = {route["metadata"]["name"]: url_of(route) for route in snapshot.of(kinds.ROUTE)}
    notebook = workbench_of(snapshot.of(kinds.NOTEBOOK))
    application = next(iter(snapshot.of(kinds.PIPELINES)), None)
    server = application["metadata"]["name"] if application else "ds-pipeline"
    bench = notebook["metadata"]["name"] if notebook else "notebook"
    door = routes.get(bench)
    return {
        "namespace": namespace,
        "baseDomain": learner.settings.base_domain,
        "addresses": {
            "dashboard": f"{learner.settings.origin}/projects/{namespace}",
            "workbench": f"{door}notebook/{namespace}/{bench}" if door and notebook else None,
            "pipelines": routes.get(f"ds-pipeline-{server}"),
            "store": routes.get(f"minio-{server}") or routes.get(_OBJECT_STORE),
            "page": routes.get("mnist-webapp"),
        },
    }


def workbench_of(notebooks: list[Any]) -> Any | None:
    """The workbench that the guide means: ``notebook``, else the first."""
    by_name = {notebook["metadata"]["name"]: notebook for notebook in notebooks}
    return by_name.get("notebook") or next(iter(by_name.values()), None)
