"""Each form: what it makes, what it refuses before anything is made, and nothing half-made."""

from __future__ import annotations

import base64

import pytest

from lab_ground.kubernetes.errors import ApiError

from .seat import bench_form, claim, connection_form

BENCHES = "/projects/mnist/workbenches"
STORAGES = "/projects/mnist/storages"
CONNECTIONS = "/projects/mnist/connections"
SERVERS = "/projects/mnist/servers"
MODELS = "/projects/mnist/models"


def stored(cluster, kind, name, namespace="mnist"):
    return cluster.objects.get((kind, namespace, name))


def left_in(cluster, namespace="mnist"):
    """What is in a seat, but for who may come in."""
    return {
        (kind, name)
        for kind, where, name in cluster.objects
        if where == namespace and not name.startswith("seat-")
    }


def values(secret):
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def add_pipeline_server(cluster):
    """A pipeline server, and the Role of those who may use it."""
    dspa = "datasciencepipelinesapplications.opendatahub.io/v1"
    for api_version, kind, name in (
        (dspa, "DataSciencePipelinesApplication", "ds-pipeline"),
        ("rbac.authorization.k8s.io/v1", "Role", "ds-pipeline-user-access-ds-pipeline"),
    ):
        meta = {"name": name, "namespace": "mnist"}
        cluster.add({"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": {}})


