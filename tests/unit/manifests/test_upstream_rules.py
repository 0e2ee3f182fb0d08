"""What each version of OpenShift AI makes of the roles' objects, rule by rule.

Each test names the file of upstream's in which the rule stands.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.template import Templar, trust_as_template
from botocore.exceptions import ClientError

from lab_ground.connections import DataConnection
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.s3 import Bucket
from lab_playbook import training_data
from mnist_workload.configuration import WorkloadPaths

from .rendering import INVENTORIES, MODES, ROOT, load_inventory, render, render_text

VERSIONS = ("2.16", "2.25", "3.5")
GIB = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def one(manifests: list[Manifest], kind: str) -> Manifest:
    (found,) = of_kind(manifests, kind)
    return found


def bytes_of(quantity: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([KMG]i)?", quantity).groups()  # type: ignore[union-attr]
    return int(number) * GIB.get(unit, 1)


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_the_workbench_s_account_may_use_the_pipelines(inventory: str) -> None:
    """odh-notebook-controller's notebook_rbac.go binds it to a server called dspa only."""
    manifests = render(inventory)
    workbench, server = (
        one(manifests, "Notebook"),
        one(manifests, "DataSciencePipelinesApplication"),
    )
    account = workbench["spec"]["template"]["spec"]["serviceAccountName"]
    bound = [
        binding["roleRef"]["name"]
        for binding in of_kind(manifests, "RoleBinding")
        for subject in binding["subjects"]
        if subject["name"] == account
    ]
    # The other is the terminal's, for what the learner types there.
    assert sorted(bound) == sorted(
        ["mnist-lab-terminal", f"ds-pipeline-user-access-{server['metadata']['name']}"]
    )


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_modelmesh_is_given_a_capacity(inventory: str) -> None:
    """modelmesh-serving, runtime adapter: requests.memory less memBufferBytes is to be above 0."""
    runtime = one(render(inventory, lab_serving_mode="modelmesh"), "ServingRuntime")["spec"]
    requested = runtime["containers"][0]["resources"]["requests"]["memory"]
    assert bytes_of(requested) > runtime["builtInAdapter"]["memBufferBytes"]


@pytest.mark.parametrize(
    ("version", "annotation"),
    [("2.16", "inject-oauth"), ("2.25", "inject-oauth"), ("3.5", "inject-auth")],
)
def test_the_workbench_asks_for_its_version_s_login(version: str, annotation: str) -> None:
    """odh-notebook-controller's notebook_controller.go: the other annotation is not looked at."""
    workbench = one(render("openshift", lab_openshift_ai_version=version), "Notebook")
    asked = {
        name.rpartition("/")[2]
        for name in workbench["metadata"]["annotations"]
        if name.startswith("notebooks.opendatahub.io/inject-")
    }
    assert asked == {annotation}


def streams(label: str) -> list[Manifest]:
    return [
        stream
        for stream in of_kind(render("openshift"), "ImageStream")
        if stream["metadata"]["labels"].get(label) == "true"
    ]


def test_runtime_images_say_where_they_are_from() -> None:
    """odh-notebook-controller's notebook_runtime.go leaves tags without from.name out of Elyra."""
    found = [
        tag for stream in streams("opendatahub.io/runtime-image") for tag in stream["spec"]["tags"]
    ]
    assert found
    for tag in found:
        (entry,) = json.loads(tag["annotations"]["opendatahub.io/runtime-image-metadata"])
        assert tag["from"] == {"kind": "DockerImage", "name": entry["metadata"]["image_name"]}


def test_the_workbench_image_is_not_called_outdated() -> None:
    """odh-dashboard's imageUtils: a dependency called Elyra is the old one, odh-elyra today's."""
    for stream in streams("opendatahub.io/notebook-image"):
        for tag in stream["spec"]["tags"]:
            shown = {
                entry["name"]: entry["version"]
                for part in ("software", "python-dependencies")
                for entry in json.loads(tag["annotations"][f"opendatahub.io/notebook-{part}"])
            }
            assert "Elyra" not in shown
            assert shown["odh-elyra"] == locked("workbench", "elyra")
            assert shown["JupyterLab"] == locked("workbench", "jupyterlab")
            assert shown["TensorFlow"] == locked("runtime", "tensorflow-cpu")


