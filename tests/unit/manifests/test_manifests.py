"""One set of manifests for three kinds of cluster: what differs is in the inventories."""

from __future__ import annotations

import re
from functools import cache

import pytest
import yaml
from jsonschema import Draft202012Validator

from lab_ground.kubernetes.manifest import Manifest
from resource_definitions.definitions import VERSIONS, definitions
from resource_definitions.structural import unknown_fields, with_defaults

from .rendering import INVENTORIES, MODES, flatten, identify, render, render_text

UPSTREAM_KINDS = {
    "": {
        "ConfigMap",
        "LimitRange",
        "Namespace",
        "PersistentVolumeClaim",
        "ResourceQuota",
        "Secret",
        "Service",
        "ServiceAccount",
    },
    "apps": {"Deployment"},
    "batch": {"Job"},
    "datasciencepipelinesapplications.opendatahub.io": {"DataSciencePipelinesApplication"},
    "image.openshift.io": {"ImageStream"},
    "kubeflow.org": {"Notebook"},
    "rbac.authorization.k8s.io": {"Role", "RoleBinding"},
    "route.openshift.io": {"Route"},
    "serving.knative.dev": {"Service"},
    "serving.kserve.io": {"InferenceService", "ServingRuntime"},
}
# What may differ from cluster to cluster, and nothing else may.
DATA = re.compile(
    r"/apiVersion$"
    r"|/containers/0/imagePullPolicy$"
    r"|/containers/0/resources/(requests|limits)/(cpu|memory)$"
    r"|/storageClassName$"
    # A seat's size.
    r"|/spec/hard/(pods|requests\.(cpu|memory|storage)|persistentvolumeclaims)$"
    r"|/objectStorage/minio/image$"
    r"|/annotations/notebooks.opendatahub.io~oauth-logout-url$"
    r"|/annotations/opendatahub.io~template-name$"
    r"|/env/0/value$"
    r"|/data/odh_dsp.json$"
)
# Where a server comes from the cluster's own template, its spec is the cluster's.
SERVERS_OWN = re.compile(r"/spec/(?!multiModel$|replicas$)")


def may_differ(kind: str, path: str) -> bool:
    """Say whether a leaf of a manifest is data of the cluster."""
    if kind == "ServingRuntime" and SERVERS_OWN.match(path):
        return True
    return bool(DATA.search(path.replace(".io/", ".io~")))


def by_identity(manifests: list[Manifest]) -> dict[tuple[str, str, str, str], Manifest]:
    found = {identify(manifest): manifest for manifest in manifests}
    assert len(found) == len(manifests), "two manifests have the same name"
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("inventory", ["kubernetes", "openshift"])
def test_same_objects_on_every_cluster(inventory: str, mode: str) -> None:
    ours = by_identity(render("embedded", lab_serving_mode=mode))
    assert by_identity(render(inventory, lab_serving_mode=mode)).keys() == ours.keys()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("inventory", ["kubernetes", "openshift"])
def test_only_data_differs(inventory: str, mode: str) -> None:
    ours, theirs = (
        by_identity(render(name, lab_serving_mode=mode)) for name in ("embedded", inventory)
    )
    different = {
        f"{'/'.join(identity)} {path}"
        for identity in ours
        for path in flatten(ours[identity]).keys() | flatten(theirs[identity]).keys()
        if flatten(ours[identity]).get(path) != flatten(theirs[identity]).get(path)
        and not may_differ(identity[1], path)
    }
    assert different == set()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("inventory", INVENTORIES)
def test_only_upstream_kinds(inventory: str, mode: str) -> None:
    for group, kind, _namespace, name in by_identity(render(inventory, lab_serving_mode=mode)):
        assert kind in UPSTREAM_KINDS.get(group, set()), f"{group} has no {kind} ({name})"


@cache
def known(version: str) -> list[Manifest]:
    """The definitions of a version, made once."""
    return definitions(version)


