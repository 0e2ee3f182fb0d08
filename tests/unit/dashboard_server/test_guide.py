"""The guide beside the work: the seat's addresses, and *Check my work* as the learner."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import boto3
import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from real_store import running_store

from dashboard.errors import RefusalError
from dashboard.guide.checking import part_of
from dashboard.guide.doors import Doors
from dashboard.guide.parts import PARTS
from dashboard.pipelines_api import PipelinesApi
from lab_ground.kubernetes.errors import ApiError
from lab_steps.drawing import EMPTY
from lab_steps.steps import STEPS
from object_storage.builders import Identity

from .seat import claim, connection, thing

PROJECT = "/projects/mnist/guide"
DSPA = "datasciencepipelinesapplications.opendatahub.io/v1"
MODEL = b"a model"
SIDECAR = {"sha256": hashlib.sha256(MODEL).hexdigest(), "accuracy": 0.99}
ROWS = "\n".join(
    [",".join(["label", *(f"pixel{i}" for i in range(784))])]
    + [",".join([str(digit), *(["200"] * 784)]) for digit in range(10)]
)


def checked(page: Any, part: int) -> dict[str, Any]:
    """What *Check my work* answers."""
    return page.post(f"{PROJECT}/{part}/check")


def causes(answer: dict[str, Any]) -> dict[str, str]:
    """The causes by their checks' titles."""
    return {item["title"]: item["cause"] for item in answer["items"] if not item["ok"]}


def notebook(*, stopped: bool = False) -> Any:
    spec = {
        "volumes": [{"persistentVolumeClaim": {"claimName": "notebook"}}],
        "containers": [
            {"name": "notebook", "envFrom": [{"secretRef": {"name": "aws-connection-s3-creds"}}]}
        ],
    }
    annotations = {"kubeflow-resource-stopped": "2026-01-01T00:00:00Z"} if stopped else {}
    return thing(
        "kubeflow.org/v1", "Notebook", "notebook",
        annotations=annotations, spec={"template": {"spec": spec}},
    )  # fmt: skip


def pod(name: str = "notebook-0", *, ready: bool = True) -> Any:
    status = {"containerStatuses": [{"name": "notebook", "ready": ready, "state": {}}]}
    return thing("v1", "Pod", name, spec={"volumes": []}, status=status)


def route(name: str, host: str) -> Any:
    status = {"ingress": [{"host": host}]}
    return thing("route.openshift.io/v1", "Route", name, spec={}, status=status)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with the seat's bucket, the first ten test images and a model."""
    identity = Identity("minio", "minio", "minio123", admin=True)
    with running_store(tmp_path_factory.mktemp("store"), [identity]) as address:
        client = boto3.client(
            "s3", endpoint_url=address, aws_access_key_id="minio", region_name="us-east-1",
            aws_secret_access_key="minio123",
        )  # fmt: skip
        client.put_object(Bucket="rhods", Key="data/test.csv", Body=ROWS.encode())
        client.put_object(Bucket="rhods", Key="onnx/model-v2.onnx", Body=MODEL)
        client.put_object(Bucket="rhods", Key="onnx/model-v2.json", Body=json.dumps(SIDECAR))
        yield address, client


@pytest.fixture
def seat(cluster, store):
    """A seat whose data connection leads to the store."""
    cluster.objects.pop(("Secret", "mnist", "aws-connection-s3-creds"))
    cluster._store(connection("s3-creds", AWS_S3_ENDPOINT=store[0]))
    cluster.add(claim("ml-pipeline"))
    cluster.add(notebook())
    cluster.add(pod())
    return cluster


class TestAddresses:
    """The seat's names and addresses."""

    def test_what_is_not_there_has_no_address(self, page):
        found = page.get(PROJECT)
        assert found["namespace"] == "mnist"
        assert found["addresses"]["workbench"] is None
        assert found["addresses"]["dashboard"].endswith("/projects/mnist")

    def test_the_seats_own(self, page, cluster):
        cluster.add(notebook())
        cluster.add(route("notebook", "notebook-mnist.lab"))
        cluster.add(route("mnist-webapp", "page.lab"))
        cluster.add(route("ds-pipeline-ds-pipeline", "pipelines.lab"))
        found = page.get(PROJECT)["addresses"]
        assert found["workbench"] == "https://notebook-mnist.lab/notebook/mnist/notebook"
        assert found["page"] == "https://page.lab/"
        assert found["pipelines"] == "https://pipelines.lab/"

    def test_a_strangers_seat_is_not_shown(self, stranger):
        for response in (
            stranger.client.get(f"/api{PROJECT}"),
            stranger.write("POST", f"{PROJECT}/1/check"),
        ):
            assert response.status_code == 403
            assert response.json()["right"]["namespace"] == "mnist"