def locked(image: str, package: str) -> str:
    """The version of a package in an image's lock file, as people name it."""
    lock = (ROOT / f"images/{image}/requirements.lock").read_text()
    (version,) = re.findall(rf"^{package}==(\d+\.\d+)", lock, re.MULTILINE)
    return str(version)


def test_without_knative_the_function_is_a_deployment_of_the_same_pod() -> None:
    """OpenShift AI 3 is installed without Serverless: same container, same name, plain objects."""
    folder = ROOT / "inference"
    knative = yaml.safe_load((folder / "base/function.yaml").read_text())
    deployment, service = yaml.safe_load_all((folder / "without-knative/function.yaml").read_text())
    pod: dict[str, Any] = knative["spec"]["template"]["spec"]
    plain = deployment["spec"]["template"]["spec"]
    ours, theirs = (dict(spec["containers"][0]) for spec in (plain, pod))
    variables, address = ours.pop("env"), theirs.pop("env")
    # Without a token of the account nothing else says which project `{namespace}` is.
    assert plain["automountServiceAccountToken"] is False
    own = {"fieldRef": {"fieldPath": "metadata.namespace"}}
    assert {"name": "NAMESPACE", "valueFrom": own} in variables
    address = variables[0], address[0]
    assert [entry["name"] for entry in address] == ["MODEL_URL", "MODEL_URL"]
    assert "mnist-predictor" in address[0]["value"]
    assert ours == theirs
    assert plain["volumes"] == pod["volumes"]
    assert service["metadata"]["name"] == knative["metadata"]["name"]
    assert service["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": 8080}]


@pytest.mark.parametrize("version", VERSIONS)
def test_knative_is_asked_for_where_it_is_used(version: str) -> None:
    defaults = (ROOT / "roles/lab_compatibility/defaults/main.yml").read_text()
    inference = (ROOT / "roles/lab_inference/defaults/main.yml").read_text()
    since = yaml.safe_load(defaults)["lab_compatibility_without_knative_since"]
    assert f"version('{since}', '<')" in inference
    assert (version < since) == (version != "3.5")


def test_a_workbench_s_own_fields_alone_are_sent() -> None:
    """odh-notebook-controller's notebook_webhook.go adds to the lists of a pod at every write."""
    tasks = yaml.safe_load(Path(ROOT / "roles/lab_workbench/tasks/main.yml").read_text())
    (create,) = [task for task in tasks if task["name"] == "Create the workbenches"]
    assert create["lab_objects"]["server_side_apply"]["field_manager"] == "mnist-lab"


@pytest.mark.parametrize(
    ("mode", "account", "allowed"),
    [
        # odh-model-controller asks for ModelMesh: get services in the namespace.
        ("modelmesh", "model-server-sa", {("", "services", "get", "")}),
        # kserve's raw mode: get inferenceservices, by name.
        ("raw", "mnist-sa", {("serving.kserve.io", "inferenceservices", "get", "mnist")}),
    ],
)
def test_the_prediction_token_is_for_predictions(
    mode: str, account: str, allowed: set[tuple[str, str, str, str]]
) -> None:
    manifests = render("embedded", lab_serving_mode=mode)
    bindings = [
        binding
        for binding in of_kind(manifests, "RoleBinding")
        if any(subject["name"] == account for subject in binding["subjects"])
    ]
    assert [binding["roleRef"]["kind"] for binding in bindings] == ["Role"]
    (role,) = [
        role
        for role in of_kind(manifests, "Role")
        if role["metadata"]["name"] == bindings[0]["roleRef"]["name"]
    ]
    given = {
        (group, resource, verb, name)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }
    assert given == allowed


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_the_bucket_is_not_left_to_the_operator(inventory: str) -> None:
    """data-science-pipelines-operator's dspipeline_params.go: the bucket is always mlpipeline."""
    spec = one(render(inventory), "DataSciencePipelinesApplication")["spec"]["objectStorage"]
    assert "bucket" not in spec["minio"]


