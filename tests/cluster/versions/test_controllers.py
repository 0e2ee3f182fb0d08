"""The controllers as they run, playing each version, against an API server with its definitions.

No pod runs there: what is made of the lab's kinds is looked at, and what their status says. The lab
from end to end on these versions is the nightly suite `versions`.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from bare_api import bare_api, started
from platform_manifests import notebook
from ports import free_port

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ApiError
from lab_ground.waiting import wait_for
from resource_definitions.definitions import definitions

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).resolve().parents[3]
NAMESPACES = ("mnist", "lab-platform", "lab-router", "redhat-ods-applications")
NOTEBOOK = ("kubeflow.org/v1", "Notebook")
DSPA_GROUP = "datasciencepipelinesapplications.opendatahub.io"
DSPA_KIND = "DataSciencePipelinesApplication"
HTTP_ROUTE = ("gateway.networking.k8s.io/v1", "HTTPRoute")
GRANT = ("gateway.networking.k8s.io/v1beta1", "ReferenceGrant")
ROUTE = ("route.openshift.io/v1", "Route")


@dataclass(frozen=True)
class Played:
    """An API server on which the controllers play a version."""

    version: str
    client: KubernetesClient

    @property
    def since_3(self) -> bool:
        return not self.version.startswith("2.")


def workbench(version: str) -> dict[str, Any]:
    login = "inject-auth" if version == "3.5" else "inject-oauth"
    one = notebook(
        annotations={f"notebooks.opendatahub.io/{login}": "true"}, serviceAccountName="notebook"
    )
    one["metadata"].pop("uid")
    return one


def pipeline_server(version: str) -> dict[str, Any]:
    """As the seed has it: in v1alpha1 where that is served, with the data connection's keys."""
    minio = {
        "bucket": "rhods",
        "image": "quay.io/opendatahub/minio:latest",
        "s3CredentialsSecret": {
            "secretName": "aws-connection-s3-creds",
            "accessKey": "AWS_ACCESS_KEY_ID",
            "secretKey": "AWS_SECRET_ACCESS_KEY",
        },
    }
    served = "v1" if version == "3.5" else "v1alpha1"
    return {
        "apiVersion": f"{DSPA_GROUP}/{served}",
        "kind": DSPA_KIND,
        "metadata": {"name": "ds-pipeline", "namespace": "mnist"},
        "spec": {"objectStorage": {"minio": minio}},
    }


def connection() -> dict[str, Any]:
    """The seed's data connection, with MinIO's usual keys."""
    values = {"AWS_ACCESS_KEY_ID": "minio", "AWS_SECRET_ACCESS_KEY": "minio123"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "aws-connection-s3-creds", "namespace": "mnist"},
        "stringData": values,
    }


def model() -> list[dict[str, Any]]:
    formats = [{"name": "onnx", "version": "1", "autoSelect": True}]
    runtime = {
        "multiModel": True,
        "supportedModelFormats": formats,
        "containers": [{"name": "ovms", "image": "ovms"}],
    }
    served = {
        "modelFormat": {"name": "onnx", "version": "1"},
        "runtime": "server",
        "storage": {"key": "absent", "path": "onnx/model.onnx"},
    }
    annotations = {"serving.kserve.io/deploymentMode": "ModelMesh"}
    return [
        {
            "apiVersion": "serving.kserve.io/v1alpha1",
            "kind": "ServingRuntime",
            "metadata": {"name": "server", "namespace": "mnist"},
            "spec": runtime,
        },
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": "mnist", "namespace": "mnist", "annotations": annotations},
            "spec": {"predictor": {"model": served}},
        },
    ]


def gateway() -> list[dict[str, Any]]:
    """As the role platform_router makes it."""
    text = (ROOT / "roles/platform_router/templates/gateway.yml.j2").read_text()
    for name, value in {
        "platform_router_gateway_namespace": "openshift-ingress",
        "platform_router_gateway_host": "rh-ai.apps.test",
        "platform_router_applications_namespace": "redhat-ods-applications",
    }.items():
        text = text.replace(f"{{{{ {name} }}}}", value)
    return [one for one in yaml.safe_load_all(text) if one]


@pytest.fixture(scope="module", params=["2.16", "3.5"])
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Played]:
    version = str(request.param)
    folder = tmp_path_factory.mktemp(f"api-{version}")
    with bare_api(folder) as api:
        api.install(definitions(version))
        given = [
            *(
                {
                    "apiVersion": "v1",
                    "kind": "Namespace",
                    "metadata": {"name": name, "labels": {"modelmesh-enabled": "true"}},
                }
                for name in NAMESPACES
            ),
            *(gateway() if version == "3.5" else []),
            workbench(version),
            connection(),
            pipeline_server(version),
            *model(),
        ]
        for one in given:
            api.client.create(one)
        web, rules = free_port(), free_port()
        environment = {
            **os.environ,
            "KUBECONFIG": str(api.kubeconfig),
            "LAB_OPENSHIFT_AI_VERSION": version,
            "LAB_BASE_DOMAIN": "apps.test",
            "LAB_OPERATORS_PORT": str(web),
            "LAB_ROUTER_CONFIGURATION_PORT": str(rules),
        }
        command = [sys.executable, "-m", "controllers"]
        with started(command, folder / "controllers.log", env=environment) as process:
            yield Played(version, api.client)
            assert process.poll() is None, (folder / "controllers.log").read_text()[-3000:]