class TestWorkbench:
    """Create, edit, start, stop, delete."""

    def test_as_the_labs_text_has_it(self, page, cluster):
        bench = page.post(BENCHES, bench_form())
        assert bench["name"] == "my-bench"
        assert bench["status"]["word"] == "Starting"
        assert bench["size"]["name"] == "Small"
        assert bench["connections"] == [
            {"name": "aws-connection-s3-creds", "displayName": "s3-creds"}
        ]
        notebook = stored(cluster, "Notebook", "my-bench")
        spec = notebook["spec"]["template"]["spec"]
        container = spec["containers"][0]
        assert container["envFrom"] == [{"secretRef": {"name": "aws-connection-s3-creds"}}]
        assert container["image"].endswith("/mnist-workbench:1.0")
        assert spec["volumes"][0]["persistentVolumeClaim"] == {"claimName": "notebook"}
        assert notebook["metadata"]["labels"]["opendatahub.io/user"] == "ann"

    def test_everything_new(self, page, cluster):
        form = bench_form(
            storage={"mode": "new", "displayName": "", "sizeGiB": 5},
            connection={"mode": "new", **connection_form()},
            variables=[
                {"kind": "secret", "values": {"PASSWORD": "p"}},
                {"kind": "configmap", "values": {"COLOUR": "blue"}},
            ],
        )
        bench = page.post(BENCHES, form)
        # A storage without a name has the workbench's.
        assert bench["storages"][0]["name"] == "my-bench"
        request = stored(cluster, "PersistentVolumeClaim", "my-bench")["spec"]["resources"]
        assert request == {"requests": {"storage": "5Gi"}}
        assert (
            values(stored(cluster, "Secret", "aws-connection-my-store"))["AWS_S3_BUCKET"] == "rhods"
        )
        kinds = {group["kind"]: group for group in bench["variables"]}
        assert kinds["secret"]["keys"] == ["PASSWORD"]
        assert kinds["configmap"]["name"].startswith("configmap-")

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"displayName": "  "}, "displayName"),
            ({"name": "Not-Good"}, "name"),
            ({"name": "a" * 31}, "name"),
            ({"name": "1st"}, "name"),
            ({"size": "Giant"}, "size"),
            ({"image": {"stream": "mnist-workbench", "tag": "9"}}, "image"),
            ({"storage": {"mode": "existing", "name": "nowhere"}}, "storage.name"),
            ({"storage": {"mode": "new", "displayName": "x", "sizeGiB": 0}}, "storage.sizeGiB"),
            ({"storage": {"mode": "new", "displayName": "x", "sizeGiB": 1, "storageClass": "no"}},
             "storage.storageClass"),
            ({"connection": {"mode": "existing", "name": "notebook"}}, "connection.name"),
            ({"connection": {"mode": "new", "displayName": "x"}}, "connection.accessKey"),
            ({"variables": [{"kind": "secret", "values": {"1A": "x"}}]}, "variables.0.1A"),
            ({"variables": [{"kind": "secret", "values": {"NOTEBOOK_ARGS": "x"}}]},
             "variables.0.NOTEBOOK_ARGS"),
            ({"variables": [{"kind": "secret", "values": {}}]}, "variables.0"),
            ({"variables": [{"kind": "secret", "values": {"A": "1"}},
                            {"kind": "configmap", "values": {"A": "2"}}]}, "variables.0.A"),
        ],
    )  # fmt: skip
    def test_refused_in_place(self, page, cluster, changes, field):
        before = len(cluster.writes)
        response = page.write("POST", BENCHES, bench_form(**changes))
        assert response.status_code == 422, response.text
        body = response.json()
        assert field in body["fields"], body
        assert body["message"].endswith((".", "more)"))
        assert len(cluster.writes) == before

    def test_a_double_click_makes_nothing_twice(self, page, cluster):
        form = bench_form(storage={"mode": "new", "displayName": "", "sizeGiB": 5})
        page.post(BENCHES, form)
        before = len(cluster.writes)
        response = page.write("POST", BENCHES, form)
        assert response.status_code == 409
        assert response.json()["reason"] == "Exists"
        assert len(cluster.writes) == before

    def test_dry_run_makes_nothing(self, page, cluster):
        before = len(cluster.writes)
        assert page.post(BENCHES, bench_form(), dryRun="true") == {"name": "my-bench"}
        assert len(cluster.writes) == before

    def test_a_failure_in_the_middle_leaves_nothing(self, page, api, cluster):
        before = set(cluster.objects)
        api.broken[("create", "notebooks")] = ApiError(500, "InternalError", "the disk is full")
        form = bench_form(
            storage={"mode": "new", "displayName": "", "sizeGiB": 5},
            variables=[{"kind": "secret", "values": {"A": "1"}}],
        )
        assert page.write("POST", BENCHES, form).status_code == 503
        assert set(cluster.objects) == before

    def test_what_admission_refuses_is_told(self, page, api):
        told = 'notebooks "x" is forbidden: exceeded quota: lab-seat'
        api.broken[("create", "notebooks")] = ApiError(403, "Forbidden", told)
        body = page.write("POST", BENCHES, bench_form()).json()
        assert "exceeded quota" in body["message"]
        assert body["right"] is None

    def test_form_of_a_workbench_makes_the_same_again(self, page, cluster):
        group = {"kind": "secret", "values": {"A": "1"}}
        page.post(BENCHES, bench_form(variables=[group]))
        before = stored(cluster, "Notebook", "my-bench")["spec"]
        form = page.get(f"{BENCHES}/my-bench")["form"]
        assert form["variables"][0]["values"] == {"A": "1"}
        page.put(f"{BENCHES}/my-bench", form)
        assert stored(cluster, "Notebook", "my-bench")["spec"] == before

    def test_edit_keeps_what_the_form_does_not_know(self, page, cluster):
        page.post(BENCHES, bench_form())
        notebook = stored(cluster, "Notebook", "my-bench")
        container = notebook["spec"]["template"]["spec"]["containers"][0]
        container["env"].append({"name": "MINE", "value": "1"})
        container["securityContext"] = {"runAsNonRoot": True}
        form = page.get(f"{BENCHES}/my-bench")["form"]
        page.put(f"{BENCHES}/my-bench", {**form, "displayName": "Other", "size": "Medium"})
        changed = stored(cluster, "Notebook", "my-bench")
        container = changed["spec"]["template"]["spec"]["containers"][0]
        assert {"name": "MINE", "value": "1"} in container["env"]
        assert container["securityContext"] == {"runAsNonRoot": True}
        assert container["resources"]["limits"]["memory"] == "8Gi"
        assert changed["metadata"]["annotations"]["openshift.io/display-name"] == "Other"

    def test_size_that_nobody_offers_stays(self, page, cluster):
        page.post(BENCHES, bench_form())
        notebook = stored(cluster, "Notebook", "my-bench")
        container = notebook["spec"]["template"]["spec"]["containers"][0]
        odd = {"requests": {"cpu": "3", "memory": "1Gi"}, "limits": {"cpu": "3", "memory": "1Gi"}}
        container["resources"] = dict(odd)
        form = page.get(f"{BENCHES}/my-bench")["form"]
        assert form["size"] == "Custom"
        changed = page.put(
            f"{BENCHES}/my-bench", {**form, "description": None, "accelerator": None}
        )
        assert changed["size"] == {"name": "Custom", **odd}
        new = page.write("POST", BENCHES, bench_form(displayName="other", size="Custom"))
        assert "size" in new.json()["fields"]

    def test_edit_over_somebody_elses_change_is_a_conflict(self, page):
        page.post(BENCHES, bench_form())
        form = page.get(f"{BENCHES}/my-bench")["form"]
        page.put(f"{BENCHES}/my-bench", form)
        response = page.write("PUT", f"{BENCHES}/my-bench", form)
        assert response.status_code == 409
        assert response.json()["reason"] == "Conflict"

    def test_variables_that_are_taken_away_are_deleted(self, page, cluster):
        groups = [
            {"kind": "secret", "values": {"A": "1"}},
            {"kind": "configmap", "values": {"B": "2"}},
        ]
        page.post(BENCHES, bench_form(variables=groups))
        form = page.get(f"{BENCHES}/my-bench")["form"]
        kept, gone = form["variables"]
        kept["values"] = {"A": "3", "C": "4"}
        page.put(f"{BENCHES}/my-bench", {**form, "variables": [kept]})
        assert values(stored(cluster, "Secret", kept["name"])) == {"A": "3", "C": "4"}
        assert stored(cluster, "ConfigMap", gone["name"]) is None

    def test_variables_that_somebody_else_made_stay_where_they_are(self, page, cluster):
        page.post(BENCHES, bench_form())
        meta = {"name": "mine", "namespace": "mnist"}
        cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"A": "1"}})
        spec = stored(cluster, "Notebook", "my-bench")["spec"]["template"]["spec"]
        spec["containers"][0]["envFrom"].append({"configMapRef": {"name": "mine"}})
        form = page.get(f"{BENCHES}/my-bench")["form"]
        assert form["variables"] == [{"kind": "configmap", "name": "mine", "values": {"A": "1"}}]
        page.put(f"{BENCHES}/my-bench", form)
        spec = stored(cluster, "Notebook", "my-bench")["spec"]["template"]["spec"]
        assert {"configMapRef": {"name": "mine"}} in spec["containers"][0]["envFrom"]
        form = page.get(f"{BENCHES}/my-bench")["form"]
        page.put(f"{BENCHES}/my-bench", {**form, "variables": []})
        page.delete(f"{BENCHES}/my-bench")
        assert stored(cluster, "ConfigMap", "mine")

    def test_stop_and_start_again_and_again(self, page, cluster):
        page.post(BENCHES, bench_form())
        for _ in range(2):
            assert page.post(f"{BENCHES}/my-bench/stop")["status"]["word"] == "Stopped"
        mark = stored(cluster, "Notebook", "my-bench")["metadata"]["annotations"]
        assert mark["kubeflow-resource-stopped"].endswith("Z")
        for _ in range(2):
            assert page.post(f"{BENCHES}/my-bench/start")["status"]["word"] == "Starting"
        mark = stored(cluster, "Notebook", "my-bench")["metadata"]["annotations"]
        assert "kubeflow-resource-stopped" not in mark

    def test_start_mounts_elyras_configuration_that_came_later(self, page, cluster):
        page.post(BENCHES, bench_form())
        page.post(f"{BENCHES}/my-bench/stop")
        secret = {"name": "ds-pipeline-config", "namespace": "mnist"}
        cluster.add({"apiVersion": "v1", "kind": "Secret", "metadata": secret})
        page.post(f"{BENCHES}/my-bench/start")
        spec = stored(cluster, "Notebook", "my-bench")["spec"]["template"]["spec"]
        assert spec["volumes"][-1]["secret"]["secretName"] == "ds-pipeline-config"
        assert spec["containers"][0]["volumeMounts"][-1]["mountPath"] == "/opt/app-root/runtimes"

    def test_delete_keeps_storage_and_connection(self, page, cluster):
        page.post(BENCHES, bench_form(variables=[{"kind": "secret", "values": {"A": "1"}}]))
        page.delete(f"{BENCHES}/my-bench")
        left = left_in(cluster)
        assert left == {
            ("PersistentVolumeClaim", "notebook"),
            ("Secret", "aws-connection-s3-creds"),
        }

    def test_contributor_makes_one_without_a_binding(self, contributor, cluster):
        add_pipeline_server(cluster)
        contributor.post(BENCHES, bench_form())
        assert stored(cluster, "RoleBinding", "my-bench-ds-pipeline") is None

    def test_admins_workbench_may_use_the_pipelines(self, page, cluster):
        add_pipeline_server(cluster)
        page.post(BENCHES, bench_form())
        binding = stored(cluster, "RoleBinding", "my-bench-ds-pipeline")
        assert binding["roleRef"]["name"] == "ds-pipeline-user-access-ds-pipeline"
        assert binding["metadata"]["ownerReferences"][0]["kind"] == "Notebook"