def test_the_data_s_role_makes_the_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same: nobody else makes the data connection's bucket."""
    made: list[str] = []

    class Store:
        """A store without the bucket, until it is asked to make it."""

        def list_objects_v2(self, **_: Any) -> dict[str, Any]:
            if not made:
                answer: Any = {"Error": {"Code": "NoSuchBucket"}}
                raise ClientError(answer, "ListObjectsV2")
            return {}

        def create_bucket(self, **asked: str) -> None:
            made.append(asked["Bucket"])

    bucket = Bucket(DataConnection("http://127.0.0.1:9", "rhods", "key", "secret"))
    bucket.client = Store()
    monkeypatch.setattr(training_data, "open_bucket", lambda arguments: bucket)
    monkeypatch.setattr(training_data, "prepare_tables", lambda cache, npm: {})
    training_data.upload_missing({"url": "", "cache": str(tmp_path), "npm": "npm"}, {})
    training_data.upload_missing({"url": "", "cache": str(tmp_path), "npm": "npm"}, {})
    assert made == ["rhods"]


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_the_pipeline_server_goes_by_the_store_s_service(inventory: str) -> None:
    """data-science-pipelines-operator's dspipeline_params.go: with the Route, by the Route."""
    manifests = render(inventory)
    spec = one(manifests, "DataSciencePipelinesApplication")["spec"]["objectStorage"]
    assert spec["enableExternalRoute"] is False
    (route,) = [
        route
        for route in of_kind(manifests, "Route")
        if route["metadata"]["name"] == "minio-ds-pipeline"
    ]
    assert route["spec"]["to"]["name"] == "minio-ds-pipeline"
    assert route["spec"]["port"]["targetPort"] == 9000
    assert route["spec"]["tls"]["termination"] == "edge"


@pytest.mark.parametrize("mode", MODES)
def test_the_dashboard_lists_the_token(mode: str) -> None:
    """odh-dashboard's getTokenNames: account <server>-sa, and binding <server>-view to it."""
    manifests = render("openshift", lab_serving_mode=mode)
    server = "mnist" if mode == "raw" else "model-server"
    (token,) = [
        secret
        for secret in of_kind(manifests, "Secret")
        if secret.get("type") == "kubernetes.io/service-account-token"
        and secret["metadata"]["labels"].get("opendatahub.io/dashboard") == "true"
    ]
    annotations = token["metadata"]["annotations"]
    assert annotations["kubernetes.io/service-account.name"] == f"{server}-sa"
    assert annotations["openshift.io/display-name"] == token["metadata"]["name"] == "model-mesh"
    (binding,) = [
        binding
        for binding in of_kind(manifests, "RoleBinding")
        if binding["metadata"]["name"] == f"{server}-view"
    ]
    assert [subject["name"] for subject in binding["subjects"]] == [f"{server}-sa"]


def test_a_raw_model_is_named_by_its_folder_of_versions() -> None:
    """OVMS' readAvailableVersions (src/modelmanager.cpp) counts numbered folders only."""
    path = {
        mode: one(render("openshift", lab_serving_mode=mode), "InferenceService")["spec"][
            "predictor"
        ]["model"]["storage"]["path"]
        for mode in MODES
    }
    paths = WorkloadPaths()
    assert path["modelmesh"] == paths.model_key
    assert paths.version_key == f"{path['raw']}/1/model.onnx"


def runtime(inventory: str = "openshift", **variables: Any) -> dict[str, Any]:
    """Elyra's runtime configuration."""
    (secret,) = [
        secret
        for secret in of_kind(render(inventory, **variables), "Secret")
        if secret["metadata"]["name"] == "ds-pipeline-config"
    ]
    found: dict[str, Any] = json.loads(base64.b64decode(secret["data"]["odh_dsp.json"]))
    return found["metadata"]


