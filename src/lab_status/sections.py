"""Everything that is told, by heading; nothing here asks the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from embedded_cluster import external_addresses, network_policies
from lab_ground.kubernetes.manifest import Manifest
from lab_status.lines import DOWN, NONE, NOTE, TITLE, UP, Line, line_of, trouble_of
from lab_status.seats import Seat, read_seat, seat_lines

SYSTEM_NAMESPACES = frozenset({"kube-system", "local-path-storage"})
# What the platform consists of where the suite installs it itself.
PLATFORM_PARTS = (
    "lab-platform/lab-operators",
    "lab-router/lab-router",
    "lab-platform/lab-activator",
    "lab-platform/lab-login",
    "lab-platform/model-repository",
)
DASHBOARD = "rhods-dashboard"
PLATFORM_NAMESPACES = frozenset(part.partition("/")[0] for part in PLATFORM_PARTS)
INSTALL_PLATFORM = "./lab run install-platform"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
# kubectl's words for kinds that the cluster does not know.
UNKNOWN_KIND = "doesn't have a resource type"


@dataclass(frozen=True)
class Snapshot:
    """What the machine and the cluster said.

    ``machine`` is None where the cluster is not this machine's; the two texts say why there are no
    ``items`` of Kubernetes' own kinds or no ``resources`` of the lab's.
    """

    machine: list[Line] | None = None
    items: list[Manifest] = field(default_factory=list)
    problem: str = ""
    resources: list[Manifest] = field(default_factory=list)
    resources_problem: str = ""
    own_platform: bool = True
    addresses_claimable: bool | None = None
    """Whether a Service may have externalIPs; None: that could not be found out."""
    store: list[Line] = field(default_factory=list)
    """How etcd of the embedded cluster is, where one may ask it."""
    token_births: Mapping[str, datetime] = field(default_factory=dict)
    """When the Secret of each token was made, by namespace/name."""


def sections(
    snapshot: Snapshot, tables: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, list[Line]]]:
    """Tell everything, by heading; ``tables`` are the seats' access files."""
    answers = not snapshot.problem and all(line.well for line in snapshot.machine or ())
    dashboard = find_dashboard(snapshot) if answers and snapshot.own_platform else []
    if dashboard:
        yield "Dashboard", dashboard
    if snapshot.machine is not None:
        yield "Machine", snapshot.machine
        if not all(line.well for line in snapshot.machine):
            return
    if snapshot.problem:
        yield "Cluster", [Line(DOWN, "cluster", snapshot.problem)]
        return
    system = [
        line_of(item)
        for item in snapshot.items
        if item["kind"] == "Node" or namespace_of(item) in SYSTEM_NAMESPACES
    ]
    yield (
        "Cluster",
        [*system, *snapshot.store, *policy_lines(snapshot.items), *neighbour_lines(snapshot)],
    )
    if snapshot.own_platform:
        yield "Platform", platform_lines(snapshot.items)
    seats = seats_of(snapshot, tables)
    yield from lab_sections(snapshot, seats)
    told = {*SYSTEM_NAMESPACES, *(seat.namespace for seat in seats)}
    if snapshot.own_platform:
        told |= PLATFORM_NAMESPACES | {namespace_of(item) for item in dashboards_of(snapshot)}
    if others := other_lines(snapshot, told):
        yield "Other projects", others


def dashboards_of(snapshot: Snapshot) -> list[Manifest]:
    """Return the Deployment of the platform's dashboard, in whichever namespace the images are."""
    return [
        item
        for item in snapshot.items
        if item["kind"] == "Deployment" and item["metadata"]["name"] == DASHBOARD
    ]


def find_dashboard(snapshot: Snapshot) -> list[Line]:
    """Say where learners begin, and how it is; nothing where the platform is not installed."""
    lines = []
    for item in dashboards_of(snapshot):
        hosts = [
            str(entry.get("host", ""))
            for route in snapshot.resources
            if route["kind"] == "Route" and namespace_of(route) == namespace_of(item)
            for entry in route.get("status", {}).get("ingress") or ()
        ]
        # The short name first: it is the one to type.
        host = min(filter(None, hosts), key=len, default="")
        why = trouble_of(item)
        if why:
            lines.append(Line(DOWN, "dashboard", why, aligned=True))
        elif not host:
            why = f"no Route leads to it; {INSTALL_PLATFORM} brings it back"
            lines.append(Line(DOWN, "dashboard", why, aligned=True))
        else:
            lines.append(Line(UP, f"{'dashboard':{TITLE}} https://{host}"))
    return lines


def policy_lines(items: Sequence[Manifest]) -> list[Line]:
    """Say whether anything enforces the NetworkPolicies that the lab makes, and what it says."""
    nodes = [item for item in items if item["kind"] == "Node"]
    daemon_sets = [item for item in items if item["kind"] == "DaemonSet"]
    enforcers = network_policies.find_enforcers(daemon_sets, nodes)
    reports = network_policies.find_reports(nodes) if enforcers else []
    lines = [
        Line(DOWN, f"NetworkPolicies on {report.node}", report.why)
        for report in reports
        if not report.in_force
    ]
    if lines:
        return lines
    enforced, sentence = network_policies.tell(enforcers)
    lines = [Line(UP if enforced else NOTE, sentence.rstrip("."))]
    return lines + [Line(NOTE, report.why) for report in reports if report.why]


