"""Asks the machine and the cluster how everything is; four questions to the API at once."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from embedded_cluster import cluster, external_addresses, machine
from embedded_cluster.layout import Layout
from lab_class.adoption import WANTED, adopt_objects
from lab_class.record import NAMESPACE, read_file
from lab_ground.kubernetes.manifest import Manifest
from lab_status.lines import DOWN, UP, Line
from lab_status.sections import Snapshot
from lab_status.store import store_lines

PLAIN_KINDS = ("nodes", "namespaces", "deployments", "statefulsets", "daemonsets")
WITHOUT_NAMESPACE = ("nodes", "namespaces")
# The lab's own kinds; a cluster without the platform does not know them.
LAB_KINDS = (
    "datasciencepipelinesapplications.datasciencepipelinesapplications.opendatahub.io",
    "notebooks.kubeflow.org",
    "inferenceservices.serving.kserve.io",
    "services.serving.knative.dev",
    "routes.route.openshift.io",
)
# The lab's tokens without an end; what they are is not read, only when they were made.
TOKENS = (
    "get", "secrets", "--selector=app.kubernetes.io/part-of=mnist-lab",
    "--field-selector=type=kubernetes.io/service-account-token",
    "-o", "jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} "
    "{.metadata.creationTimestamp}{\"\\n\"}{end}",
)  # fmt: skip
# kubectl's words for what one may not, and for an API server that is not the one which the
# kubeconfig trusts.
FORBIDDEN = "(Forbidden)"
FOREIGN_CLUSTER = "certificate signed by unknown authority"


def inventory() -> str:
    """Name the kind of cluster that the environment asks for."""
    return os.environ.get("LAB_INVENTORY", "embedded")


@dataclass(frozen=True)
class Kubectl:
    """The client and the kubeconfig with which the cluster is asked."""

    program: str
    kubeconfig: Path

    def run(self, *arguments: str) -> str:
        """Return what a command prints.

        Raises:
            subprocess.SubprocessError: it failed, or took too long.
        """
        done = subprocess.run(
            [
                self.program,
                f"--kubeconfig={self.kubeconfig}",
                "--request-timeout=1500ms",
                *arguments,
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=4,
        )
        return done.stdout.strip()

    def list_all(
        self, kinds: Sequence[str], seats: Sequence[str] = ()
    ) -> tuple[list[Manifest], str]:
        """Return the objects of these kinds in all namespaces, and why there are none.

        Who may not look into all, as an instructor with rights in the seats, is told of the seats.
        """
        try:
            return self._list_seen(kinds, seats), ""
        except (subprocess.SubprocessError, OSError, ValueError, KeyError) as error:
            return [], reason_of(error)

    def _list_seen(self, kinds: Sequence[str], seats: Sequence[str]) -> list[Manifest]:
        try:
            return self._list(kinds, "-A")
        except subprocess.CalledProcessError as error:
            if not seats or FORBIDDEN not in str(error.stderr):
                raise
        wide = [kind for kind in kinds if kind in WITHOUT_NAMESPACE]
        inside = [kind for kind in kinds if kind not in WITHOUT_NAMESPACE]
        items = self._list(wide) if wide else []
        for seat in seats:
            items += self._list(inside, "-n", seat)
        return items

    def _list(self, kinds: Sequence[str], *where: str) -> list[Manifest]:
        said = self.run("get", ",".join(kinds), *where, "-o", "json")
        return list(json.loads(said)["items"])


def token_births(kubectl: Kubectl, seats: Sequence[str] = ()) -> dict[str, datetime]:
    """Return when each token's Secret was made, by namespace/name; none where one may not look.

    Who may not look into all namespaces is told of the seats.
    """
    with contextlib.suppress(subprocess.SubprocessError, OSError, ValueError):
        return _births(kubectl, "-A")
    found: dict[str, datetime] = {}
    for seat in seats:
        with contextlib.suppress(subprocess.SubprocessError, OSError, ValueError):
            found |= _births(kubectl, "-n", seat)
    return found


def _births(kubectl: Kubectl, *where: str) -> dict[str, datetime]:
    pairs = [line.split() for line in kubectl.run(*TOKENS, *where).splitlines()]
    return {name: datetime.fromisoformat(made) for name, made in pairs}


def reason_of(error: Exception) -> str:
    """Return one sentence on why kubectl gave no answer."""
    if isinstance(error, subprocess.TimeoutExpired):
        return "the API server did not answer in time"
    if isinstance(error, subprocess.CalledProcessError):
        said = (error.stderr or "").strip().splitlines() or ["kubectl failed"]
        if FOREIGN_CLUSTER in said[-1]:
            return "the kubeconfig is of another cluster; ./lab up writes it anew"
        return str(said[-1]).removeprefix("error: ")
    return f"kubectl gave no answer that can be read: {error}"


def find_kubectl(layout: Layout, project: Path) -> Kubectl | None:
    """Return the client of this checkout: the suite's own kubectl, else the machine's."""
    own = layout.programs / "bin/kubectl"
    program = str(own) if own.exists() else shutil.which("kubectl")
    if inventory() == "embedded":
        kubeconfig = project / ".lab/kubeconfig"
        if not kubeconfig.exists():
            # Another checkout made the cluster.
            kubeconfig = layout.admin_kubeconfig
    else:
        kubeconfig = Path(os.environ.get("KUBECONFIG", "~/.kube/config")).expanduser()
    return Kubectl(program, kubeconfig) if program and kubeconfig.exists() else None


def machine_lines(layout: Layout) -> list[Line]:
    """Say how the embedded cluster's processes on this machine are."""
    record = cluster.read_record(layout)
    if record is None:
        return [Line(DOWN, "cluster", "there is none on this machine; ./lab up makes it")]
    lines = [
        _process(
            "systemd" if machine.has_systemd() else "supervisor",
            machine.supervised(layout),
            "it does not run; ./lab up starts it with the same data",
        )
    ]
    for name, kind in (("containerd", machine.is_containerd), ("kubelet", machine.is_kubelet)):
        runs = bool(machine.of_kind(kind, layout))
        lines.append(_process(name, runs, f"its log is {layout.logs}/{name}.log"))
    health = cluster.api_health(layout)
    name = f"Kubernetes {record.get('kubernetes', '')} API"
    lines.append(_process(name, health == "ok", health))
    return lines


