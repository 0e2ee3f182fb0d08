"""The fourth step on the dashboard: server, pipelines, runs, schedules, over the real server."""

import shutil

import httpx
import pytest
from kfp import compiler, dsl
from pipeline_services import NoPods, migrated_database, offline_settings

from dashboard.pipelines_api import PipelinesApi
from pipeline_server.api.application import create_application
from pipeline_server.database.connection import Database
from pipeline_server.object_store import ObjectStore
from pipeline_server.services.collection import Services

from .seat import connection_form, thing

DSPA = "datasciencepipelinesapplications.opendatahub.io/v1"
PROJECT = "/projects/mnist"


def may_use_all(token, attributes):
    """Whoever asks may use whatever a run names."""
    return True


@dsl.component(base_image="registry/mnist-runtime:1.0")
def say(text: str, times: int):
    print(text * times)


@dsl.pipeline(name="hello")
def hello(text: str, times: int = 2):
    """Say something."""
    say(text=text, times=times)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = tmp_path_factory.mktemp("compiled") / "hello.yaml"
    compiler.Compiler().compile(hello, str(path))
    return path.read_bytes()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    return migrated_database(tmp_path_factory.mktemp("database"))


@pytest.fixture
def server(dashboard, cluster, migrated, tmp_path):
    """A pipeline server of the project, which is ready."""
    database = Database(f"sqlite:///{shutil.copy(migrated, tmp_path / 'pipelines.db')}")
    settings = offline_settings()
    services = Services(settings, database, ObjectStore(settings), NoPods(), may_use_all)
    before = dashboard.application.state.pipelines
    transport = httpx.ASGITransport(create_application(services))
    dashboard.application.state.pipelines = PipelinesApi(transport=transport)
    ready = {"conditions": [{"type": "APIServerReady", "status": "True"}]}
    cluster.add(thing(DSPA, "DataSciencePipelinesApplication", "ds-pipeline",
                      spec={"dspVersion": "v2"}, status=ready))  # fmt: skip
    cluster.add(thing("route.openshift.io/v1", "Route", "ds-pipeline-ds-pipeline", spec={},
                      status={"ingress": [{"host": "pipelines.lab"}]}))  # fmt: skip
    yield services
    dashboard.application.state.pipelines = before
    database.close()


def upload(page, package, name="hello"):
    return page.client.post(
        f"/api{PROJECT}/pipelines",
        data={"displayName": name, "description": "says something"},
        files={"file": ("hello.yaml", package)},
    )


class TestServer:
    """Configure pipeline server."""

    def test_configure_and_delete(self, page, cluster):
        form = {"connection": {"mode": "existing", "name": "aws-connection-s3-creds"}}
        made = page.post(f"{PROJECT}/pipeline-server", form)
        assert made["state"] == "starting" or made["state"] == "failed"
        assert made["bucket"] == "rhods"
        application = cluster.objects[("DataSciencePipelinesApplication", "mnist", "dspa")]
        storage = application["spec"]["objectStorage"]["externalStorage"]
        assert (storage["scheme"], storage["host"]) == ("http", "127.0.0.1:9")
        assert ("Secret", "mnist", "dashboard-dspa-secret") in cluster.objects
        again = page.write("POST", f"{PROJECT}/pipeline-server", form)
        assert again.status_code == 409
        page.delete(f"{PROJECT}/pipeline-server")
        assert ("Secret", "mnist", "dashboard-dspa-secret") not in cluster.objects
        assert page.get(f"{PROJECT}/pipelines") == {"server": None, "items": []}

    @pytest.mark.parametrize(
        ("connection", "field"),
        [
            ({"mode": "existing", "name": "nowhere"}, "connection.name"),
            ({"mode": "new", **connection_form(endpoint="minio:9000")}, "connection.endpoint"),
            ({"mode": "new", **connection_form(bucket="")}, "connection.bucket"),
        ],
    )
    def test_refused_in_place(self, page, cluster, connection, field):
        before = len(cluster.writes)
        response = page.write("POST", f"{PROJECT}/pipeline-server", {"connection": connection})
        assert response.status_code == 422
        assert field in response.json()["fields"]
        assert len(cluster.writes) == before

    def test_without_a_server_nothing_is_imported(self, page, package):
        response = upload(page, package)
        assert response.status_code == 404
        assert "pipeline server" in response.json()["message"]


