"""What the stand-ins do in each version of OpenShift AI; each test names upstream's file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import kopf
import pytest
from memory_cluster import MemoryCluster
from platform_manifests import notebook

from controllers.data_science_pipelines import specification
from controllers.data_science_pipelines.build import access
from controllers.model_serving.reconcile import Controller
from controllers.notebook import build as builders
from controllers.notebook import reconcile as notebooks
from controllers.notebook.runtime_images import list_runtime_images
from lab_ground import settings

VERSIONS = ("2.16", "2.25", "3.5")
Play = Callable[[str], None]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """Let the platform play a version."""

    def set_version(version: str) -> None:
        monkeypatch.setenv("LAB_OPENSHIFT_AI_VERSION", version)
        settings.get_settings.cache_clear()

    yield set_version
    monkeypatch.undo()
    settings.get_settings.cache_clear()


@pytest.mark.parametrize(
    ("version", "since", "expected"),
    [("2.16", "2.17", False), ("2.25", "2.17", True), ("3.5", "3.0", True), ("2.9", "2.16", False)],
)
def test_versions_are_numbers(play: Play, version: str, since: str, expected: bool) -> None:
    play(version)
    assert settings.get_settings().plays_since(since) is expected


@pytest.mark.parametrize(
    ("version", "given"),
    [
        # DSPO's config/internal/apiserver/default/role_ds-pipeline-user-access.yaml.tmpl of 2.x.
        ("2.16", ["route.openshift.io routes ds-pipeline-sample"]),
        ("2.25", ["route.openshift.io routes ds-pipeline-sample"]),
        ("3.5", []),
    ],
)
def test_who_may_use_the_pipelines(play: Play, version: str, given: list[str]) -> None:
    """All versions ask for what 3.x does: 2.x's `get` of the Route is a viewer's right, too."""
    play(version)
    app = specification.read({"metadata": {"name": "sample", "namespace": "mnist"}, "spec": {}})
    review = access.build_review(app)
    asked = (review["group"], review["resource"], review["subresource"], review["name"])
    group = "datasciencepipelinesapplications.opendatahub.io"
    assert asked == (group, "datasciencepipelinesapplications", "api", "sample")
    (role,) = [
        made
        for made in access.build_access(app)
        if made["metadata"]["name"] == "ds-pipeline-user-access-sample"
    ]
    rules = {
        " ".join((*rule["apiGroups"], *rule["resources"], *rule["resourceNames"])): rule["verbs"]
        for rule in role["rules"]
    }
    ours = f"{group} datasciencepipelinesapplications/api sample"
    assert set(rules) == {*given, ours}
    assert review["verb"] in rules[ours]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("asked", ["inject-oauth", "inject-auth"])
def test_a_workbench_s_login_is_asked_for_in_its_version_s_way(
    play: Play, cluster: MemoryCluster, version: str, asked: str
) -> None:
    """odh-notebook-controller's notebook_controller.go; without it no ServiceAccount is made."""
    play(version)
    cluster.add(notebook(annotations={f"notebooks.opendatahub.io/{asked}": "true"}))
    notebooks.reconcile_notebook("mnist", "notebook")
    wanted = asked == ("inject-auth" if version == "3.5" else "inject-oauth")
    made = {kind for kind, _, name in cluster.objects if name == "notebook"}
    assert ("ServiceAccount" in made) is wanted
    assert ("Route" in made) is (wanted and version != "3.5")


@pytest.mark.parametrize(
    ("version", "proxy", "service", "port", "policy"),
    [
        ("2.16", "oauth-proxy", "notebook-tls", 443, "notebook-oauth-np"),
        ("2.25", "oauth-proxy", "notebook-tls", 443, "notebook-oauth-np"),
        (
            "3.5",
            "kube-rbac-proxy",
            "notebook-kube-rbac-proxy",
            8443,
            "notebook-kube-rbac-proxy-np",
        ),
    ],
)
def test_the_parts_of_a_login_are_called_as_upstream_s(
    play: Play,
    cluster: MemoryCluster,
    version: str,
    proxy: str,
    service: str,
    port: int,
    policy: str,
) -> None:
    """odh-notebook-controller's notebook_oauth.go; notebook_kube_rbac_auth.go of 3.x."""
    play(version)
    login = "inject-auth" if version == "3.5" else "inject-oauth"
    cluster.add(notebook(annotations={f"notebooks.opendatahub.io/{login}": "true"}))
    notebooks.reconcile_notebook("mnist", "notebook")
    made = cluster.objects
    (found,) = made["Service", "mnist", service]["spec"]["ports"]
    assert (found["name"], found["port"]) == (proxy, port)
    assert ("NetworkPolicy", "mnist", policy) in made
    containers = made["StatefulSet", "mnist", "notebook"]["spec"]["template"]["spec"]["containers"]
    assert [container["name"] for container in containers] == ["notebook", proxy]
    if version == "3.5":
        way = made["HTTPRoute", "redhat-ods-applications", "nb-mnist-notebook"]["spec"]
        assert way["rules"][0]["backendRefs"][0]["name"] == service
    else:
        assert made["Route", "mnist", "notebook"]["spec"]["to"]["name"] == service


def test_the_longer_names_of_3_are_looked_at_first(play: Play, cluster: MemoryCluster) -> None:
    """A Service's name has 63 characters; notebook_kube_rbac_auth.go adds sixteen."""
    play("3.5")
    name = "n" * 48
    cluster.add(notebook(name, annotations={"notebooks.opendatahub.io/inject-auth": "true"}))
    with pytest.raises(kopf.PermanentError, match="the name has at most 47"):
        notebooks.reconcile_notebook("mnist", name)
    assert {kind for kind, _, _ in cluster.objects} == {"Notebook", "Event"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["dspa", "ds-pipeline"])
