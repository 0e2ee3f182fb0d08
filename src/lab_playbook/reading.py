"""Objects of several seats, each read in its own: nobody needs rights in all namespaces for it."""

from __future__ import annotations

from collections.abc import Sequence

from lab_diagnosis.collect import explain_error
from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.kubernetes.errors import UnknownKindError
from lab_ground.kubernetes.manifest import Manifest
from lab_playbook.outcome import Arguments, Result, TaskError


def named(
    cluster: KubernetesClient, api_version: str, kind: str, name: str, namespaces: Sequence[str]
) -> dict[str, Manifest]:
    """Return the objects of a name, by namespace."""
    return {
        thing["metadata"]["namespace"]: thing
        for namespace in namespaces
        for thing in cluster.list_objects(
            api_version, kind, namespace, field_selector=f"metadata.name={name}"
        )
    }


def read(arguments: Arguments, check_mode: bool) -> Result:
    """Return the objects of a kind in the seats, by name or label; none where there is no cluster.

    Raises:
        TaskError: the cluster cannot be asked.
    """
    name, labels = arguments["name"], arguments["label_selector"]
    try:
        cluster = open_client()
        found = [
            thing
            for namespace in arguments["namespaces"]
            for thing in cluster.list_objects(
                arguments["api_version"],
                arguments["kind"],
                namespace,
                label_selector=labels or None,
                field_selector=f"metadata.name={name}" if name else None,
            )
        ]
    except UnknownKindError:
        found = []
    except Exception as error:
        if check_mode:
            return {"resources": []}
        what = f"{arguments['kind']} {name}".strip()
        raise TaskError(f"{what} cannot be read: {explain_error(error)}") from error
    return {"resources": found}