class TestNames:
    """The name that a shown name gives, asked while it is typed."""

    def test_preview(self, page):
        ask = f"{BENCHES.rpartition('/')[0]}/names"
        found = page.get(ask, kind="storage", displayName=" Note Book ")
        assert found == {"name": "note-book", "taken": False, "message": None}
        taken = page.get(ask, kind="storage", displayName="notebook")
        assert taken["taken"]
        assert "notebook" in taken["message"]
        assert page.get(ask, kind="workbench", displayName="42")["name"] == "wb-42"


class TestStorage:
    """Create, grow, connect, delete."""

    def test_create_connected(self, page, cluster):
        page.post(BENCHES, bench_form())
        mounts = [{"name": "my-bench", "folder": "data"}]
        made = page.post(STORAGES, {"displayName": "Data", "sizeGiB": 3, "workbenches": mounts})
        assert made["connected"][0]["path"] == "/opt/app-root/src/data"
        spec = stored(cluster, "Notebook", "my-bench")["spec"]["template"]["spec"]
        mounted = spec["containers"][0]["volumeMounts"]
        assert {"name": "data", "mountPath": "/opt/app-root/src/data"} in mounted

    @pytest.mark.parametrize(
        "folder", ["", "Data", "a/b", "../up", "a//", "1", "-", "x" * 64, "a b"]
    )
    def test_folder(self, page, folder):
        page.post(BENCHES, bench_form())
        mounts = [{"name": "my-bench", "folder": folder}]
        form = {"displayName": "Data", "sizeGiB": 3, "workbenches": mounts}
        response = page.write("POST", STORAGES, form)
        assert response.status_code == 422
        assert "workbenches.0.folder" in response.json()["fields"]

    def test_folder_in_use(self, page):
        page.post(BENCHES, bench_form())
        mounts = [{"name": "my-bench", "folder": "data"}]
        page.post(STORAGES, {"displayName": "One", "sizeGiB": 1, "workbenches": mounts})
        form = {"displayName": "Two", "sizeGiB": 1, "workbenches": mounts}
        response = page.write("POST", STORAGES, form)
        assert "in use" in response.json()["fields"]["workbenches.0.folder"]

    def test_size_only_grows_and_only_once_bound(self, page, cluster):
        form = {"displayName": "notebook", "sizeGiB": 19}
        told = page.write("PUT", f"{STORAGES}/notebook", form).json()["fields"]["sizeGiB"]
        assert "cannot become smaller" in told
        assert page.put(f"{STORAGES}/notebook", {**form, "sizeGiB": 30})["sizeGiB"] == 30
        cluster.add(claim("fresh", phase="Pending"))
        response = page.write("PUT", f"{STORAGES}/fresh", {"displayName": "f", "sizeGiB": 30})
        assert "bound" in response.json()["fields"]["sizeGiB"]

    def test_delete_takes_it_out_of_the_workbench(self, page, cluster):
        page.post(BENCHES, bench_form())
        mounts = [{"name": "my-bench", "folder": "data"}]
        page.post(STORAGES, {"displayName": "Data", "sizeGiB": 3, "workbenches": mounts})
        page.delete(f"{STORAGES}/data")
        assert stored(cluster, "PersistentVolumeClaim", "data") is None
        bench = page.get(f"{BENCHES}/my-bench")
        assert [storage["name"] for storage in bench["storages"]] == ["notebook"]

    def test_root_of_a_workbench_stays(self, page, cluster):
        page.post(BENCHES, bench_form())
        response = page.write("DELETE", f"{STORAGES}/notebook")
        assert response.status_code == 409
        assert "my-bench" in response.json()["message"]
        assert stored(cluster, "PersistentVolumeClaim", "notebook")


