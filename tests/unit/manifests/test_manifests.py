"""One set of manifests for three kinds of cluster: what differs is in the inventories."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from rendering import INVENTORIES, Manifest, flatten, identify, render, render_text

FIELDS = yaml.safe_load((Path(__file__).parent / "upstream_fields.yml").read_text(encoding="utf-8"))
UPSTREAM_KINDS = {
    "": {"Namespace", "PersistentVolumeClaim", "ServiceAccount", "Secret", "ConfigMap", "Service"},
    "apps": {"Deployment"},
    "batch": {"Job"},
    "datasciencepipelinesapplications.opendatahub.io": {"DataSciencePipelinesApplication"},
    "image.openshift.io": {"ImageStream"},
    "kubeflow.org": {"Notebook"},
    "rbac.authorization.k8s.io": {"RoleBinding"},
    "route.openshift.io": {"Route"},
    "serving.knative.dev": {"Service"},
}
# What may differ from cluster to cluster, and nothing else may.
DATA = re.compile(
    r"/apiVersion$"
    r"|/containers/0/imagePullPolicy$"
    r"|/containers/0/resources/(requests|limits)/(cpu|memory)$"
    r"|/storageClassName$"
    r"|/objectStorage/minio/image$"
    r"|/annotations/notebooks.opendatahub.io~oauth-logout-url$"
    r"|/env/0/value$"
    r"|/data/odh_dsp.json$"
)


def by_identity(manifests: list[Manifest]) -> dict[tuple[str, str, str, str], Manifest]:
    found = {identify(manifest): manifest for manifest in manifests}
    assert len(found) == len(manifests), "two manifests have the same name"
    return found


@pytest.mark.parametrize("inventory", ["kubernetes", "openshift"])
def test_same_objects_on_every_cluster(inventory: str) -> None:
    assert by_identity(render(inventory)).keys() == by_identity(render("embedded")).keys()


@pytest.mark.parametrize("inventory", ["kubernetes", "openshift"])
def test_only_data_differs(inventory: str) -> None:
    ours, theirs = by_identity(render("embedded")), by_identity(render(inventory))
    different = {
        f"{'/'.join(identity)} {path}"
        for identity in ours
        for path in flatten(ours[identity]).keys() | flatten(theirs[identity]).keys()
        if flatten(ours[identity]).get(path) != flatten(theirs[identity]).get(path)
        and not DATA.search(path.replace(".io/", ".io~"))
    }
    assert different == set()


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_only_upstream_kinds(inventory: str) -> None:
    for group, kind, _namespace, name in by_identity(render(inventory)):
        assert kind in UPSTREAM_KINDS.get(group, set()), f"{group} has no {kind} ({name})"


def unknown_fields(value: Any, known: Any, path: str) -> list[str]:
    """List the paths that upstream's type does not have."""
    if not isinstance(known, dict):
        return []
    if isinstance(value, list):
        return [entry for part in value for entry in unknown_fields(part, known, path)]
    found = []
    for key, part in value.items():
        if key in known:
            found += unknown_fields(part, known[key], f"{path}.{key}")
        else:
            found.append(f"{path}.{key}")
    return found


def test_openshift_has_only_upstream_fields() -> None:
    unknown = [
        entry
        for manifest in render("openshift")
        if "." in manifest["apiVersion"] and manifest["kind"] in FIELDS
        for entry in unknown_fields(manifest["spec"], FIELDS[manifest["kind"]], manifest["kind"])
    ]
    assert unknown == []


@pytest.mark.parametrize(
    ("version", "expected"),
    [("2.9", "v1alpha1"), ("2.15", "v1alpha1"), ("2.16", "v1"), ("3.0", "v1")],
)
def test_pipeline_server_has_the_version_that_the_cluster_serves(
    version: str, expected: str
) -> None:
    (server,) = (
        manifest
        for manifest in render("openshift", lab_openshift_ai_version=version)
        if manifest["kind"] == "DataSciencePipelinesApplication"
    )
    assert server["apiVersion"].endswith(f"/{expected}")


@pytest.mark.parametrize(("mode", "label"), [("modelmesh", "true"), ("raw", "false")])
def test_serving_mode_labels_the_namespace(mode: str, label: str) -> None:
    (namespace,) = (
        manifest
        for manifest in render("openshift", lab_serving_mode=mode)
        if identify(manifest) == ("", "Namespace", "", "mnist")
    )
    assert namespace["metadata"]["labels"]["modelmesh-enabled"] == label


def test_thirty_seats_are_data() -> None:
    seats = [f"mnist-{number}" for number in range(1, 31)]
    manifests = render("embedded", lab_seats=seats)
    notebooks = [m["metadata"]["namespace"] for m in manifests if m["kind"] == "Notebook"]
    assert notebooks == seats
    servers = [m for m in manifests if m["kind"] == "DataSciencePipelinesApplication"]
    assert [m["metadata"]["namespace"] for m in servers] == seats


def test_workbench_is_the_one_that_the_dashboard_makes() -> None:
    (notebook,) = (m for m in render("openshift") if m["kind"] == "Notebook")
    metadata = notebook["metadata"]
    assert metadata["labels"]["opendatahub.io/dashboard"] == "true"
    assert metadata["annotations"]["notebooks.opendatahub.io/inject-oauth"] == "true"
    (container,) = notebook["spec"]["template"]["spec"]["containers"]
    assert container["name"] == metadata["name"] == "notebook"
    assert container["envFrom"] == [{"secretRef": {"name": "aws-connection-s3-creds"}}]
    arguments = container["env"][0]
    assert arguments["name"] == "NOTEBOOK_ARGS"
    assert "--ServerApp.base_url=/notebook/mnist/notebook\n" in arguments["value"]


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_everything_is_labelled_as_the_labs(inventory: str) -> None:
    for manifest in render(inventory):
        if "namespace" not in manifest["metadata"]:
            continue
        labels = manifest["metadata"].get("labels", {})
        assert labels.get("app.kubernetes.io/part-of") == "mnist-lab", identify(manifest)


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_keys_of_the_store_are_generated_unless_the_inventory_sets_them(inventory: str) -> None:
    def minio(**keys: str) -> Manifest:
        [server] = [
            one
            for one in render(inventory, **keys)
            if one["kind"] == "DataSciencePipelinesApplication"
        ]
        found: Manifest = server["spec"]["objectStorage"]["minio"]
        return found

    assert "s3CredentialsSecret" not in minio()
    keys = {"lab_object_store_access_key": "minio", "lab_object_store_secret_key": "minio123"}
    assert minio(**keys)["s3CredentialsSecret"] == {
        "secretName": "ds-pipeline-s3-ds-pipeline",
        "accessKey": "accesskey",
        "secretKey": "secretkey",
    }
    text = render_text(inventory, "lab_pipeline_server", "credentials.yml.j2", **keys)
    [secret] = [part for part in yaml.safe_load_all(text) if part]
    assert secret["data"] == {"accesskey": "bWluaW8=", "secretkey": "bWluaW8xMjM="}
