"""The objects that a project's model servers are made of."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from controllers.model_serving.build import model_mesh, raw_deployment
from controllers.model_serving.specs import Runtime, read_model
from controllers.model_serving.storage_config import build_storage_config, read_connections
from lab_ground.kubernetes.quantities import parse_bytes

from . import manifests

MODEL = read_model(manifests.service(), model_mesh_enabled=True)


def containers(deployment: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {c["name"]: c for c in deployment["spec"]["template"]["spec"]["containers"]}


def test_storage_config_has_a_key_for_each_connection() -> None:
    secrets = [
        manifests.connection(),
        manifests.connection("aws-connection-other", AWS_S3_BUCKET="other"),
        manifests.connection("half", AWS_SECRET_ACCESS_KEY=""),
        {**manifests.connection("storage-config")},
    ]
    unmanaged = manifests.connection("unmanaged")
    unmanaged["metadata"]["labels"] = {}
    connections, faults = read_connections([*secrets, unmanaged])
    assert faults == {"half": "data connection 'half': AWS_SECRET_ACCESS_KEY is empty"}
    secret = build_storage_config("mnist", connections)
    assert secret["metadata"]["labels"] == {"opendatahub.io/managed": "true"}
    assert sorted(secret["data"]) == ["aws-connection-other", "aws-connection-s3-creds"]
    assert json.loads(base64.b64decode(secret["data"]["aws-connection-s3-creds"])) == {
        "type": "s3",
        "access_key_id": "key",
        "secret_access_key": "secret",
        "endpoint_url": "http://minio-ds-pipeline.mnist.svc.cluster.local:9000",
        "default_bucket": "rhods",
        "bucket": "rhods",
        "region": "us-east-1",
    }


def test_the_service_is_headless_with_the_four_ports() -> None:
    service = model_mesh.build_service("mnist")
    assert service["metadata"]["name"] == "modelmesh-serving"
    assert service["spec"]["clusterIP"] == "None"
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == {
        "grpc": 8033,
        "http": 8008,
        "https": 8443,
        "prometheus": 2112,
    }
    assert service["metadata"]["annotations"] == {
        "service.beta.openshift.io/serving-cert-secret-name": "model-serving-proxy-tls"
    }


def test_the_deployment_is_named_and_labelled_as_upstream() -> None:
    runtime = Runtime.read(manifests.runtime(spec={"replicas": 3}))
    deployment = model_mesh.build_deployment("mnist", runtime)
    template = deployment["spec"]["template"]
    assert deployment["metadata"]["name"] == "modelmesh-serving-model-server"
    assert deployment["spec"]["replicas"] == 3
    assert template["spec"]["serviceAccountName"] == "modelmesh-serving-sa"
    assert template["metadata"]["labels"]["modelmesh-service"] == "modelmesh-serving"
    assert template["metadata"]["labels"]["name"] == "modelmesh-serving-model-server"
    selector = deployment["spec"]["selector"]["matchLabels"]
    assert selector.items() <= template["metadata"]["labels"].items()


def test_the_runtimes_own_container_is_honoured() -> None:
    runtime = manifests.runtime()
    container = runtime["spec"]["containers"][0]
    container["env"] = [{"name": "LAB_SERVER_THREADS", "value": "2"}]
    container["resources"] = {"limits": {"memory": "2Gi"}}
    found = containers(model_mesh.build_deployment("mnist", Runtime.read(runtime)))["mlserver"]
    assert found["image"] == "mnist-serving:1.0"
    assert found["resources"] == {"limits": {"memory": "2Gi"}}
    assert found["env"][0] == {"name": "LAB_SERVER_THREADS", "value": "2"}


def test_only_the_puller_holds_a_token() -> None:
    runtime = Runtime.read(manifests.runtime())
    deployment = model_mesh.build_deployment("mnist", runtime)
    assert deployment["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
    holders = {
        name
        for name, container in containers(deployment).items()
        if any("serviceaccount" in mount["mountPath"] for mount in container["volumeMounts"])
    }
    assert holders == {"puller"}


def test_the_server_cannot_write_its_models() -> None:
    found = containers(model_mesh.build_deployment("mnist", Runtime.read(manifests.runtime())))
    mounts = {mount["name"]: mount for mount in found["mlserver"]["volumeMounts"]}
    assert mounts["models"]["readOnly"] is True


@pytest.mark.parametrize("auth", [True, False])
def test_pods_keep_to_the_restricted_level(auth: bool) -> None:
    annotations = {"enable-auth": "true"} if auth else {}
    runtime = Runtime.read(manifests.runtime(annotations=annotations))
    pod = model_mesh.build_deployment("mnist", runtime)["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert len(pod["containers"]) == (3 if auth else 2)
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"] is True


def test_the_proxy_asks_for_get_services() -> None:
    deployment = model_mesh.build_deployment("mnist", Runtime.read(manifests.runtime()))
    proxy = containers(deployment)["oauth-proxy"]
    environment = {item["name"]: item["value"] for item in proxy["env"]}
    review = json.loads(environment["AUTH_PROXY_REVIEW"])
    assert (review["verb"], review["resource"], review["namespace"]) == ("get", "services", "mnist")
    assert environment["AUTH_PROXY_UPSTREAM"].endswith(":8008")


def test_the_role_allows_no_more_than_orders_and_connections() -> None:
    rules = model_mesh.build_role("mnist", ["b", "a"])["rules"]
    assert [(rule["resources"], rule["resourceNames"]) for rule in rules] == [
        (["configmaps"], ["modelmesh-serving-a-models", "modelmesh-serving-b-models"]),
        (["secrets"], ["storage-config"]),
    ]


def test_orders_change_their_generation_only_with_the_models() -> None:
    runtime = Runtime.read(manifests.runtime())
    first = model_mesh.build_models_config_map("mnist", runtime, [MODEL], "1")["data"]
    other_key = model_mesh.build_models_config_map("mnist", runtime, [MODEL], "2")["data"]
    none = model_mesh.build_models_config_map("mnist", runtime, [], "1")["data"]
    assert first["generation"] == other_key["generation"] != none["generation"]
    assert json.loads(first["models.json"])[0]["revision"] == MODEL.revision
    assert "secret" not in first["models.json"]


@pytest.mark.parametrize(
    ("auth", "termination", "port"), [(True, "reencrypt", "https"), (False, "edge", "http")]
)
def test_a_route_leads_to_the_model(auth: bool, termination: str, port: str) -> None:
    annotations = {"enable-route": "true", **({"enable-auth": "true"} if auth else {})}
    runtime = Runtime.read(manifests.runtime(annotations=annotations))
    route = model_mesh.build_route(MODEL, runtime)
    assert route["metadata"]["name"] == "mnist"
    assert route["metadata"]["labels"]["inferenceservice-name"] == "mnist"
    assert route["spec"]["path"] == "/v2/models/mnist"
    assert route["spec"]["tls"]["termination"] == termination
    assert route["spec"]["port"]["targetPort"] == port


def test_plain_ports_are_closed_to_strangers_where_a_token_is_needed() -> None:
    runtime = Runtime.read(manifests.runtime())
    rules = model_mesh.build_network_policy("mnist", runtime)["spec"]["ingress"]
    open_to_all = {port["port"] for rule in rules if "from" not in rule for port in rule["ports"]}
    assert open_to_all == {8443}


def test_raw_mode_fetches_before_it_serves() -> None:
    manifest = manifests.service(
        mode="RawDeployment", annotations={"security.opendatahub.io/enable-auth": "true"}
    )
    model = read_model(manifest, model_mesh_enabled=False)
    runtime = Runtime.read(manifests.runtime(spec={"multiModel": False}))
    deployment = raw_deployment.build_deployment(model, runtime)
    pod = deployment["spec"]["template"]["spec"]
    assert deployment["metadata"]["name"] == "mnist-predictor"
    assert [c["name"] for c in pod["initContainers"]] == ["storage-initializer"]
    assert pod["initContainers"][0]["command"][-1] == "--once"
    review = next(
        json.loads(item["value"])
        for item in containers(deployment)["oauth-proxy"]["env"]
        if item["name"] == "AUTH_PROXY_REVIEW"
    )
    assert (review["resource"], review["name"]) == ("inferenceservices", "mnist")
    holders = {
        name
        for name, container in containers(deployment).items()
        if any("serviceaccount" in mount["mountPath"] for mount in container["volumeMounts"])
    }
    assert (pod["automountServiceAccountToken"], holders) == (False, set())
    ports = {p["name"]: p["port"] for p in raw_deployment.build_service(model)["spec"]["ports"]}
    # kserve's service_reconciler.go: behind a token proxy nothing but its port.
    assert ports == {"https": 8443}
    address = "https://mnist-predictor.mnist.svc.cluster.local:8443"
    assert raw_deployment.urls(model) == {"url": address, "restUrl": address}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("512Mi", 2**29),
        ("1G", 10**9),
        ("1.5Ki", 1536),
        ("7", 7),
        ("1e9", 10**9),
        ("1E3", 1000),
        ("5e-1", 1),
        ("1Pi", 2**50),
        ("1Ei", 2**60),
        ("1E", 10**18),
        ("2P", 2 * 10**15),
        ("500000000m", 500_000),
        ("1500u", 1),
        (".5Gi", 2**29),
        ("1.Mi", 2**20),
        ("+1Mi", 2**20),
    ],
)
def test_quantities(text: str, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", ".", "1Zi", "a", "-1Mi", "1 Mi", "5e-1k", "1e", "1ki"])
def test_no_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        parse_bytes(text)
