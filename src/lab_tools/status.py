"""Tells what of the lab is up, what is not and why, and where its pages are."""

from __future__ import annotations

import base64
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab_tools import cluster, machine
from lab_tools.layout import Layout, project_directory

# The lab's own kinds; a cluster without the platform does not know them.
LAB_KINDS = (
    "datasciencepipelinesapplications.datasciencepipelinesapplications.opendatahub.io",
    "notebooks.kubeflow.org",
    "inferenceservices.serving.kserve.io",
)
SYSTEM_NAMESPACES = {"kube-system", "local-path-storage"}
URLS = ("webapp", "workbench", "pipelines", "s3", "inference")


@dataclass(frozen=True)
class Line:
    """One line of the answer: whether it is well, what it is, and why not."""

    well: bool
    text: str
    why: str = ""

    def __str__(self) -> str:
        mark = "up  " if self.well else "DOWN"
        return f"  {mark}  {self.text}" + (f": {self.why}" if self.why else "")


def machine_lines(layout: Layout) -> list[Line]:
    """The embedded cluster's processes on this machine."""
    record = cluster.read_record(layout)
    if record is None:
        return [Line(False, "cluster", "there is none on this machine; ./lab up makes it")]
    lines = []
    supervisor = "systemd" if machine.has_systemd() else "supervisor"
    well = machine.supervised(layout)
    lines.append(
        Line(
            well,
            supervisor,
            "" if well else "it does not run; ./lab up starts it with the same data",
        )
    )
    for name, kind in (("containerd", machine.is_containerd), ("kubelet", machine.is_kubelet)):
        well = bool(machine.of_kind(kind, layout))
        lines.append(Line(well, name, "" if well else f"its log is {layout.logs}/{name}.log"))
    health = cluster.api_health(layout)
    lines.append(
        Line(
            health == "ok",
            f"Kubernetes {record.get('kubernetes', '')} API",
            "" if health == "ok" else health,
        )
    )
    return lines


def ask(kubectl: str, kubeconfig: Path, kinds: str) -> tuple[list[dict[str, Any]], str]:
    """Objects of these kinds in all namespaces, and why there are none."""
    try:
        done = subprocess.run(
            [
                kubectl,
                f"--kubeconfig={kubeconfig}",
                "--request-timeout=1500ms",
                "get",
                kinds,
                "-A",
                "-o",
                "json",
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=4,
        )
    except subprocess.TimeoutExpired:
        return [], "the API server did not answer in time"
    if done.returncode != 0:
        return [], (done.stderr.strip().splitlines() or ["kubectl failed"])[-1]
    items = json.loads(done.stdout)["items"]
    return list(items), ""


def condition_of(item: dict[str, Any], kind: str) -> dict[str, Any]:
    """One condition of an object, empty where it has none of that type."""
    for condition in item.get("status", {}).get("conditions", []) or []:
        if condition.get("type") == kind:
            return dict(condition)
    return {}


def workload_line(item: dict[str, Any]) -> Line:
    """A Deployment, StatefulSet or DaemonSet."""
    status = item.get("status", {})
    spec = item.get("spec", {})
    if item["kind"] == "DaemonSet":
        wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
    else:
        wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0) or 0
    name = f"{item['kind']} {item['metadata']['namespace']}/{item['metadata']['name']}"
    if ready >= wanted:
        return Line(True, f"{name} {ready}/{wanted}")
    message = condition_of(item, "Available").get("message", "its pods are not ready")
    return Line(False, f"{name} {ready}/{wanted}", message)


def resource_line(item: dict[str, Any]) -> Line:
    """One of the lab's own kinds, by its condition Ready."""
    name = f"{item['kind']} {item['metadata']['namespace']}/{item['metadata']['name']}"
    ready = condition_of(item, "Ready")
    if not ready and item["kind"] == "Notebook":
        well = bool(item.get("status", {}).get("readyReplicas"))
        stopped = "kubeflow-resource-stopped" in item["metadata"].get("annotations", {})
        return Line(well or stopped, name + (" (stopped)" if stopped else ""))
    if ready.get("status") == "True":
        return Line(True, name)
    return Line(False, name, ready.get("message") or ready.get("reason") or "not ready yet")


def node_line(item: dict[str, Any]) -> Line:
    """A node, by its condition Ready."""
    ready = condition_of(item, "Ready")
    well = ready.get("status") == "True"
    return Line(
        well, f"Node {item['metadata']['name']}", "" if well else ready.get("message", "unknown")
    )


def url_lines(access: Path) -> list[str]:
    """The addresses that the access file names."""
    try:
        table = json.loads(access.read_text())
    except (OSError, ValueError):
        return []
    lines = []
    for key in URLS:
        entry = table.get(key)
        if isinstance(entry, dict) and entry.get("url"):
            credential = entry.get("token_secret") or entry.get("secret")
            note = f"   (credential: Secret {credential})" if credential else ""
            lines.append(f"  {key:10} {entry['url']}{note}")
    return lines


def shorten(link: str, authority: Path) -> str:
    """Leave a link's ticket with the workbench's proxy, for a link that fits on a line.

    The link stays as it is where the proxy cannot be reached from here.
    """
    parts = urlsplit(link)
    try:
        context = ssl.create_default_context(cafile=str(authority) if authority.exists() else None)
        connection = HTTPSConnection(parts.netloc, timeout=1, context=context)
        connection.request("POST", "/oauth/link", body=parts.query)
        path = connection.getresponse().read(200).decode("ascii").strip()
    except (OSError, HTTPException, ValueError):
        return link
    return f"https://{parts.netloc}{path}" if path.startswith("/oauth/login?") else link