def test_a_workbench_is_bound_to_a_server_called_dspa(
    play: Play, cluster: MemoryCluster, version: str, name: str
) -> None:
    """odh-notebook-controller's notebook_rbac.go: ds-pipeline-user-access-dspa, and no other."""
    play(version)
    cluster.add(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": f"ds-pipeline-user-access-{name}", "namespace": "mnist"},
        }
    )
    cluster.add(notebook())
    notebooks.reconcile_notebook("mnist", "notebook")
    bound = ("RoleBinding", "mnist", "elyra-pipelines-notebook") in cluster.objects
    assert bound is (name == "dspa")


def stream(**tag: Any) -> dict[str, Any]:
    metadata = '[{"display_name": "Mine", "metadata": {"image_name": "i:1"}}]'
    annotations = {"opendatahub.io/runtime-image-metadata": metadata}
    return {"spec": {"tags": [{"name": "1.0", "annotations": annotations, **tag}]}}


@pytest.mark.parametrize("version", VERSIONS)
def test_runtime_images_are_listed_of_tags_that_say_where_they_are_from(
    play: Play, version: str
) -> None:
    """odh-notebook-controller's notebook_runtime.go; 2.16 has no such file."""
    play(version)
    source = {"from": {"kind": "DockerImage", "name": "registry/i:1"}}
    listed = ["mine.json"] if version != "2.16" else []
    assert list(list_runtime_images([stream(**source)])) == listed
    assert list_runtime_images([stream()]) == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_workbench_s_connections_by_annotation(play: Play, version: str) -> None:
    """opendatahub-operator's internal/webhook/notebook/mutating.go; envFrom works everywhere."""
    play(version)
    one = notebook(annotations={"opendatahub.io/connections": "mnist/s3-creds,other/theirs"})
    container = builders.build_stateful_set(one, "i:1")["spec"]["template"]["spec"]["containers"][0]
    expected = [{"secretRef": {"name": "s3-creds"}}] if version == "3.5" else []
    assert container.get("envFrom", []) == expected
    one["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [
        {"secretRef": {"name": "s3-creds"}}
    ]
    container = builders.build_stateful_set(one, "i:1")["spec"]["template"]["spec"]["containers"][0]
    assert container["envFrom"] == [{"secretRef": {"name": "s3-creds"}}]


def serving_project(cluster: MemoryCluster, mode: str, **storage: Any) -> None:
    labels = {"modelmesh-enabled": "true"}
    metadata = {"name": "mnist", "labels": labels}
    cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_S3_BUCKET")
    cluster.add(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "s3-creds",
                "labels": {"opendatahub.io/managed": "true", "opendatahub.io/dashboard": "true"},
                "annotations": {"opendatahub.io/connection-type": "s3"},
            },
            "data": {
                **dict.fromkeys(keys, "cmhvZHM="),
                "AWS_S3_ENDPOINT": "aHR0cDovL21pbmlvOjkwMDA=",
            },
        }
    )
    formats = [{"name": "onnx", "version": "1", "autoSelect": True}]
    container = {"name": "kserve-container", "image": "i:1"}
    cluster.add(
        {
            "apiVersion": "serving.kserve.io/v1alpha1",
            "kind": "ServingRuntime",
            "metadata": {"name": "server", "namespace": "mnist"},
            "spec": {
                "multiModel": mode == "ModelMesh",
                "supportedModelFormats": formats,
                "containers": [container],
            },
        }
    )
    annotations = {"serving.kserve.io/deploymentMode": mode, **storage.pop("annotations", {})}
    model = {"modelFormat": {"name": "onnx", "version": "1"}, "runtime": "server", **storage}
    cluster.add(
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": "mnist", "namespace": "mnist", "annotations": annotations},
            "spec": {"predictor": {"model": model}},
        }
    )
    Controller().reconcile("", "mnist")


@pytest.mark.parametrize("version", VERSIONS)
def test_model_mesh_is_gone_with_3(play: Play, cluster: MemoryCluster, version: str) -> None:
    """opendatahub-operator's DataScienceCluster v2 has no modelmeshserving."""
    play(version)
    serving_project(cluster, "ModelMesh", storage={"key": "s3-creds", "path": "onnx/m.onnx"})
    served = ("Deployment", "mnist", "modelmesh-serving-server") in cluster.objects
    assert served is (version != "3.5")
    if version == "3.5":
        status = cluster.objects["InferenceService", "mnist", "mnist"]["status"]
        told = status["modelStatus"]["lastFailureInfo"]["message"]
        assert "OpenShift AI 3.5 has no ModelMesh" in told


@pytest.mark.parametrize("version", VERSIONS)
def test_a_model_s_connection_by_annotation(
    play: Play, cluster: MemoryCluster, version: str
) -> None:
    """opendatahub-operator's internal/webhook/serving/mutating_isvc.go, since 3.0."""
    play(version)
    annotations = {
        "opendatahub.io/connections": "s3-creds",
        "opendatahub.io/connection-path": "onnx",
    }
    serving_project(cluster, "RawDeployment", annotations=annotations)
    made = ("Deployment", "mnist", "mnist-predictor") in cluster.objects
    assert made is (version == "3.5")