def problems(manifest: Manifest, version: str) -> list[str]:
    """What an API server of this version of OpenShift AI would refuse or drop of a manifest."""
    group, _, served = manifest["apiVersion"].rpartition("/")
    schemas = {
        name["name"]: name["schema"]["openAPIV3Schema"]
        for definition in known(version)
        if definition["spec"]["group"] == group
        and definition["spec"]["names"]["kind"] == manifest["kind"]
        for name in definition["spec"]["versions"]
        if name["served"]
    }
    if served not in schemas:
        return [f"{manifest['kind']}: {manifest['apiVersion']} is not served"]
    where = f"{manifest['kind']} {manifest['metadata']['name']}"
    schema = schemas[served]
    refused = Draft202012Validator(schema).iter_errors(with_defaults(schema, manifest))
    return [
        *(f"{where}: {error.json_path} {error.message}" for error in refused),
        *(f"{where}: {path} is dropped" for path in unknown_fields(schema, manifest)),
    ]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("inventory", INVENTORIES)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_takes_them_whole(version: str, inventory: str, mode: str) -> None:
    """Upstream's schemas, as they are written down in src/resource_definitions."""
    found = [
        problem
        for manifest in render(inventory, lab_serving_mode=mode)
        if "." in manifest["apiVersion"].partition("/")[0]
        and not manifest["apiVersion"].startswith(("rbac.", "networking."))
        for problem in problems(manifest, version)
    ]
    assert found == []


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


def pipeline_server(seats: list[str], namespace: str) -> Manifest:
    (found,) = (
        m for m in render("embedded", lab_seats=seats)
        if m["kind"] == "DataSciencePipelinesApplication"
        and m["metadata"]["namespace"] == namespace
    )  # fmt: skip
    return found


def test_a_seat_reset_alone_keeps_what_its_class_gave_it() -> None:
    alone = pipeline_server(["mnist-3"], "mnist-3")
    assert alone == pipeline_server([f"mnist-{n}" for n in range(1, 11)], "mnist-3")
    assert alone["spec"]["apiServer"]["resources"]["requests"]["cpu"] == "10m"
    assert "resources" not in pipeline_server(["mnist"], "mnist")["spec"]["apiServer"]


def test_workbench_is_the_one_that_the_dashboard_makes() -> None:
    (notebook,) = (m for m in render("openshift") if m["kind"] == "Notebook")
    metadata = notebook["metadata"]
    assert metadata["labels"]["opendatahub.io/dashboard"] == "true"
    assert metadata["annotations"]["notebooks.opendatahub.io/inject-oauth"] == "true"
    (container,) = notebook["spec"]["template"]["spec"]["containers"]
    assert container["name"] == metadata["name"] == "notebook"
    assert container["envFrom"] == [
        {"secretRef": {"name": "aws-connection-s3-creds"}},
        {"secretRef": {"name": "lab-package-index", "optional": True}},
    ]
    arguments = container["env"][0]
    assert arguments["name"] == "NOTEBOOK_ARGS"
    assert "--ServerApp.base_url=/notebook/mnist/notebook\n" in arguments["value"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("inventory", INVENTORIES)
def test_everything_is_labelled_as_the_labs(inventory: str, mode: str) -> None:
    for manifest in render(inventory, lab_serving_mode=mode):
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


def nulls(value: object, path: str = "") -> list[str]:
    """The paths of the nulls below a manifest's top level."""
    if isinstance(value, dict):
        return [found for key in value for found in nulls(value[key], f"{path}/{key}")]
    if isinstance(value, list):
        return [found for item in value for found in nulls(item, f"{path}/-")]
    return [path] if value is None and path.count("/") > 1 else []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("inventory", INVENTORIES)
def test_no_value_is_null(inventory: str, mode: str) -> None:
    """A map keeps a null of the first apply as an empty value, and the second one removes it.

    A whole map that is null is left out by the first and stays away.
    """
    for manifest in render(inventory, lab_serving_mode=mode):
        assert not nulls(manifest), identify(manifest)
