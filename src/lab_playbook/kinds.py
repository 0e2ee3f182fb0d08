"""The platform's resource definitions on a cluster: those that differ are replaced, none else.

One question for all of them and one comparison: they are some 700 kB of JSON, which by a module
call each, or through Ansible's variables, cost seconds whenever nothing was to be done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_diagnosis.collect import explain_error
from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.kubernetes.conditions import is_true
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.waiting import NotInTimeError, wait_for
from lab_playbook.outcome import Arguments, Result, TaskError
from resource_definitions.definitions import UnknownVersionError, definitions

API_VERSION, KIND = "apiextensions.k8s.io/v1", "CustomResourceDefinition"


def as_served(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The spec as the API server gives it back: with what it fills in where nothing is said.

    Source: SetDefaults_CustomResourceDefinitionSpec in Kubernetes'
    apiextensions-apiserver/pkg/apis/apiextensions/v1/defaults.go.
    """
    spec = dict(definition["spec"])
    names = dict(spec["names"])
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", names["kind"] + "List")
    spec["names"] = names
    spec.setdefault("conversion", {"strategy": "None"})
    return spec


def replacement(wanted: Manifest, present: Manifest | None) -> Manifest | None:
    """What is to be written so that the cluster has the definition; None where it has it.

    Replaced, not merged: a field that a former definition had and this one has not is to go.
    Labels and annotations of others stay.
    """
    if present is None:
        return wanted
    metadata = present["metadata"]
    annotations = wanted["metadata"].get("annotations", {})
    kept = metadata.get("annotations") or {}
    if as_served(present) == as_served(wanted) and annotations.items() <= kept.items():
        return None
    return {**wanted, "metadata": {**metadata, "annotations": {**kept, **annotations}}}


def present_definitions(client: KubernetesClient) -> dict[str, Manifest]:
    """Every definition that the cluster has, by name."""
    return {entry["metadata"]["name"]: entry for entry in client.list_objects(API_VERSION, KIND)}


def not_served(wanted: list[Manifest], present: Mapping[str, Manifest]) -> list[str]:
    """Names of those that the API server does not serve yet."""
    names = [entry["metadata"]["name"] for entry in wanted]
    return [
        name
        for name in names
        if not is_true((present.get(name, {}).get("status") or {}).get("conditions"), "Established")
    ]


def install(arguments: Arguments, check_mode: bool) -> Result:
    """Install the definitions of a version, and wait until the API server serves them.

    Returns the names of those that were written (or, in check mode, would be).

    Raises:
        TaskError: the version is unknown, the cluster refuses one, or does not serve it in time.
    """
    name = ""
    try:
        wanted = definitions(arguments["version"])
        client = open_client()
        present = present_definitions(client)
        changes = [
            change
            for entry in wanted
            if (change := replacement(entry, present.get(entry["metadata"]["name"])))
        ]
        names = [change["metadata"]["name"] for change in changes]
        if check_mode:
            return {"changed": bool(changes), "kinds": names}
        for change in changes:
            name = change["metadata"]["name"]
            if name in present:
                client.replace(change)
            else:
                client.create(change)
        name = ""
        if changes or not_served(wanted, present):
            _wait(client, wanted, arguments["timeout"])
    except UnknownVersionError as error:
        raise TaskError(str(error)) from error
    except NotInTimeError as error:
        raise TaskError(f"{error}.") from error
    except Exception as error:
        if check_mode:  # The cluster is not there yet, so every kind is new to it.
            return {"changed": True, "kinds": [entry["metadata"]["name"] for entry in wanted]}
        what = f"The definition {name} is refused" if name else "The kinds cannot be looked at"
        raise TaskError(f"{what}: {explain_error(error)}") from error
    return {"changed": bool(changes), "kinds": names}


def _wait(client: KubernetesClient, wanted: list[Manifest], timeout: int) -> None:
    lacking: list[str] = []

    def served() -> bool:
        lacking[:] = not_served(wanted, present_definitions(client))
        return not lacking

    wait_for(served, timeout, lambda: f"The API server serves {', '.join(lacking)}", pause=0.5)