@pytest.mark.parametrize(
    ("version", "namespace", "dashboard"),
    [
        ("2.16", "redhat-ods-applications", "rhods-dashboard-redhat-ods-applications."),
        ("2.25", "opendatahub", "odh-dashboard-opendatahub."),
        ("3.5", "redhat-ods-applications", "rh-ai."),
    ],
)
def test_run_details_leads_to_a_page_that_is_there(
    version: str, namespace: str, dashboard: str
) -> None:
    """odh-notebook-controller's notebook_dspa_secret.go: <dashboard>/experiments/<namespace>/."""
    domain = {"lab_base_domain": "apps.example.com", "lab_images_namespace": namespace}
    address = runtime(lab_openshift_ai_version=version, **domain)["public_api_endpoint"]
    assert address == f"https://{dashboard}apps.example.com/experiments/mnist/"
    # The stand-ins' pipeline server has the page of a run itself.
    own = runtime("embedded")["public_api_endpoint"]
    assert own.startswith("https://ds-pipeline-ds-pipeline-mnist.")


@pytest.mark.parametrize(
    ("version", "address"),
    [
        ("2.16", "https://ds-pipeline-ds-pipeline-mnist.apps.example.com"),
        ("2.19", "https://ds-pipeline-ds-pipeline-mnist.apps.example.com"),
        ("2.25", "https://ds-pipeline-ds-pipeline.mnist.svc.cluster.local:8443"),
        ("3.5", "https://ds-pipeline-ds-pipeline.mnist.svc.cluster.local:8443"),
    ],
)
def test_elyra_trusts_where_it_submits_to(version: str, address: str) -> None:
    """odh-notebook-controller's notebook_controller.go: bundle without the service CA to 2.19."""
    found = runtime(lab_openshift_ai_version=version, lab_base_domain="apps.example.com")
    assert found["api_endpoint"] == address


@pytest.mark.parametrize(
    ("version", "url"),
    [
        ("2.25", "https://notebook-mnist.apps.example.com/notebook/mnist/notebook/"),
        # odh-notebook-controller's notebook_route.go of 3.x: HTTPRoute, one host, no Route.
        ("3.5", "https://rh-ai.apps.example.com/notebook/mnist/notebook/"),
    ],
)
def test_access_has_addresses_that_are_there(version: str, url: str) -> None:
    variables = {
        "lab_base_domain": "apps.example.com",
        "lab_state": "/nowhere",
        "lab_openshift_ai_version": version,
        "__lab_access_namespace": "mnist",
        "__lab_access_objects": {"stdout": "{}"},
    }
    access = json.loads(render_text("openshift", "lab_access", "access.json.j2", **variables))
    assert access["workbench"]["url"] == url
    assert access["openshift_ai_version"] == version
    # data-science-pipelines-operator's podToPodTLS: 8888 is HTTPS, of 8443 the proxy's.
    assert access["pipelines"]["cluster_url"].startswith("https://")
    # odh-notebook-controller's notebook_webhook.go: no --openshift-delegate-urls.
    assert access["workbench"]["opens_by_token"] is False


@pytest.mark.parametrize(
    ("name", "version", "refused"),
    [
        ("dspa", "2.25", True),
        ("dspa", "3.5", False),
        ("ds-pipeline", "2.25", False),
    ],
)
def test_a_server_called_dspa_is_refused_where_it_hangs_workbenches(
    name: str, version: str, refused: bool
) -> None:
    """odh-notebook-controller's notebook_dspa_secret.go of 2.25: nil external storage."""
    tasks = yaml.safe_load((ROOT / "roles/lab_pipeline_server/tasks/main.yml").read_text())
    (check,) = [task for task in tasks if task["name"].startswith("Refuse a name")]
    loader, _ = load_inventory("openshift")
    variables = {"lab_pipeline_server_name": name, "lab_pipeline_server_version": version}
    condition = "{{ " + check["ansible.builtin.assert"]["that"] + " }}"
    holds = Templar(loader=loader, variables=variables).template(trust_as_template(condition))
    assert holds is not refused