class TestConnection:
    """Create, try, connect, edit, delete."""

    def test_create_edit_delete(self, page, cluster):
        page.post(BENCHES, bench_form(connection=None))
        made = page.post(CONNECTIONS, connection_form(workbenches=["my-bench"]))
        assert made["name"] == "aws-connection-my-store"
        assert made["connected"] == [
            {"kind": "workbench", "name": "my-bench", "displayName": "My bench"}
        ]
        assert "secretKey" not in made
        form = page.get(f"{CONNECTIONS}/{made['name']}")["form"]
        assert form["secretKey"] == "minio123"
        changed = {**form, "bucket": " other\n", "workbenches": []}
        assert page.put(f"{CONNECTIONS}/{made['name']}", changed)["bucket"] == "other"
        container = stored(cluster, "Notebook", "my-bench")["spec"]["template"]["spec"][
            "containers"
        ]
        assert container[0]["envFrom"] == []
        page.delete(f"{CONNECTIONS}/{made['name']}")
        assert stored(cluster, "Secret", made["name"]) is None

    def test_delete_takes_it_out_of_the_workbench(self, page, cluster):
        page.post(BENCHES, bench_form())
        page.delete(f"{CONNECTIONS}/aws-connection-s3-creds")
        container = stored(cluster, "Notebook", "my-bench")["spec"]["template"]["spec"][
            "containers"
        ]
        assert container[0]["envFrom"] == []

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"endpoint": "minio:9000"}, "endpoint"),
            ({"endpoint": "http://user:pw@minio"}, "endpoint"),
            ({"bucket": "s3://rhods"}, "bucket"),
            ({"region": "not a region"}, "region"),
            ({"secretKey": "with space"}, "secretKey"),
            ({"accessKey": ""}, "accessKey"),
            # Nothing listens there.
            ({}, "endpoint"),
        ],
    )
    def test_tried(self, page, changes, field):
        tried = page.post(f"{CONNECTIONS}/try", connection_form(**changes))
        assert not tried["ok"]
        assert tried["field"] == field, tried
        assert tried["message"].endswith(".")
        assert "minio123" not in tried["message"]

    def test_one_that_does_not_work_can_be_saved_all_the_same(self, page):
        made = page.post(CONNECTIONS, connection_form(endpoint="minio:9000"))
        assert "does not begin with http" in made["fault"]

    def test_other_secrets_are_none(self, page, cluster):
        secret = {"name": "mine", "namespace": "mnist"}
        cluster.add({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "data": {}})
        for method in ("GET", "DELETE"):
            assert page.client.request(
                method, f"/api{CONNECTIONS}/mine", headers={"content-type": "application/json"}
            ).status_code == 404  # fmt: skip
        assert stored(cluster, "Secret", "mine")


