"""Workbenches as the page shows them, and their forms filled with what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard import kinds
from dashboard.objects.common import DESCRIPTION, display_of
from dashboard.objects.workbench import (
    CONFIGURATION_KINDS,
    IMAGE_SELECTION,
    SIZE_SELECTION,
)
from dashboard.settings import Settings
from dashboard.snapshot import Snapshot
from dashboard.status.causes import cause_of
from dashboard.status.workbench import status_of
from dashboard.validation import WORKING_DIRECTORY
from dashboard.views.connections import is_connection
from lab_ground.connections import decode_secret
from lab_ground.kubernetes.quantities import parse_bytes

Thing = Mapping[str, Any]
GIB = 2**30


@dataclass(frozen=True)
class Offers:
    """What the catalogue offers, as far as views need it."""

    settings: Settings
    images: Sequence[Mapping[str, Any]] = ()
    runtimes: Sequence[Mapping[str, Any]] = ()
    storage_classes: Sequence[Mapping[str, Any]] = ()


def workbench_items(snapshot: Snapshot, offers: Offers, now: datetime) -> list[dict[str, Any]]:
    """Every workbench of a project, the oldest first."""
    notebooks = snapshot.need(kinds.NOTEBOOK)
    notebooks.sort(key=lambda item: str(item["metadata"].get("creationTimestamp") or ""))
    return [workbench_item(notebook, snapshot, offers, now) for notebook in notebooks]


def workbench_item(
    notebook: Thing, snapshot: Snapshot, offers: Offers, now: datetime
) -> dict[str, Any]:
    """One workbench."""
    metadata = notebook["metadata"]
    annotations = metadata.get("annotations") or {}
    status = status_of(notebook, snapshot.of(kinds.POD), snapshot.of(kinds.EVENT), now)
    cause = cause_of(snapshot, notebook) if status.word == "Failed" else None
    if status.word == "Failed" and cause is None:
        cause = status.events[-1].message if status.events else status.message
    container = container_of(notebook)
    return {
        "name": metadata["name"],
        "displayName": display_of(notebook),
        "description": annotations.get(DESCRIPTION) or "",
        "created": metadata.get("creationTimestamp"),
        "resourceVersion": metadata.get("resourceVersion"),
        "image": image_of(notebook, offers.images),
        "size": size_of(notebook, offers.settings),
        "accelerator": accelerator_of(container),
        "status": status.as_dict(cause),
        "url": url_of(
            notebook, snapshot.get(kinds.ROUTE, metadata["name"]), offers.settings.gateway
        ),
        "storages": storages_of(notebook, snapshot),
        "connections": connections_of(container, snapshot),
        "variables": [
            {"kind": kind, "name": name, "keys": sorted(values)}
            for kind, name, values in variables_of(container, snapshot)
        ],
    }


def container_of(notebook: Thing) -> dict[str, Any]:
    """The workbench's own container: the one of its name, else the first."""
    containers = notebook["spec"]["template"]["spec"].get("containers") or [{"name": ""}]
    name = notebook["metadata"]["name"]
    return dict(next((c for c in containers if c["name"] == name), containers[0]))