class TestParts:
    """All parts, and what is wrong with the question itself."""

    def test_the_guide_has_as_many_parts_as_there_are_checks_for(self):
        assert [part.number for part in PARTS] == list(range(1, 7))
        titles = [(part.number, check.title) for part in PARTS for check in part.checks]
        assert len(set(titles)) == len(titles) >= len(STEPS)
        for part in PARTS:
            assert all(check.remedy.endswith(".") for check in part.checks)
            assert part.left_out

    def test_no_such_part(self, page):
        response = page.write("POST", f"{PROJECT}/7/check")
        assert response.status_code == 404
        assert "part 7" in response.json()["message"]
        with pytest.raises(RefusalError):
            part_of(0)

    @pytest.mark.parametrize("number", [2, 3, 4, 5, 6])
    def test_in_an_empty_seat_every_part_says_what_is_missing(self, page, number):
        answer = checked(page, number)
        assert not answer["ok"]
        assert answer["seconds"] < 15
        for item in answer["items"]:
            assert item["ok"] == (item["cause"] is None) == (item["remedy"] is None)

    def test_the_session_has_ended(self, address):
        url = f"{address}/api{PROJECT}/1/check"
        headers = {"x-forwarded-access-token": "gone", "sec-fetch-site": "same-origin"}
        response = httpx.post(url, json={}, headers=headers)
        assert response.status_code == 401

    def test_all_questions_are_the_learners(self, page, api, seat):
        api.asked.clear()
        checked(page, 1)
        tokens = {token for token, verb, plural, _ in api.asked if plural not in ("namespaces",)}
        assert tokens == {"ann"}
        assert {verb for token, verb, _, _ in api.asked if token == "ann"} <= {"get", "list"}

    def test_a_missing_right_is_the_cause(self, page, api, seat):
        api.broken[("list", "notebooks")] = ApiError(
            403, "Forbidden", 'User "ann" cannot list resource "notebooks" in API group'
        )
        found = causes(checked(page, 1))
        assert "no right to list notebooks.kubeflow.org" in found["The workbench runs"]


class TestWorkbench:
    """Part 1."""

    def test_done(self, page, seat):
        answer = checked(page, 1)
        assert causes(answer) == {}
        assert answer["ok"]

    def test_stopped(self, page, seat):
        seat.add(notebook(stopped=True))
        found = causes(checked(page, 1))
        assert found == {"The workbench runs": "The workbench notebook is stopped."}

    def test_a_key_that_the_store_does_not_know(self, page, seat, store):
        seat._store(connection("s3-creds", AWS_S3_ENDPOINT=store[0], AWS_ACCESS_KEY_ID="else"))
        found = causes(checked(page, 1))
        assert list(found) == ["Its key opens the bucket"]
        assert "minio123" not in json.dumps(found)

    def test_no_storage_and_no_connection(self, page, cluster):
        cluster.objects.pop(("Secret", "mnist", "aws-connection-s3-creds"))
        found = causes(checked(page, 1))
        assert found["The storage ml-pipeline is there"] == (
            "There is no volume ml-pipeline in the project."
        )
        assert "no data connection s3-creds" in found["The data connection s3-creds is whole"]
        assert found["The workbench runs"] == "There is no workbench in the project."


class TestNotebooks:
    """Part 2."""

    def test_a_good_model_and_data_that_lacks_images(self, page, seat):
        found = causes(checked(page, 2))
        assert found == {"All of MNIST is in the bucket": "Data/train.csv is not in the bucket."}

    def test_another_model_than_the_file_beside_it_says(self, page, seat, store):
        _, client = store
        client.put_object(Bucket="rhods", Key="onnx/model-v2.onnx", Body=b"another")
        found = causes(checked(page, 2))
        client.put_object(Bucket="rhods", Key="onnx/model-v2.onnx", Body=MODEL)
        assert "checksum" in found["It is the model that the file beside it tells of"]


def runs_api(runs: list[dict[str, Any]]) -> FastAPI:
    """The two questions of the pipelines API that the checks ask."""
    app = FastAPI()

    @app.get("/apis/v2beta1/runs")
    def listed(request: Request) -> Any:
        if request.headers["authorization"] != "Bearer ann":
            return JSONResponse({"message": "no"}, 403)
        return {"runs": [{k: v for k, v in run.items() if k != "run_details"} for run in runs]}

    @app.get("/apis/v2beta1/runs/{name}")
    def one(name: str) -> Any:
        return next(run for run in runs if run["run_id"] == name)

    return app


@pytest.fixture
def runs(dashboard, cluster):
    """A ready pipeline server with these runs."""
    known: list[dict[str, Any]] = []
    before = dashboard.application.state.pipelines
    dashboard.application.state.pipelines = PipelinesApi(
        transport=httpx.ASGITransport(runs_api(known))
    )
    conditions = [
        {"type": name, "status": "True"}
        for name in ("DatabaseAvailable", "ObjectStoreAvailable", "APIServerReady", "Ready")
    ]
    cluster.add(thing(DSPA, "DataSciencePipelinesApplication", "ds-pipeline",
                      spec={}, status={"conditions": conditions}))  # fmt: skip
    yield known
    dashboard.application.state.pipelines = before


def run(state: str, *steps: str) -> dict[str, Any]:
    tasks = [{"display_name": step, "state": "SUCCEEDED"} for step in steps]
    return {
        "run_id": state, "state": state, "display_name": "mine",
        "run_details": {"task_details": tasks},
    }  # fmt: skip


