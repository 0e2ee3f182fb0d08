"""What each form makes, field by field, as upstream's dashboard does (columns M, 2.16 and 2.25)."""

from __future__ import annotations

import pytest

from dashboard.forms import ConnectionForm, DatabaseForm
from dashboard.objects import connection, permissions, pipelines, serving, storage, workbench
from dashboard.settings import Size, read_settings
from lab_ground.connections import DataConnection

from .seat import template

SMALL = Size("Small", {"cpu": "1", "memory": "8Gi"}, {"cpu": "2", "memory": "8Gi"})
DASHBOARD = {"opendatahub.io/dashboard": "true"}


def bench(**changes):
    given = {
        "namespace": "mnist",
        "name": "nb",
        "display": "My bench",
        "description": "for digits",
        "user": "ann@lab.org",
        "image": "registry/mnist-workbench:1.0",
        "selection": "mnist-workbench:1.0",
        "image_display": "Custom Datascience Notebook",
        "size": SMALL,
        "origin": "https://rhods-dashboard.lab",
        "mounts": [workbench.Mount("notebook")],
        "env_from": [workbench.env_from("secret", "aws-connection-s3-creds")],
    }
    return workbench.build_notebook(workbench.Workbench(**{**given, **changes}))


class TestNotebook:
    """Page "Create workbench"."""

    def test_metadata(self):
        metadata = bench()["metadata"]
        assert metadata["labels"] == {
            **DASHBOARD,
            "app": "nb",
            "opendatahub.io/odh-managed": "true",
            "opendatahub.io/user": "ann-40lab-2eorg",
        }
        logout = "https://rhods-dashboard.lab/projects/mnist?notebookLogout=nb"
        assert metadata["annotations"] == {
            "openshift.io/display-name": "My bench",
            "openshift.io/description": "for digits",
            "notebooks.opendatahub.io/inject-oauth": "true",
            "notebooks.opendatahub.io/last-image-selection": "mnist-workbench:1.0",
            "notebooks.opendatahub.io/last-size-selection": "Small",
            "notebooks.opendatahub.io/oauth-logout-url": logout,
            "opendatahub.io/username": "ann@lab.org",
            "opendatahub.io/image-display-name": "Custom Datascience Notebook",
            "opendatahub.io/accelerator-name": "",
        }

    @pytest.mark.parametrize(
        ("version", "login"),
        [("2.16", "inject-oauth"), ("2.25", "inject-oauth"), ("3.5", "inject-auth")],
    )
    def test_sign_in_of_the_version(self, version, login):
        settings = read_settings({"DASHBOARD_VERSION": version})
        annotations = bench(login=settings.login)["metadata"]["annotations"]
        found = [key for key in annotations if "inject-" in key]
        assert found == [f"notebooks.opendatahub.io/{login}"]

    def test_pod(self):
        spec = bench(runtime=True)["spec"]["template"]["spec"]
        assert spec["enableServiceLinks"] is False
        assert spec["affinity"] == {}
        assert "serviceAccountName" not in spec
        assert spec["tolerations"] == [
            {"key": "NotebooksOnly", "operator": "Exists", "effect": "NoSchedule"}
        ]
        assert spec["volumes"] == [
            {"name": "notebook", "persistentVolumeClaim": {"claimName": "notebook"}},
            {
                "name": "elyra-dsp-details",
                "secret": {"secretName": "ds-pipeline-config", "optional": True},
            },
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
        ]

    def test_container(self):
        (container,) = bench(runtime=True)["spec"]["template"]["spec"]["containers"]
        assert container["name"] == "nb"
        assert container["imagePullPolicy"] == "Always"
        assert container["workingDir"] == "/opt/app-root/src"
        assert container["ports"] == [
            {"name": "notebook-port", "containerPort": 8888, "protocol": "TCP"}
        ]
        assert container["volumeMounts"] == [
            {"name": "notebook", "mountPath": "/opt/app-root/src"},
            {"name": "elyra-dsp-details", "mountPath": "/opt/app-root/runtimes"},
            {"name": "shm", "mountPath": "/dev/shm"},
        ]
        env = {entry["name"]: entry["value"] for entry in container["env"]}
        assert env["JUPYTER_IMAGE"] == container["image"]
        assert env["NOTEBOOK_ARGS"].split("\n") == [
            "--ServerApp.port=8888",
            "--ServerApp.token=''",
            "--ServerApp.password=''",
            "--ServerApp.base_url=/notebook/mnist/nb",
            "--ServerApp.quit_button=False",
            '--ServerApp.tornado_settings={"user":"ann@lab.org",'
            '"hub_host":"https://rhods-dashboard.lab","hub_prefix":"/projects/mnist"}',
        ]
        for probe in ("livenessProbe", "readinessProbe"):
            found = container[probe]
            assert found["httpGet"]["path"] == "/notebook/mnist/nb/api"
            assert (found["initialDelaySeconds"], found["periodSeconds"]) == (10, 5)

    def test_accelerators_are_in_requests_and_limits(self):
        made = bench(accelerator=("nvidia.com/gpu", 2))
        (container,) = made["spec"]["template"]["spec"]["containers"]
        for part in ("requests", "limits"):
            assert container["resources"][part]["nvidia.com/gpu"] == "2"
        name = made["metadata"]["annotations"]["opendatahub.io/accelerator-name"]
        assert name == "nvidia.com/gpu"

    def test_variables(self):
        secret = workbench.build_variables("mnist", "secret", "secret-abc123", {"A": "1"})
        assert secret == {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "secret-abc123", "namespace": "mnist", "labels": DASHBOARD},
            "type": "Opaque",
            "stringData": {"A": "1"},
        }
        plain = workbench.build_variables("mnist", "configmap", "configmap-abc123", {"A": "1"})
        assert plain["kind"] == "ConfigMap"
        assert plain["data"] == {"A": "1"}
        assert workbench.env_from("configmap", "x") == {"configMapRef": {"name": "x"}}