def model_form(**changes):
    return {
        "displayName": "mnist",
        "server": "model-server",
        "format": {"name": "onnx", "version": "1"},
        "connection": {"mode": "existing", "name": "aws-connection-s3-creds"},
        "path": "onnx/model-v2.onnx",
        **changes,
    }


SERVER = {"replicas": 1, "size": "Small", "auth": True, "tokens": ["model-mesh"]}


class TestServing:
    """Configure server, deploy model: the lab's fifth step."""

    def test_as_the_labs_text_has_it(self, page, cluster):
        server = page.post(SERVERS, SERVER)
        assert server["name"] == "model-server"
        assert server["tokens"] == [{"name": "model-mesh", "secret": "model-mesh", "ready": False}]
        secret = stored(cluster, "Secret", "model-mesh")
        assert secret["type"] == "kubernetes.io/service-account-token"
        account = secret["metadata"]["annotations"]["kubernetes.io/service-account.name"]
        assert stored(cluster, "ServiceAccount", account)
        assert stored(cluster, "RoleBinding", "model-server-view")["subjects"][0]["name"] == account
        model = page.post(MODELS, model_form())
        assert model["status"]["word"] == "Status Unknown"
        assert model["format"] == {"name": "onnx", "version": "1"}
        spec = stored(cluster, "InferenceService", "mnist")["spec"]["predictor"]["model"]
        assert spec["storage"] == {
            "key": "aws-connection-s3-creds",
            "path": "onnx/model-v2.onnx",
        }
        assert page.get("/projects/mnist/models")["servers"][0]["models"] == ["mnist"]

    def test_token_is_read_by_itself(self, page, cluster):
        page.post(SERVERS, SERVER)
        path = "/projects/mnist/tokens/model-mesh"
        assert page.get(path) == {"token": None, "message": "Failed to get token."}
        token = base64.b64encode(b"the token").decode()
        cluster.objects[("Secret", "mnist", "model-mesh")]["data"] = {"token": token}
        assert page.get(path)["token"] == "the token"
        assert "the token" not in str(page.get("/projects/mnist/models"))
        other = "/api/projects/mnist/tokens/aws-connection-s3-creds"
        assert page.client.get(other).status_code == 404

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"auth": True, "tokens": []}, "tokens"),
            ({"auth": False, "tokens": ["a"]}, "tokens"),
            ({"tokens": ["a", " A "]}, "tokens.0"),
            ({"tokens": ["a", ""]}, "tokens.1"),
            ({"size": "Giant"}, "size"),
            ({"size": "Custom"}, "custom"),
            ({"size": "Custom", "custom": {"requests": {"cpu": "2", "memory": "1Gi"},
                                           "limits": {"cpu": "1", "memory": "1Gi"}}},
             "custom.requests.cpu"),
            ({"size": "Custom", "custom": {"requests": {"cpu": "x", "memory": "1Gi"},
                                           "limits": {"cpu": "1", "memory": "0"}}},
             "custom.requests.cpu"),
            ({"replicas": 0}, "replicas"),
            ({"template": "nowhere"}, "template"),
        ],
    )  # fmt: skip
    def test_server_is_refused_in_place(self, page, cluster, changes, field):
        before = len(cluster.writes)
        response = page.write("POST", SERVERS, {**SERVER, **changes})
        assert response.status_code == 422, response.text
        assert field in response.json()["fields"], response.text
        assert len(cluster.writes) == before

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"path": ""}, "path"),
            ({"path": "///"}, "path"),
            ({"path": "a//b"}, "path"),
            ({"path": "a b"}, "path"),
            ({"path": "../x"}, "path"),
            ({"server": "nowhere"}, "server"),
            ({"server": None}, "server"),
            ({"format": {"name": "tensorflow", "version": "1"}}, "format"),
            ({"connection": {"mode": "existing", "name": "nowhere"}}, "connection.name"),
            ({"connection": {"mode": "new", **connection_form(bucket="")}}, "connection.bucket"),
            ({"displayName": ""}, "displayName"),
        ],
    )
    def test_model_is_refused_in_place(self, page, cluster, changes, field):
        page.post(SERVERS, SERVER)
        before = len(cluster.writes)
        response = page.write("POST", MODELS, model_form(**changes))
        assert response.status_code == 422, response.text
        assert field in response.json()["fields"], response.text
        assert len(cluster.writes) == before

    def test_edit_server_changes_tokens_and_boxes(self, page, cluster):
        page.post(SERVERS, SERVER)
        changed = page.put(
            f"{SERVERS}/model-server",
            {**SERVER, "replicas": 2, "route": True, "tokens": ["other"]},
        )
        assert [token["name"] for token in changed["tokens"]] == ["other"]
        assert changed["route"]
        assert changed["replicas"] == 2
        assert stored(cluster, "Secret", "model-mesh") is None
        plain = page.put(f"{SERVERS}/model-server", {"size": "Medium", "replicas": 1})
        assert not plain["auth"]
        assert plain["tokens"] == []
        assert plain["size"]["name"] == "Medium"
        annotations = stored(cluster, "ServingRuntime", "model-server")["metadata"]["annotations"]
        assert not {"enable-auth", "enable-route"} & annotations.keys()

    def test_tokens_of_the_labs_own_roles_are_listed(self, page, cluster):
        """Their account is called as the token, which upstream's page would not find."""
        page.post(SERVERS, {"size": "Small"})
        part = {"opendatahub.io/dashboard": "true"}
        meta = {"namespace": "mnist", "labels": part}
        token = {"kubernetes.io/service-account.name": "model-mesh"}
        cluster.add({"apiVersion": "v1", "kind": "Secret",
                     "type": "kubernetes.io/service-account-token",
                     "metadata": {"name": "model-mesh", **meta, "annotations": token}})  # fmt: skip
        cluster.add({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                     "metadata": {"name": "model-server-view", **meta},
                     "roleRef": {"kind": "Role", "name": "x"},
                     "subjects": [{"kind": "ServiceAccount", "name": "model-mesh"}]})  # fmt: skip
        (server,) = page.get("/projects/mnist/models")["servers"]
        assert [found["secret"] for found in server["tokens"]] == ["model-mesh"]

    def test_delete_server_takes_models_and_access_along(self, page, cluster):
        page.post(SERVERS, SERVER)
        page.post(MODELS, model_form())
        page.delete(f"{SERVERS}/model-server")
        left = left_in(cluster)
        assert left == {
            ("PersistentVolumeClaim", "notebook"),
            ("Secret", "aws-connection-s3-creds"),
        }

    def test_redeploy_and_delete(self, page, cluster):
        page.post(SERVERS, SERVER)
        page.post(MODELS, model_form())
        changed = page.put(f"{MODELS}/mnist", model_form(path="onnx/other.onnx"))
        assert changed["path"] == "onnx/other.onnx"
        page.delete(f"{MODELS}/mnist")
        assert stored(cluster, "InferenceService", "mnist") is None
        assert stored(cluster, "ServingRuntime", "model-server")

    def test_contributor_makes_a_server_but_no_token(self, contributor, cluster):
        response = contributor.write("POST", SERVERS, SERVER)
        assert response.status_code == 403
        assert response.json()["right"]["resource"] in ("roles", "rolebindings")
        assert stored(cluster, "ServingRuntime", "model-server") is None
        contributor.post(SERVERS, {"size": "Small"})

    def test_single_platform(self, page, cluster, dashboard):
        labels = cluster.objects[("Namespace", "", "mnist")]["metadata"]["labels"]
        labels["modelmesh-enabled"] = "false"
        dashboard.application.state.catalogue.forget_namespaces()
        form = model_form(server=None, template="mnist-single", size="Small", route=True, auth=True,
                          tokens=["model-mesh"])  # fmt: skip
        model = page.post(MODELS, form)
        assert model["platform"] == "single"
        assert model["tokens"][0]["secret"] == "model-mesh"
        found = stored(cluster, "InferenceService", "mnist")
        assert found["metadata"]["labels"]["networking.kserve.io/visibility"] == "exposed"
        assert found["metadata"]["annotations"]["security.opendatahub.io/enable-auth"] == "true"
        role = stored(cluster, "Role", "mnist-view-role")["rules"][0]
        assert role["resourceNames"] == ["mnist"]
        page.delete(f"{MODELS}/mnist")
        assert stored(cluster, "ServingRuntime", "mnist") is None
        assert stored(cluster, "Secret", "model-mesh") is None


