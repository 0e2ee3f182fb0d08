"""The task ``lab_adopt``: what a checkout takes over from a cluster that another one made."""

from __future__ import annotations

from pathlib import Path

from embedded_cluster.layout import Layout
from lab_class import adoption, record
from lab_class.roster import ClassError
from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.kubernetes.errors import ApiError
from lab_ground.kubernetes.manifest import Manifest
from lab_playbook.outcome import Arguments, Result, TaskError


def adopt(arguments: Arguments, check_mode: bool, layout: Layout | None = None) -> Result:
    """Write kubeconfig, CA certificate and list of seats where they are missing or others.

    Whether the cluster answers, and what lacks in it, the tasks after this one tell.

    Raises:
        TaskError: the cluster's list of seats cannot be read.
    """
    kubeconfig = Path(arguments["kubeconfig"]).expanduser()
    # Another file is somebody's own, with the rights of whom it names, and not to be replaced by
    # the administrator's.
    own = kubeconfig.resolve() == (Path(arguments["state"]) / "kubeconfig").resolve()
    adopted = []
    if (
        arguments["own_machine"]
        and own
        and not check_mode
        and adoption.adopt_kubeconfig(layout or Layout(), kubeconfig)
    ):
        adopted.append(str(kubeconfig))
    found = look(arguments["kubeconfig"])
    if not check_mode:
        authority = arguments["ca_certificate"]
        try:
            adopted += adoption.adopt_objects(
                found, Path(arguments["state"]), Path(authority) if authority else None
            )
        except ClassError as error:
            raise TaskError(
                f"ConfigMap {record.NAMESPACE}/{record.NAME} cannot be read: {error}"
            ) from error
    return {"changed": bool(adopted), "adopted": adopted}


def look(kubeconfig: str) -> list[Manifest]:
    """Return what there is to take over; nothing where the cluster cannot be asked for it."""
    try:
        client = open_client(kubeconfig)
    except Exception:
        # Every kind of kubeconfig that cannot be used: the next task says so, with the remedy.
        return []
    return [item for wanted in adoption.WANTED if (item := _get(client, *wanted))]


def _get(client: KubernetesClient, api_version: str, kind: str, name: str) -> Manifest | None:
    try:
        found = client.get(api_version, kind, name, record.NAMESPACE)
    except ApiError:
        return None
    return None if found is None else {"apiVersion": api_version, "kind": kind, **found}