def image_of(notebook: Thing, images: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The image, as far as it is one of those that are offered."""
    annotations = notebook["metadata"].get("annotations") or {}
    reference = str(container_of(notebook).get("image") or "")
    selection = annotations.get(IMAGE_SELECTION) or reference.rpartition("/")[2]
    stream, _, tag = selection.partition(":")
    for image in images:
        for version in image["versions"]:
            if (image["stream"], version["tag"]) == (stream, tag):
                return {
                    "stream": stream,
                    "tag": tag,
                    "displayName": image["displayName"],
                    "available": version["available"],
                    "software": version["software"],
                    "packages": version["packages"],
                }
    shown = annotations.get("opendatahub.io/image-display-name") or selection
    missing = {"available": False, "software": [], "packages": []}
    return {"stream": stream, "tag": tag, "displayName": shown, **missing}


def size_of(notebook: Thing, settings: Settings) -> dict[str, Any]:
    """The size: the one that was chosen, where its quantities are still those."""
    resources = container_of(notebook).get("resources") or {}
    parts = {
        part: {k: str(v) for k, v in (resources.get(part) or {}).items() if k in ("cpu", "memory")}
        for part in ("requests", "limits")
    }
    chosen = (notebook["metadata"].get("annotations") or {}).get(SIZE_SELECTION)
    for size in settings.sizes:
        same = parts == {"requests": dict(size.requests), "limits": dict(size.limits)}
        if size.name == chosen and same:
            return size.as_dict()
    return {"name": "Custom", **parts}


def accelerator_of(container: Thing) -> dict[str, Any] | None:
    """The accelerators, by their resource's name."""
    for key, value in ((container.get("resources") or {}).get("limits") or {}).items():
        if "/" in key and str(value).isdigit() and int(value):
            return {"identifier": key, "count": int(value)}
    return None


def url_of(notebook: Thing, route: Thing | None, gateway: str = "") -> str | None:
    """Where the workbench is opened: on the gateway's host where there is one, else its Route's.

    None before that Route is there.
    """
    host = gateway or _host_of(route or {})
    metadata = notebook["metadata"]
    base = f"/notebook/{metadata['namespace']}/{metadata['name']}"
    return f"https://{host}{base}" if host else None


def _host_of(route: Thing) -> str | None:
    hosts = [entry.get("host") for entry in (route.get("status") or {}).get("ingress") or ()]
    return next(filter(None, hosts), None) or (route.get("spec") or {}).get("host")


def mounts_of(notebook: Thing) -> list[tuple[str, str]]:
    """The claims that a workbench mounts, and where."""
    volumes = {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in notebook["spec"]["template"]["spec"].get("volumes") or ()
        if volume.get("persistentVolumeClaim")
    }
    return [
        (volumes[mount["name"]], str(mount["mountPath"]))
        for mount in container_of(notebook).get("volumeMounts") or ()
        if mount["name"] in volumes
    ]


def root_of(notebook: Thing) -> str | None:
    """The claim with a workbench's own files."""
    return next((c for c, p in mounts_of(notebook) if p.rstrip("/") == WORKING_DIRECTORY), None)


def gib_of(claim: Thing | None) -> int | None:
    """The size of a claim in whole GiB, rounded up."""
    if claim is None:
        return None
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    try:
        return -(-parse_bytes(str(requests.get("storage") or "0")) // GIB)
    except ValueError:
        return None


def storages_of(notebook: Thing, snapshot: Snapshot) -> list[dict[str, Any]]:
    """A workbench's storages."""
    found = []
    for name, path in mounts_of(notebook):
        claim = snapshot.get(kinds.CLAIM, name)
        found.append(
            {
                "name": name,
                "displayName": display_of(claim) if claim else name,
                "sizeGiB": gib_of(claim),
                "path": path,
                "root": path.rstrip("/") == WORKING_DIRECTORY,
            }
        )
    return found


def references_of(container: Thing) -> list[tuple[str, str, bool]]:
    """Kind, name and whether it may be absent, of what a container takes its variables from."""
    found = []
    for entry in container.get("envFrom") or ():
        for kind, key in CONFIGURATION_KINDS.items():
            if key in entry:
                reference = entry[key]
                found.append((kind, str(reference.get("name")), bool(reference.get("optional"))))
    return found


def connections_of(container: Thing, snapshot: Snapshot) -> list[dict[str, str]]:
    """The data connections whose variables a container has."""
    found = []
    for kind, name, _ in references_of(container):
        secret = snapshot.get(kinds.SECRET, name) if kind == "secret" else None
        if secret and is_connection(secret):
            found.append({"name": name, "displayName": display_of(secret)})
    return found


def variables_of(container: Thing, snapshot: Snapshot) -> list[tuple[str, str, dict[str, str]]]:
    """Kind, name and values of the groups of variables that the form made."""
    found = []
    for kind, name, optional in references_of(container):
        thing = snapshot.get(kinds.SECRET if kind == "secret" else kinds.CONFIG_MAP, name)
        if optional or thing is None or (kind == "secret" and is_connection(thing)):
            continue
        values = decode_secret(thing)[0] if kind == "secret" else dict(thing.get("data") or {})
        found.append((kind, name, values))
    return found


def workbench_form(notebook: Thing, snapshot: Snapshot, offers: Offers) -> dict[str, Any]:
    """The form as it would be sent to make the workbench as it is."""
    container = container_of(notebook)
    annotations = notebook["metadata"].get("annotations") or {}
    image = image_of(notebook, offers.images)
    connections = connections_of(container, snapshot)
    root = root_of(notebook)
    connection = {"mode": "existing", "name": connections[0]["name"]} if connections else None
    return {
        "displayName": display_of(notebook),
        "name": notebook["metadata"]["name"],
        "description": annotations.get(DESCRIPTION) or "",
        "image": {"stream": image["stream"], "tag": image["tag"]},
        "size": size_of(notebook, offers.settings)["name"],
        "accelerator": accelerator_of(container),
        "variables": [
            {"kind": kind, "name": name, "values": values}
            for kind, name, values in variables_of(container, snapshot)
        ],
        "storage": {"mode": "existing", "name": root} if root else None,
        "connection": connection,
        "resourceVersion": notebook["metadata"].get("resourceVersion"),
    }