class TestPermissions:
    """Admins share; contributors do not."""

    SHARES = "/projects/mnist/permissions"

    def shown(self, page):
        """Whom the page has let in; what came with the seat cannot be changed there."""
        items = page.get(self.SHARES)["items"]
        assert [item["subject"] for item in items if item["fixed"]] == ["ann", "carl"]
        return [item["subject"] for item in items if not item["fixed"]]

    def test_share_change_end(self, page, cluster):
        made = page.post(self.SHARES, {"kind": "User", "subject": "bob", "role": "edit"})
        binding = stored(cluster, "RoleBinding", made["name"])
        assert binding["metadata"]["labels"]["opendatahub.io/project-sharing"] == "true"
        assert binding["roleRef"]["name"] == "edit"
        changed = page.put(f"{self.SHARES}/{made['name']}", {"role": "admin"})
        assert changed["role"] == "admin"
        assert self.shown(page) == ["bob"]
        again = page.write("POST", self.SHARES, {"kind": "User", "subject": "bob", "role": "edit"})
        assert again.status_code == 422
        page.delete(f"{self.SHARES}/{changed['name']}")
        assert self.shown(page) == []

    def test_account_is_bound_as_one(self, page, cluster):
        user = "system:serviceaccount:mnist:learner"
        made = page.post(self.SHARES, {"kind": "User", "subject": user, "role": "edit"})
        (subject,) = stored(cluster, "RoleBinding", made["name"])["subjects"]
        assert subject == {"kind": "ServiceAccount", "name": "learner", "namespace": "mnist"}
        assert page.get(self.SHARES)["items"][0]["subject"] == user

    def test_what_came_with_the_seat_stays(self, page, cluster):
        for method, body in (("PUT", {"role": "edit"}), ("DELETE", None)):
            response = page.write(method, f"{self.SHARES}/seat-ann", body)
            assert response.status_code == 409
        assert stored(cluster, "RoleBinding", "seat-ann")["roleRef"]["name"] == "admin"

    def test_contributor_sees_none(self, contributor):
        response = contributor.client.get(f"/api{self.SHARES}")
        assert response.status_code == 403
        assert response.json()["right"]["resource"] == "rolebindings"