def there(client: KubernetesClient, *identity: str, seconds: float = 30) -> dict[str, Any]:
    found = wait_for(lambda: client.get(*identity), seconds, f"{' '.join(identity)} is made")
    assert found is not None
    return found


def test_a_workbench_has_its_version_s_login_and_way(played: Played) -> None:
    client = played.client
    proxy = "kube-rbac-proxy" if played.since_3 else "oauth-proxy"
    stateful_set = there(client, "apps/v1", "StatefulSet", "notebook", "mnist")
    containers = stateful_set["spec"]["template"]["spec"]["containers"]
    assert [container["name"] for container in containers] == ["notebook", proxy]
    told = {entry["name"]: entry["value"] for entry in containers[1]["env"] if "value" in entry}
    if not played.since_3:
        assert there(client, *ROUTE, "notebook", "mnist")
        assert told["AUTH_PROXY_MANNER"] == "oauth-proxy-session"
        return
    assert told["AUTH_PROXY_MANNER"] == "kube-rbac-proxy"
    assert told["AUTH_PROXY_PREFIX"] == "/notebook/mnist/notebook"
    assert client.get(*ROUTE, "notebook", "mnist") is None

    def conditions() -> dict[str, str]:
        way = there(client, *HTTP_ROUTE, "nb-mnist-notebook", "redhat-ods-applications")
        parents = (way.get("status") or {}).get("parents") or []
        return {one["type"]: one["status"] for parent in parents for one in parent["conditions"]}

    well = {"Accepted": "True", "ResolvedRefs": "True"}
    wait_for(lambda: conditions() == well, 20, "the gateway takes it")
    gate = there(
        client,
        "gateway.networking.k8s.io/v1",
        "Gateway",
        "data-science-gateway",
        "openshift-ingress",
    )
    assert {one["status"] for one in gate["status"]["conditions"]} == {"True"}
    # Without the grant the way is closed, and the status says why; the controller makes it again.
    client.delete(*GRANT, "notebook-httproute-access", "mnist")
    wait_for(lambda: client.get(*GRANT, "notebook-httproute-access", "mnist"), 30, "the grant")


def test_a_route_does_not_get_the_gateway_s_host(played: Played) -> None:
    if not played.since_3:
        with pytest.raises(ApiError):
            played.client.list_objects(*HTTP_ROUTE)
        return
    spec = {"host": "rh-ai.apps.test", "to": {"kind": "Service", "name": "notebook"}}
    metadata = {"name": "thief", "namespace": "mnist"}
    played.client.create(
        {"apiVersion": ROUTE[0], "kind": ROUTE[1], "metadata": metadata, "spec": spec}
    )

    def refused() -> bool:
        route = there(played.client, *ROUTE, "thief", "mnist")
        entries = (route.get("status") or {}).get("ingress") or []
        return any(
            condition["status"] == "False" and "gateway openshift-ingress" in condition["message"]
            for entry in entries
            for condition in entry["conditions"]
        )

    wait_for(refused, 20, "the Route is refused")


def test_a_pipeline_server_is_its_version_s(played: Played) -> None:
    client = played.client
    server = there(client, "apps/v1", "Deployment", "ds-pipeline-ds-pipeline", "mnist")
    container, proxy = server["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    told = {entry["name"]: entry.get("value") for entry in proxy["env"]}
    manner = "kube-rbac-proxy" if played.since_3 else "oauth-proxy"
    assert told["AUTH_PROXY_MANNER"] == manner
    role = there(
        client,
        "rbac.authorization.k8s.io/v1",
        "Role",
        "ds-pipeline-user-access-ds-pipeline",
        "mnist",
    )
    resources = {resource for rule in role["rules"] for resource in rule["resources"]}
    assert ("routes" in resources) is not played.since_3
    identities = there(client, "v1", "Secret", "minio-ds-pipeline-identities", "mnist")
    known = json.loads(base64.b64decode(next(iter(identities["data"].values()))))["identities"]
    (project,) = [one for one in known if one["credentials"][0]["accessKey"] == "minio"]
    assert project["actions"] == ["Admin"], "as MinIO's root, who makes buckets"
    told = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert told["PIPELINES_STORE_BUCKET"] == "mlpipeline", "whatever the spec says"
    served = f"{DSPA_GROUP}/v1alpha1"
    if played.since_3:
        with pytest.raises(ApiError):
            client.list_objects(served, DSPA_KIND, "mnist")
    else:
        assert client.get(served, DSPA_KIND, "ds-pipeline", "mnist")


def test_modelmesh_is_there_up_to_2(played: Played) -> None:
    def failure() -> dict[str, Any]:
        found = played.client.get("serving.kserve.io/v1beta1", "InferenceService", "mnist", "mnist")
        status = ((found or {}).get("status") or {}).get("modelStatus") or {}
        return dict(status.get("lastFailureInfo") or {})

    wait_for(failure, 30, "the model's status")
    words = "has no ModelMesh" if played.since_3 else "no data connection 'absent'"
    assert words in failure()["message"]


def test_what_belongs_to_a_workbench_goes_with_it(played: Played) -> None:
    """There is no garbage collector: what finalizers hold is the controller's to remove."""
    client = played.client
    client.delete(*NOTEBOOK, "notebook", "mnist")
    wait_for(lambda: client.get(*NOTEBOOK, "notebook", "mnist") is None, 30, "the Notebook to go")
    if played.since_3:
        assert client.list_objects(*HTTP_ROUTE, "redhat-ods-applications") == []
        assert client.list_objects(*GRANT, "mnist") == []