class TestPipelines:
    """Import, run, schedule."""

    def test_import_and_its_parameters(self, page, server, package):
        made = upload(page, package)
        assert made.status_code == 200, made.text
        section = page.get(f"{PROJECT}/pipelines")
        assert section["server"]["state"] == "ready"
        assert section["server"]["url"] == "https://pipelines.lab/"
        assert [item["displayName"] for item in section["items"]] == ["hello"]
        found = page.get(f"{PROJECT}/pipelines/{made.json()['id']}")
        (version,) = found["versions"]
        assert [
            (p["name"], p["type"], p["default"], p["optional"]) for p in version["parameters"]
        ] == [
            ("text", "STRING", None, False),
            ("times", "NUMBER_INTEGER", 2, True),
        ]
        page.delete(f"{PROJECT}/pipelines/{made.json()['id']}")
        assert page.get(f"{PROJECT}/pipelines")["items"] == []

    @pytest.mark.parametrize(
        ("content", "words"),
        [(b"", "empty"), (b"kind: Workflow\n", "Argo"), (b"nonsense: [", None)],
    )
    def test_file_that_is_no_pipeline(self, page, server, content, words):
        response = upload(page, content)
        assert response.status_code == 422, response.text
        if words:
            assert words in response.json()["fields"]["file"]

    def test_same_name_is_told(self, page, server, package):
        upload(page, package)
        response = upload(page, package)
        assert response.status_code == 409
        assert "hello" in response.json()["message"]

    @pytest.mark.parametrize("url", ["ftp://x/y", "nonsense", "file:///etc/passwd"])
    def test_address_that_is_none(self, page, server, url):
        form = {"displayName": "x", "url": url}
        response = page.write("POST", f"{PROJECT}/pipelines", form)
        assert response.status_code == 422
        assert "url" in response.json()["fields"]

    def form(self, page, package, **changes):
        pipeline = upload(page, package).json()["id"]
        version = page.get(f"{PROJECT}/pipelines/{pipeline}")["versions"][0]["id"]
        form = {"displayName": "my run", "pipeline": pipeline, "version": version}
        return {**form, "parameters": {"text": "hi", "times": 3}, **changes}

    def test_run(self, page, server, package):
        run = page.post(f"{PROJECT}/runs", self.form(page, package))
        assert run["state"] == "PENDING"
        (listed,) = page.get(f"{PROJECT}/runs")["items"]
        assert listed["displayName"] == "my run"
        assert listed["url"].startswith("https://pipelines.lab/runs/")
        assert listed["finished"] is None

    @pytest.mark.parametrize("parameters", [{}, {"text": "a", "times": "x"}, {"unknown": 1}])
    def test_run_with_wrong_parameters(self, page, server, package, parameters):
        form = self.form(page, package, parameters=parameters)
        response = page.write("POST", f"{PROJECT}/runs", form)
        assert response.status_code == 422, response.text
        assert page.get(f"{PROJECT}/runs")["items"] == []

    def test_schedule(self, page, server, package):
        form = self.form(page, package, trigger={"kind": "periodic", "seconds": 3600})
        made = page.post(f"{PROJECT}/schedules", form)
        assert made["enabled"]
        assert made["trigger"] == {"kind": "periodic", "seconds": 3600}
        page.post(f"{PROJECT}/schedules/{made['id']}/disable")
        (listed,) = page.get(f"{PROJECT}/schedules")["items"]
        assert not listed["enabled"]
        page.delete(f"{PROJECT}/schedules/{made['id']}")
        assert page.get(f"{PROJECT}/schedules")["items"] == []

    def test_schedule_by_cron(self, page, server, package):
        form = self.form(page, package, trigger={"kind": "cron", "cron": "0 0 0 * * *"})
        made = page.post(f"{PROJECT}/schedules", form)
        assert made["trigger"]["cron"] == "0 0 0 * * *"
        wrong = {**form, "trigger": {"kind": "cron", "cron": "whenever"}}
        assert page.write("POST", f"{PROJECT}/schedules", wrong).status_code == 422