def neighbour_lines(snapshot: Snapshot) -> list[Line]:
    """Say what the cluster does not keep one seat from doing to the others."""
    lines = []
    if snapshot.addresses_claimable:
        lines.append(Line(NOTE, external_addresses.OPEN.rstrip(".")))
    daemon_sets = [item for item in snapshot.items if item["kind"] == "DaemonSet"]
    if not any(
        one.name == network_policies.OWN for one in network_policies.find_enforcers(daemon_sets)
    ):
        lines.append(Line(NOTE, network_policies.NO_BOUNDS.rstrip(".")))
    return lines


def namespace_of(item: Manifest) -> str:
    """Return an object's namespace, empty for one of the whole cluster."""
    return str(item["metadata"].get("namespace", ""))


def platform_lines(items: Sequence[Manifest]) -> list[Line]:
    """Say how the stand-ins for OpenShift AI are."""
    own = [i for i in items if i["kind"] in WORKLOADS and namespace_of(i) in PLATFORM_NAMESPACES]
    if not own:
        return [Line(NONE, "platform", f"not installed yet; {INSTALL_PLATFORM}")]
    lines = [line_of(item) for item in own]
    there = {f"{namespace_of(item)}/{item['metadata']['name']}" for item in own}
    for part in PLATFORM_PARTS:
        if part not in there:
            problem = f"it is not there; {INSTALL_PLATFORM} brings it back"
            lines.append(Line(DOWN, f"Deployment {part}", problem))
    return lines


def seats_of(snapshot: Snapshot, tables: Sequence[Mapping[str, Any]]) -> list[Seat]:
    """Return the seats of the access files, else those of the projects that the lab has made."""
    seats = {seat.namespace: seat for seat in (read_seat(dict(table)) for table in tables)}
    for item in snapshot.items:
        labels = item["metadata"].get("labels") or {}
        if item["kind"] == "Namespace" and labels.get("app.kubernetes.io/part-of") == "mnist-lab":
            name = item["metadata"]["name"]
            seats.setdefault(name, read_seat({}, name))
    return [seats[name] for name in sorted(seats, key=by_number)]


def by_number(name: str) -> tuple[str, int]:
    """Sort seat 10 after seat 9."""
    stem, _, number = name.rpartition("-")
    return (stem, int(number)) if number.isdecimal() else (name, 0)


def lab_sections(snapshot: Snapshot, seats: Sequence[Seat]) -> Iterator[tuple[str, list[Line]]]:
    """Tell how each seat is; a line each where there are several and nothing is wrong."""
    if snapshot.resources_problem and UNKNOWN_KIND not in snapshot.resources_problem:
        yield "Lab", [Line(DOWN, "the lab's objects", snapshot.resources_problem)]
        return
    if not seats:
        yield "Lab", [Line(NONE, "lab", "not made yet; ./lab up")]
        return
    projects = {i["metadata"]["name"]: i for i in snapshot.items if i["kind"] == "Namespace"}
    for seat in seats:
        heading = f"Lab in project {seat.namespace}"
        project = projects.get(seat.namespace)
        if project is None:
            yield heading, [Line(NONE, "project", "not made yet; ./lab up")]
        elif project.get("status", {}).get("phase") == "Terminating":
            yield heading, [Line(DOWN, "project", "it is being removed; ./lab up makes it anew")]
        else:
            lines = seat_lines(seat, [*snapshot.items, *snapshot.resources], snapshot.token_births)
            yield heading, lines if len(seats) == 1 else fewer(lines)


def fewer(lines: Sequence[Line]) -> list[Line]:
    """Of a seat among many, keep the page and the workbench, and what is not up."""
    kept = ("page", "workbench")
    up = [line.text[:TITLE].strip() for line in lines if line.mark == UP]
    told = [line for line in lines if line.mark != UP or line.text[:TITLE].strip() in kept]
    rest = [title for title in up if title not in kept]
    return told + ([Line(UP, ", ".join(rest))] if rest else [])


def other_lines(snapshot: Snapshot, told: set[str]) -> list[Line]:
    """Of what is not the lab's, tell what is down and count the rest."""
    others = [
        item
        for item in [*snapshot.items, *snapshot.resources]
        if item["kind"] != "Namespace" and namespace_of(item) and namespace_of(item) not in told
    ]
    down = [item for item in others if trouble_of(item)]
    names = sorted({namespace_of(item) for item in others})
    if not names:
        return []
    where = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    count = Line(UP, f"{len(others) - len(down)} objects in {where}")
    return [*([count] if len(others) > len(down) else []), *map(line_of, down)]