class TestProject:
    """Create, choose a platform, rename, delete: an instructor's."""

    def test_instructor_makes_and_removes_one(self, instructor, cluster):
        made = instructor.post("/projects", {"displayName": "New seat", "description": "x"})
        assert made["name"] == "new-seat"
        assert made["owner"] == "root"
        assert made["platform"] is None
        assert stored(cluster, "RoleBinding", "admin", "new-seat")["subjects"][0]["name"] == "root"
        chosen = instructor.put("/projects/new-seat/platform", {"platform": "single"})
        assert chosen["platform"] == "single"
        again = instructor.write("PUT", "/projects/new-seat/platform", {"platform": "multi"})
        assert again.status_code == 409
        renamed = instructor.put("/projects/new-seat", {"displayName": "Old", "description": ""})
        assert renamed["displayName"] == "Old"
        instructor.delete("/projects/new-seat")
        assert stored(cluster, "Namespace", "new-seat", "") is None

    @pytest.mark.parametrize("name", ["openshift-mine", "kube-mine", "x" * 31, "Upper"])
    def test_names_that_are_refused(self, instructor, cluster, name):
        form = {"displayName": "mine", "name": name}
        response = instructor.write("POST", "/projects", form)
        assert response.status_code == 422
        assert "name" in response.json()["fields"]

    def test_learner_makes_none(self, page, cluster):
        assert not page.get("/session")["canCreateProject"]
        response = page.write("POST", "/projects", {"displayName": "mine"})
        assert response.status_code == 403
        assert response.json()["right"]["resource"] == "namespaces"
