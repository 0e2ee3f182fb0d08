"""What a seat of the lab consists of, and how much of it is there.

A seat may be at any step of the lab: what a learner has not made yet is no fault, and its line says
how it is made. A part that is missing while a later one is there is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.readiness import readiness
from lab_status.lines import DOWN, NONE, TITLE, UP, Line, replicas_of, trouble_of

FUNCTION = "mnist-function"
PAGE = "mnist-webapp"
# What Knative puts on a function's Deployment.
FUNCTION_LABEL = "serving.knative.dev/service"
SLEEPING = "asleep; it starts when somebody draws"


@dataclass(frozen=True)
class Part:
    """One thing that a seat should have.

    ``step`` is its place on a learner's way; ``playbooks`` bring it; ``url`` is where it is opened
    and ``credential`` the Secret that opens it, where it has them.
    """

    title: str
    kind: str
    name: str
    step: int
    playbooks: tuple[str, ...]
    url: str = ""
    credential: str = ""

    def of(self, items: Iterable[Manifest]) -> Manifest | None:
        """Return this part's object among a seat's."""
        for item in items:
            if item["kind"] == self.kind and item["metadata"]["name"] == self.name:
                return item
        return None

    @property
    def remedy(self) -> str:
        """The commands that bring it."""
        return ", then ".join(f"./lab run {playbook}" for playbook in self.playbooks)


@dataclass(frozen=True)
class Seat:
    """One learner's project and the parts that it should have."""

    namespace: str
    parts: tuple[Part, ...]


def read_seat(access: dict[str, Any], namespace: str = "") -> Seat:
    """Return the seat that an access file tells of; the lab's own names where it tells nothing."""
    named = str(access.get("namespace") or namespace)

    def of(key: str, field: str, default: str = "") -> str:
        entry = access.get(key)
        return str(entry.get(field) or default) if isinstance(entry, dict) else default

    def host_of(key: str) -> str:
        return (urlsplit(of(key, "cluster_url")).hostname or "").split(".")[0]

    server = host_of("pipelines").removeprefix("ds-pipeline-") or "ds-pipeline"
    store = host_of("s3") or f"minio-{server}"
    workbench = re.search(r"/notebook/[^/]+/([^/]+)", of("workbench", "url"))
    model = of("inference", "model", "mnist")
    prepare, serve = ("prepare-lab",), ("train-model", "serve-model")
    deploy = ("deploy-inference",)
    parts = (
        Part("page", "Deployment", PAGE, 4, deploy, of("webapp", "url")),
        Part("function", "Service", FUNCTION, 4, deploy),
        Part("model", "InferenceService", model, 3, serve,
             of("inference", "url"), of("inference", "token_secret")),
        Part("workbench", "Notebook", workbench[1] if workbench else "notebook", 2, prepare,
             of("workbench", "url")),
        Part("pipelines", "DataSciencePipelinesApplication", server, 1, prepare,
             of("pipelines", "url"), of("pipelines", "token_secret")),
        Part("object store", "Deployment", store, 1, prepare, of("s3", "url"), of("s3", "secret")),
    )  # fmt: skip
    return Seat(named, parts)


def seat_lines(
    seat: Seat, items: Sequence[Manifest], births: Mapping[str, datetime] | None = None
) -> list[Line]:
    """Say how each part of a seat is, the learner's last step first.

    ``births`` has when the Secrets of tokens were made, by namespace/name.
    """
    own = [item for item in items if item["metadata"].get("namespace") == seat.namespace]
    reached = max((part.step for part in seat.parts if part.of(own)), default=0)
    lines = []
    for part in seat.parts:
        manifest = part.of(own)
        if manifest is None and part.step > reached:
            lines.append(Line(NONE, part.title, f"not made yet; {part.remedy}", aligned=True))
        elif manifest is None:
            why = f"it is not there; {part.remedy} brings it back"
            lines.append(Line(DOWN, part.title, why, aligned=True))
        else:
            lines.append(part_line(part, manifest, own, births or {}))
    return [*lines, *lines_of_the_rest(seat, own)]


def lines_of_the_rest(seat: Seat, own: Sequence[Manifest]) -> Iterator[Line]:
    """Name the seat's other workloads that are down; a function's own comes and goes."""
    known = {part.name for part in seat.parts}
    for item in own:
        metadata = item["metadata"]
        if (
            item["kind"] in ("Deployment", "StatefulSet")
            and metadata["name"] not in known
            and FUNCTION_LABEL not in (metadata.get("labels") or {})
            and (why := trouble_of(item))
        ):
            yield Line(DOWN, f"{item['kind']} {metadata['name']}", why)


def part_line(
    part: Part, manifest: Manifest, own: Sequence[Manifest], births: Mapping[str, datetime]
) -> Line:
    """Say how a part that is there is, and where it is opened."""
    # Behind a gateway there is no Route: whether its HTTPRoute is taken is the workbench's status.
    address = "" if on_gateway(manifest) else trouble_of_address(part, own)
    why = trouble_of(manifest) or address
    if why:
        return Line(DOWN, part.title, why, aligned=True)
    if part.kind == "Notebook" and readiness(manifest).stopped:
        return Line(UP, f"{part.title:{TITLE}} stopped")
    if part.kind == "Service":
        return Line(UP, f"{part.title:{TITLE}} {state_of_function(part.name, own)}")
    note = (key_of(part, births),) if part.credential and part.url else ()
    return Line(UP, f"{part.title:{TITLE}} {part.url or 'ready'}", more=note)


def key_of(part: Part, births: Mapping[str, datetime]) -> str:
    """Name the Secret that opens a part; of a token, which has no end, say how old it is too."""
    made = births.get(part.credential)
    if made is None:
        return f"its key: Secret {part.credential}"
    days = (datetime.now(UTC) - made).days
    age = "of today" if days < 1 else f"{days} day{'s' if days > 1 else ''} old"
    return f"its key: Secret {part.credential}, {age}"


def trouble_of_address(part: Part, own: Sequence[Manifest]) -> str:
    """Return why a part's address leads nowhere: its Route is missing or not taken up."""
    host = urlsplit(part.url).hostname
    if not host:
        return ""
    for item in own:
        if item["kind"] == "Route" and host in hosts_of(item):
            why = trouble_of(item)
            return f"Route {item['metadata']['name']}, {why}" if why else ""
    return f"no Route leads to {host}; {part.remedy} brings it back"


def on_gateway(manifest: Manifest) -> bool:
    """Whether it is a workbench that is opened by the gateway's one host, since 3.0."""
    annotations = manifest["metadata"].get("annotations") or {}
    login = annotations.get("notebooks.opendatahub.io/inject-auth")
    return manifest["kind"] == "Notebook" and login == "true"


def hosts_of(route: Manifest) -> set[str]:
    """Return the hosts that a Route asks for or has been given."""
    ingress = route.get("status", {}).get("ingress") or []
    return {route.get("spec", {}).get("host", ""), *(entry.get("host", "") for entry in ingress)}


def state_of_function(name: str, own: Sequence[Manifest]) -> str:
    """Say whether a function runs, starts or sleeps."""
    pods = [
        replicas_of(item)
        for item in own
        if item["kind"] == "Deployment"
        and (item["metadata"].get("labels") or {}).get(FUNCTION_LABEL) == name
    ]
    if any(ready for ready, _ in pods):
        return "awake"
    return "starting" if any(asked for _, asked in pods) else SLEEPING