def test_claim():
    made = storage.build_claim("mnist", "data", "Data", "", 5, "standard")
    assert made["metadata"] == {
        "name": "data",
        "namespace": "mnist",
        "labels": DASHBOARD,
        "annotations": {"openshift.io/display-name": "Data", "openshift.io/description": ""},
    }
    assert made["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "volumeMode": "Filesystem",
        "resources": {"requests": {"storage": "5Gi"}},
        "storageClassName": "standard",
    }
    assert "storageClassName" not in storage.build_claim("mnist", "d", "d", "", 5)["spec"]


def test_data_connection():
    form = ConnectionForm(
        display_name=" Store ",
        access_key="minio\n",
        secret_key=" minio123",
        endpoint="http://minio:9000",
        region="",
        bucket="rhods",
    )
    made = connection.build_secret("mnist", "aws-connection-store", form)
    assert made["metadata"] == {
        "name": "aws-connection-store",
        "namespace": "mnist",
        "labels": {**DASHBOARD, "opendatahub.io/managed": "true"},
        "annotations": {
            "openshift.io/display-name": "Store",
            "opendatahub.io/connection-type": "s3",
        },
    }
    assert made["stringData"] == {
        "AWS_ACCESS_KEY_ID": "minio",
        "AWS_SECRET_ACCESS_KEY": "minio123",
        "AWS_S3_ENDPOINT": "http://minio:9000",
        "AWS_DEFAULT_REGION": "",
        "AWS_S3_BUCKET": "rhods",
    }


def server(**changes):
    given = {
        "namespace": "mnist",
        "name": "ms",
        "display": "My server",
        "template": template(),
        "size": SMALL,
        "replicas": 2,
    }
    return serving.Server(**{**given, **changes})


