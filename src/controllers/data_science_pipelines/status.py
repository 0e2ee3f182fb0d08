"""What a DataSciencePipelinesApplication says of itself; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from controllers.data_science_pipelines.build import proxy_url
from controllers.data_science_pipelines.specification import Application
from lab_ground import s3
from lab_ground.kubernetes.conditions import is_true, set_condition
from lab_ground.kubernetes.manifest import Manifest

READY = "Ready"


@dataclass
class Findings:
    """What was found; ``database`` and ``store`` hold what is wrong with them, in words.

    ``refusal`` is the kind of the store's own answer, where that is what is wrong.
    """

    deployments: dict[str, Manifest | None] = field(default_factory=dict)
    pods: list[Manifest] = field(default_factory=list)
    route: Manifest | None = None
    database: str = ""
    store: str = ""
    refusal: s3.Kind | None = None
    admin: tuple[str, str] | None = None


def deployment_problem(found: Findings, name: str) -> str:
    """Why a Deployment is not available, as its pods tell it; empty when it is."""
    deployment = found.deployments.get(name)
    if deployment is None:
        return f"Deployment {name} is not there yet"
    state = deployment.get("status") or {}
    if state.get("availableReplicas"):
        return ""
    for pod in found.pods:
        if (pod["metadata"].get("labels") or {}).get("app") != name:
            continue
        reason = _pod_problem(pod)
        if reason:
            return f"{name} is starting: {reason}"
    return f"{name} is starting"


def _pod_problem(pod: Mapping[str, Any]) -> str:
    state = pod.get("status") or {}
    for container in state.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason") not in {None, "ContainerCreating", "PodInitializing"}:
            ended = (container.get("lastState") or {}).get("terminated") or {}
            more = f"; it ended with exit code {ended['exitCode']}" if "exitCode" in ended else ""
            message = str(waiting.get("message") or "")
            return f"container {container['name']}: {waiting['reason']} {message}{more}".strip()
    for condition in state.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"it cannot be placed: {condition.get('message')}"
    return ""


def build(app: Application, manifest: Manifest, found: Findings) -> Manifest:
    """The status: conditions and addresses."""
    database = found.database
    if not app.database.external and not database:
        database = deployment_problem(found, app.mariadb)
    server = "" if not app.deploy else deployment_problem(found, app.server)
    store = found.store
    if not app.store.external and not store and not app.store.check:
        store = deployment_problem(found, app.minio)
    checks = (
        ("DatabaseAvailable", database, _reason(database, "DatabaseAvailable", "Database")),
        ("ObjectStoreAvailable", store, _store_reason(store, found.refusal)),
        ("APIServerReady", server, "MinimumReplicasAvailable" if not server else "Deploying"),
    )
    generation = manifest["metadata"].get("generation")
    conditions: Any = (manifest.get("status") or {}).get("conditions")
    for kind, problem, reason in checks:
        conditions = set_condition(
            conditions, kind, not problem, reason, problem, observed_generation=generation
        )
    for kind, wanted, what in (
        ("PersistenceAgentReady", app.persistence_agent, "keeps the state of runs"),
        ("ScheduledWorkflowReady", app.scheduled_workflow, "starts recurring runs"),
    ):
        ready = not server and app.deploy
        conditions = set_condition(
            conditions,
            kind,
            ready or not wanted,
            "PartOfAPIServer" if wanted else "NotWanted",
            f"the API server itself {what}" if wanted and ready else server if wanted else "",
            observed_generation=generation,
        )
    problems = [problem for _, problem, _ in checks if problem]
    problems += [problem for problem in (route_problem(app, found),) if problem]
    conditions = set_condition(
        conditions,
        READY,
        not problems,
        "MinimumReplicasAvailable" if not problems else "ComponentsNotReady",
        "; ".join(problems),
        observed_generation=generation,
    )
    return {"conditions": conditions, "components": _components(app, found)}


def _components(app: Application, found: Findings) -> Manifest:
    addresses = {"url": proxy_url(app)}
    ingress = ((found.route or {}).get("status") or {}).get("ingress") or []
    if ingress:
        addresses["externalUrl"] = f"https://{ingress[0]['host']}"
    return {"apiServer": addresses}


_LASTING = ("WrongCredentials", "CredentialsMissing", "BucketMissing")
_REFUSALS = {
    s3.Kind.KEY: "ObjectStoreWrongCredentials",
    s3.Kind.RIGHT: "ObjectStoreWrongCredentials",
    s3.Kind.BUCKET: "ObjectStoreBucketMissing",
}


def _store_reason(problem: str, refusal: s3.Kind | None) -> str:
    """One word for what is wrong with the store."""
    if problem and refusal in _REFUSALS:
        return _REFUSALS[refusal]
    return _reason(problem, "ObjectStoreAvailable", "ObjectStore")


def _reason(problem: str, good: str, what: str) -> str:
    """One word for a problem."""
    if not problem:
        return good
    lower = problem.lower()
    for sign, word in (
        ("is starting", "Starting"),
        ("is not there yet", "Starting"),
        ("is wrong", "WrongCredentials"),
        ("access denied", "WrongCredentials"),
        ("secret", "CredentialsMissing"),
        ("no bucket", "BucketMissing"),
    ):
        if sign in lower:
            return f"{what}{word}"
    return f"{what}Unreachable"


def route_problem(app: Application, found: Findings) -> str:
    """Why nobody reaches the server from outside; empty where its Route is served."""
    for entry in ((found.route or {}).get("status") or {}).get("ingress") or []:
        for condition in entry.get("conditions") or []:
            if condition.get("type") == "Admitted" and condition.get("status") == "False":
                return f"Route {app.server} is not admitted: {condition.get('message')}"
    return ""


def troubles(conditions: Mapping[str, Any], route: str) -> list[tuple[str, str]]:
    """What does not mend by waiting, as reason and words: wrong keys, a Route that is refused."""
    found = [
        (str(condition["reason"]), str(condition["message"]))
        for condition in conditions["conditions"]
        if condition["status"] == "False"
        and str(condition["reason"]).endswith(_LASTING)
        and condition["type"] != READY
    ]
    return found + ([("RouteNotAdmitted", route)] if route else [])


def refused(manifest: Manifest, message: str, reason: str = "InvalidSpec") -> Manifest:
    """The status of a spec that cannot be carried out, or of which a part is refused."""
    conditions = (manifest.get("status") or {}).get("conditions")
    return {
        "conditions": set_condition(
            conditions,
            READY,
            False,
            reason,
            message,
            observed_generation=manifest["metadata"].get("generation"),
        )
    }


def is_ready(status: Mapping[str, Any]) -> bool:
    """Whether everything is as it shall be."""
    return is_true(status["conditions"], READY)