def _process(name: str, runs: bool, why: str) -> Line:
    return Line(UP, name) if runs else Line(DOWN, name, why)


def look(layout: Layout, kubectl: Kubectl | None, namespaces: Sequence[str] = ()) -> Snapshot:
    """Ask for everything that the status tells; the namespaces are the known seats'."""
    embedded = inventory() == "embedded"
    lines = machine_lines(layout) if embedded else None
    if lines is not None and not all(line.well for line in lines):
        return Snapshot(machine=lines)
    if kubectl is None:
        why = "there is no kubeconfig, or no kubectl; set KUBECONFIG, or run ./lab up"
        return Snapshot(machine=lines, problem=why)
    with ThreadPoolExecutor(4) as pool:
        births = pool.submit(token_births, kubectl, namespaces)
        claimable = pool.submit(
            external_addresses.ask,
            [kubectl.program, f"--kubeconfig={kubectl.kubeconfig}"],
            [*namespaces, "default"],
        )
        plain = pool.submit(kubectl.list_all, PLAIN_KINDS, namespaces)
        own_kinds = pool.submit(kubectl.list_all, LAB_KINDS, namespaces)
        items, problem = plain.result()
        resources, resources_problem = own_kinds.result()
    return Snapshot(
        machine=lines,
        store=store_lines(layout) if embedded else [],
        items=items,
        problem=problem,
        resources=resources,
        resources_problem=resources_problem,
        own_platform=inventory() != "openshift",
        addresses_claimable=claimable.result(),
        token_births=births.result(),
    )


def adopt(kubectl: Kubectl, state: Path) -> None:
    """Give this checkout the CA certificate and the list of seats, where the cluster has others.

    Raises:
        ClassError: the cluster's list of seats cannot be read.
    """
    names = [f"{kind.lower()}/{name}" for _, kind, name in WANTED]
    inside = ("-n", NAMESPACE, "--ignore-not-found")
    try:
        said = kubectl.run("get", *names, *inside, "-o", "json")
        answer = json.loads(said or "{}")
    except (subprocess.SubprocessError, OSError, ValueError):
        # What is wrong is told by the lines on the cluster.
        return
    items = answer.get("items", [answer] if answer else [])
    with contextlib.suppress(OSError):
        adopt_objects(items, state, state / "ca.crt" if inventory() != "openshift" else None)


def read_tables(state: Path) -> Sequence[dict[str, Any]]:
    """Return what the access files tell of the seats; one that cannot be read tells nothing.

    Of a class, seats without an access file are in it by their names, and those that it has not
    any more are left out.

    Raises:
        ClassError: the checkout's list of seats cannot be read.
    """
    tables = read_access(state)
    if not (seats := read_file(state).seats):
        return tables
    told = {table["namespace"]: table for table in tables}
    return [told.get(seat.namespace, {"namespace": seat.namespace}) for seat in seats]


def read_access(state: Path) -> Sequence[dict[str, Any]]:
    """Return the access files that can be read."""
    tables = []
    for path in (state / "access.json", *sorted(state.glob("access-*.json"))):
        try:
            table = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(table, dict) and table.get("namespace"):
            tables.append(table)
    return tables