class TestServing:
    """Windows "Configure model server" and "Deploy model"."""

    def test_runtime(self):
        made = serving.build_runtime(server(auth=True))
        assert made["metadata"]["labels"] == DASHBOARD
        assert made["metadata"]["annotations"] == {
            "openshift.io/display-name": "My server",
            "opendatahub.io/template-name": "mnist-model-server",
            "opendatahub.io/template-display-name": "Model server",
            "opendatahub.io/accelerator-name": "",
            "enable-auth": "true",
        }
        spec = made["spec"]
        assert spec["replicas"] == 2
        assert spec["volumes"] == [
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}
        ]
        (container,) = spec["containers"]
        assert container["resources"]["limits"] == {"cpu": "2", "memory": "8Gi"}
        assert container["volumeMounts"] == [{"name": "shm", "mountPath": "/dev/shm"}]
        routed = serving.build_runtime(server(route=True))["metadata"]["annotations"]
        assert routed["enable-route"] == "true"
        assert "enable-auth" not in routed

    def test_template_itself_stays_as_it_is(self):
        given = template()
        serving.build_runtime(server(template=given))
        assert given == template()

    def test_access(self):
        account, role, binding, token = serving.build_access(
            server(), [("model-mesh", "model-mesh")]
        )
        assert account["metadata"]["name"] == "ms-sa"
        assert role["rules"] == [{"apiGroups": [""], "resources": ["services"], "verbs": ["get"]}]
        assert binding["metadata"]["name"] == "ms-view"
        assert binding["roleRef"]["name"] == role["metadata"]["name"] == "ms-view-role"
        assert binding["subjects"][0]["name"] == "ms-sa"
        # The lab's text: the Secret is called as was typed, the account is not.
        assert token["metadata"]["name"] == "model-mesh"
        assert token["type"] == "kubernetes.io/service-account-token"
        assert token["metadata"]["annotations"] == {
            "openshift.io/display-name": "model-mesh",
            "kubernetes.io/service-account.name": "ms-sa",
        }

    def model(self, **changes):
        given = {
            "namespace": "mnist",
            "name": "mnist",
            "display": "MNIST",
            "format_name": "onnx",
            "format_version": "1",
            "runtime": "ms",
            "connection": "aws-connection-s3-creds",
            "path": "/onnx/model-v2.onnx",
        }
        return serving.build_model(serving.Model(**{**given, **changes}))

    def test_model(self):
        made = self.model()
        assert made["metadata"]["labels"] == DASHBOARD
        assert made["metadata"]["annotations"] == {
            "openshift.io/display-name": "MNIST",
            "serving.kserve.io/deploymentMode": "ModelMesh",
        }
        assert made["spec"] == {
            "predictor": {
                "model": {
                    "modelFormat": {"name": "onnx", "version": "1"},
                    "runtime": "ms",
                    "storage": {
                        "key": "aws-connection-s3-creds",
                        "path": "onnx/model-v2.onnx",
                    },
                }
            }
        }

    def test_model_with_a_server_of_its_own(self):
        made = self.model(single=True, replicas=2, route=True, auth=True)
        annotations = made["metadata"]["annotations"]
        assert annotations["serving.kserve.io/deploymentMode"] == "RawDeployment"
        assert annotations["security.opendatahub.io/enable-auth"] == "true"
        assert made["metadata"]["labels"]["networking.kserve.io/visibility"] == "exposed"
        assert made["spec"]["predictor"]["minReplicas"] == 2
        assert made["spec"]["predictor"]["maxReplicas"] == 2
        runtime = serving.build_runtime(server(single=True))
        assert "replicas" not in runtime["spec"]


class TestPipelineServer:
    """Window "Configure pipeline server"."""

    CONNECTION = DataConnection("http://minio:9000", "rhods", "minio", "minio123")

    def test_server(self):
        made = pipelines.build_server("mnist", self.CONNECTION, None)
        assert made["metadata"] == {"name": "dspa", "namespace": "mnist"}
        assert made["spec"] == {
            "dspVersion": "v2",
            "apiServer": {"enableSamplePipeline": False},
            "objectStorage": {
                "externalStorage": {
                    "host": "minio:9000",
                    "scheme": "http",
                    "bucket": "rhods",
                    "region": "us-east-1",
                    "s3CredentialsSecret": {
                        "secretName": "dashboard-dspa-secret",
                        "accessKey": "AWS_ACCESS_KEY_ID",
                        "secretKey": "AWS_SECRET_ACCESS_KEY",
                    },
                }
            },
        }

    def test_secrets_and_a_database_of_ones_own(self):
        secret = pipelines.build_storage_secret("mnist", self.CONNECTION)
        assert secret["metadata"]["name"] == "dashboard-dspa-secret"
        assert secret["stringData"].keys() == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
        form = DatabaseForm(host="db", port=3307, username="u", password="p", name="kfp")
        made = pipelines.build_server("mnist", self.CONNECTION, form)
        assert made["spec"]["database"]["externalDB"] == {
            "host": "db",
            "port": "3307",
            "username": "u",
            "pipelineDBName": "kfp",
            "passwordSecret": {"name": "pipelines-db-password", "key": "db-password"},
        }
        password = pipelines.build_database_secret("mnist", "p")
        assert password["stringData"] == {"db-password": "p"}


def test_permission():
    made = permissions.build_permission(
        "mnist", "dashboard-permissions-a1b2c3", "Group", "g", "edit"
    )
    assert made["metadata"]["labels"] == {
        **DASHBOARD,
        "opendatahub.io/project-sharing": "true",
    }
    assert made["roleRef"]["name"] == "edit"
    assert made["subjects"] == [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "g"}
    ]


def test_the_login_command_is_at_the_login_where_there_is_one() -> None:
    assert read_settings({}).login_command == ""
    at = read_settings({"DASHBOARD_SIGN_IN": "https://login.test/"})
    assert at.login_command == "https://login.test/token"