STEP_NAMES = ("Pre-process", "Train", "Evaluate", "Review")


class TestRuns:
    """Parts 3 and 4."""

    def test_submitted_with_all_steps(self, page, runs):
        runs.append(run("RUNNING", *STEP_NAMES))
        assert causes(checked(page, 3)) == {}

    def test_submitted_as_it_came(self, page, runs):
        runs.append(run("SUCCEEDED", *STEP_NAMES[:3]))
        found = causes(checked(page, 3))
        assert list(found) == ["The run has the step Review"]

    def test_finished(self, page, runs, seat, store):
        _, client = store
        runs += [run("FAILED"), run("SUCCEEDED", *STEP_NAMES)]
        assert list(causes(checked(page, 4))) == ["The executed notebooks are kept"]
        for step in STEP_NAMES:
            for end in (".html", ".ipynb"):
                client.put_object(Bucket="rhods", Key=f"run/{step}{end}", Body=b"")
        assert causes(checked(page, 4)) == {}


def services(answers: dict[str, Any]) -> FastAPI:
    """A model server and a page, as they answer within the cluster; hosts are checked too."""
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def everything(path: str, request: Request) -> Any:
        host = request.url.hostname
        if path.startswith("v2/models/mnist"):
            assert host == "modelmesh-serving.mnist.svc"
            if request.headers.get("authorization") != "Bearer model-token":
                return JSONResponse({}, answers.get("refused", 401))
            if path.endswith("/infer"):
                return {"outputs": [{"data": [0.1] * 10}]}
            tensor = {"name": "input_1", "datatype": "FP32", "shape": [-1, 28, 28, 1]}
            return {"inputs": [tensor]}
        assert host == "mnist-webapp.mnist.svc"
        if path == "api/predict":
            image = (await request.json())["image"]
            if image == EMPTY:
                return JSONResponse({"error": {"cause": "empty"}}, answers.get("empty", 422))
            return {"digit": answers["digits"].pop(0)}
        headers = {"Content-Security-Policy": "default-src 'none'; img-src 'self'"}
        return JSONResponse({}, headers=headers)

    return app


@pytest.fixture
def answers(dashboard):
    """What the seat's services answer."""
    told: dict[str, Any] = {}
    before = dashboard.application.state.doors
    dashboard.application.state.doors = Doors(transport=httpx.ASGITransport(services(told)))
    yield told
    dashboard.application.state.doors = before


def served(ready: str = "True") -> Any:
    rest = "https://modelmesh-serving.mnist.svc:8443"
    status = {
        "conditions": [{"type": "Ready", "status": ready, "message": "no model at this path"}],
        "components": {"predictor": {"restUrl": rest, "grpcUrl": "grpc://x"}},
    }
    return thing("serving.kserve.io/v1beta1", "InferenceService", "mnist", spec={}, status=status)


class TestServing:
    """Part 5."""

    @pytest.fixture(autouse=True)
    def token(self, cluster):
        cluster._store(thing("v1", "Secret", "model-mesh", stringData={"token": "model-token"}))
        cluster.add(served())

    def test_done(self, page, answers):
        assert causes(checked(page, 5)) == {}

    def test_a_server_without_token_authorization(self, page, answers):
        answers["refused"] = 200
        found = causes(checked(page, 5))
        assert list(found) == ["No token is refused", "A wrong token is refused"]

    def test_a_model_that_is_not_found(self, page, cluster, answers):
        cluster.add(served("False"))
        found = causes(checked(page, 5))
        assert "no model at this path" in found["The model is ready"]

    def test_no_token(self, page, cluster, answers):
        cluster.objects.pop(("Secret", "mnist", "model-mesh"))
        found = causes(checked(page, 5))
        assert "no Secret model-mesh" in found["The right token gets ten probabilities"]
        assert "No token is refused" not in found


class TestDrawing:
    """Part 6."""

    @pytest.fixture(autouse=True)
    def deployed(self, seat):
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        seat.add(thing("serving.knative.dev/v1", "Service", "mnist-function",
                       spec={}, status=ready))  # fmt: skip
        seat.add(route("mnist-webapp", "page.lab"))

    def test_done(self, page, answers):
        answers["digits"] = list(range(10))
        assert causes(checked(page, 6)) == {}

    def test_a_model_that_says_seven_of_everything(self, page, answers):
        answers["digits"] = [7] * 10
        found = causes(checked(page, 6))
        assert "only 1 of 10" in found["Ten test digits are recognised"].lower()

    def test_an_empty_drawing_is_taken_for_a_digit(self, page, answers):
        answers |= {"digits": list(range(10)), "empty": 200}
        assert list(causes(checked(page, 6))) == ["An empty drawing is refused with its cause"]

    def test_nothing_answers(self, page, seat, dashboard):
        class Gone(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request):
                raise httpx.ConnectError("refused")

        before = dashboard.application.state.doors
        dashboard.application.state.doors = Doors(transport=Gone())
        found = causes(checked(page, 6))
        dashboard.application.state.doors = before
        assert found["The page answers"] == (
            "Nothing answers at mnist-webapp.mnist.svc (ConnectError)."
        )
