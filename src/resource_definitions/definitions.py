"""The CustomResourceDefinitions of a version of OpenShift AI."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import yaml

from lab_ground.kubernetes.manifest import Manifest
from resource_definitions.notation import Expander, Schema

# The versions that the platform can play, the newest last.
VERSIONS = ("2.16", "2.25", "3.5")
DEFAULT_VERSION = "2.25"
# Says of a cluster's definitions which version they are of.
PLAYED = "lab.opendatahub.io/openshift-ai-version"
# Kinds that are the same whichever version of OpenShift AI runs there.
SHARED = ("knative", "openshift")


class UnknownVersionError(ValueError):
    """No such version of OpenShift AI is written down."""


@cache
def kubernetes() -> dict[str, Schema]:
    """Kubernetes' own definitions, by their short names (``PodSpec``), in the notation."""
    text = resources.files("resource_definitions").joinpath("kubernetes.json").read_text()
    return dict(json.loads(text))


def build_definition(kind: dict[str, Any]) -> Manifest:
    """One kind's CustomResourceDefinition from its entry in the notation."""
    expander = Expander(kind.get("define", {}), kubernetes(), kind.get("kubernetes", {}))
    versions = [
        {
            "name": name,
            **{key: value for key, value in version.items() if key != "schema"},
            "schema": {"openAPIV3Schema": expander.expand(version["schema"])},
        }
        for name, version in kind["versions"].items()
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind['names']['plural']}.{kind['group']}",
            "annotations": dict(kind.get("annotations", {})),
        },
        "spec": {
            "group": kind["group"],
            "names": kind["names"],
            "scope": kind["scope"],
            "versions": versions,
        },
    }


def definitions(version: str = DEFAULT_VERSION) -> list[Manifest]:
    """Every definition that the platform brings when it plays this version, by name.

    Raises:
        UnknownVersionError: the version is none of `VERSIONS`.
    """
    if version not in VERSIONS:
        raise UnknownVersionError(
            f"OpenShift AI {version} is not written down here; it is one of {', '.join(VERSIONS)}."
        )
    root = resources.files("resource_definitions") / "kinds"
    found = [
        build_definition(yaml.safe_load(entry.read_text()))
        for folder in (*SHARED, version)
        for entry in (root / folder).iterdir()
        if entry.name.endswith(".yml")
    ]
    for definition in found:
        definition["metadata"]["annotations"][PLAYED] = version
    return sorted(found, key=lambda definition: str(definition["metadata"]["name"]))