def login_lines(
    kubectl: str, kubeconfig: Path, notebooks: list[dict[str, Any]], authority: Path
) -> list[str]:
    """Links that sign a browser in to each running workbench, once and within ten minutes."""
    if not notebooks:
        return []
    from lab_platform.auth_proxy.session import create_login_link

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [kubectl, f"--kubeconfig={kubeconfig}", "--request-timeout=1500ms", *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=4,
        )
        return done.stdout.strip()

    lines = []
    for notebook in notebooks:
        name, namespace = notebook["metadata"]["name"], notebook["metadata"]["namespace"]
        spec = notebook["spec"]["template"]["spec"]
        account = spec.get("serviceAccountName") or name
        try:
            host = run(
                *("-n", namespace, "get", "route.route.openshift.io", name),
                *("-o", "jsonpath={.spec.host}"),
            )
            secret = run(
                *("-n", namespace, "get", "secret", f"{name}-oauth-config"),
                *("-o", "jsonpath={.data.cookie_secret}"),
            )
            token = run("-n", namespace, "create", "token", account, "--duration=8h")
        except (subprocess.SubprocessError, OSError):
            continue
        key = base64.b64decode(secret)
        link = create_login_link(
            f"https://{host}", key, token, target=f"/notebook/{namespace}/{name}/lab"
        )
        lines.append(f"  {namespace}/{name}: {shorten(link, authority)}")
    return lines


def running_notebooks(kubectl: str, kubeconfig: Path) -> list[dict[str, Any]]:
    """The workbenches that run behind the login of the platform's own proxy."""
    notebooks, _ = ask(kubectl, kubeconfig, "notebooks.kubeflow.org")
    return [
        item
        for item in notebooks
        if item.get("status", {}).get("readyReplicas")
        and item["metadata"].get("annotations", {}).get("notebooks.opendatahub.io/inject-oauth")
        == "true"
    ]


def kubectl_of(layout: Layout) -> str | None:
    """The suite's own kubectl, else the machine's."""
    own = layout.programs / "bin/kubectl"
    return str(own) if own.exists() else shutil.which("kubectl")


def kubeconfig_of(project: Path) -> Path:
    """The kubeconfig that this checkout uses."""
    if os.environ.get("LAB_INVENTORY", "embedded") == "embedded":
        return project / ".lab/kubeconfig"
    return Path(os.environ.get("KUBECONFIG", "~/.kube/config")).expanduser()


def sections(layout: Layout, project: Path) -> Iterable[tuple[str, list[Line]]]:
    """Everything that is told, by heading."""
    embedded = os.environ.get("LAB_INVENTORY", "embedded") == "embedded"
    kubeconfig = kubeconfig_of(project)
    kubectl = kubectl_of(layout)
    if embedded:
        if not kubeconfig.exists() and layout.admin_kubeconfig.exists():
            # Another checkout made the cluster.
            kubeconfig = layout.admin_kubeconfig
        lines = machine_lines(layout)
        yield "Machine", lines
        if not all(line.well for line in lines):
            return
    if kubectl is None or not kubeconfig.exists():
        yield "Cluster", [Line(False, "cluster", f"{kubeconfig} or kubectl is not there")]
        return
    with ThreadPoolExecutor(2) as pool:
        plain = pool.submit(ask, kubectl, kubeconfig, "nodes,deployments,statefulsets,daemonsets")
        own_kinds = pool.submit(ask, kubectl, kubeconfig, ",".join(LAB_KINDS))
        items, why = plain.result()
        resources, _ = own_kinds.result()
    if why:
        yield "Cluster", [Line(False, "cluster", why)]
        return
    nodes = [node_line(item) for item in items if item["kind"] == "Node"]
    work = [item for item in items if item["kind"] != "Node"]
    system = [i for i in work if i["metadata"]["namespace"] in SYSTEM_NAMESPACES]
    yield "Cluster", nodes + [workload_line(item) for item in system]
    rest = [i for i in work if i["metadata"]["namespace"] not in SYSTEM_NAMESPACES]
    if rest:
        yield "Workloads", [workload_line(item) for item in rest]
    if resources:
        yield "Lab", [resource_line(item) for item in resources]


def main() -> int:
    """Print the status; the exit code is 0 when nothing is down."""
    layout = Layout()
    project = project_directory()
    well = True
    for heading, lines in sections(layout, project):
        print(heading)
        for line in lines:
            print(line)
            well = well and line.well
    urls = url_lines(project / ".lab/access.json")
    if urls:
        print("URLs")
        print("\n".join(urls))
    kubeconfig = kubeconfig_of(project)
    kubectl = kubectl_of(layout)
    # On OpenShift a learner signs in with an account of the cluster's own.
    if kubeconfig.exists() and kubectl and os.environ.get("LAB_INVENTORY") != "openshift":
        notebooks = running_notebooks(kubectl, kubeconfig)
        links = login_lines(kubectl, kubeconfig, notebooks, project / ".lab/ca.crt")
        if links:
            print("Sign in to a workbench (each link works once, for ten minutes)")
            print("\n".join(links))
    if kubeconfig.exists():
        print(f"kubeconfig: {kubeconfig}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
