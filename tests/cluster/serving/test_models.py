"""Models on a running server: loaded, replaced, unloaded; what fails says why."""

from __future__ import annotations

import base64
import json
import re
import threading

import pytest
import serving_models
from serving_endpoint import Endpoint
from serving_project import Project, condition

from lab_ground.waiting import wait_for

pytestmark = pytest.mark.cluster


def test_the_status_of_a_served_model(project: Project, mnist: str) -> None:
    status = project.wait_until_ready(mnist)
    host = f"modelmesh-serving.{project.namespace}"
    assert status["components"]["predictor"] == {
        "url": f"grpc://{host}:8033",
        "grpcUrl": f"grpc://{host}:8033",
        "restUrl": f"https://{host}.svc:8443",
    }
    assert condition(status, "PredictorReady") == "True"
    model = status["modelStatus"]
    assert model["states"] == {"activeModelState": "Loaded", "targetModelState": "Loaded"}
    assert model["transitionStatus"] == "UpToDate"
    assert model["copies"] == {"totalCopies": 1, "failedCopies": 0}


def test_replies_carry_the_revision(proxy: Endpoint, mnist: str, token: str) -> None:
    status, answer = proxy.infer(mnist, token=token)
    assert status == 200
    assert re.fullmatch(r"mnist__isvc-[0-9a-f]{10}", answer["model_name"])


def test_no_pod_restarts_for_a_model(project: Project, mnist: str, plain: Endpoint) -> None:
    before = [pod["metadata"]["uid"] for pod in project.pods()]
    with project.model("guest", "onnx/model-v2.onnx"):
        project.wait_until_ready("guest")
        assert plain.infer("guest")[0] == 200
    wait_for(lambda: plain.infer("guest")[0] == 404, 5, "the guest's model has gone")
    pods = project.pods()
    assert [pod["metadata"]["uid"] for pod in pods] == before
    assert [c["restartCount"] for pod in pods for c in pod["status"]["containerStatuses"]] == [
        0
    ] * 3


def test_a_model_is_replaced_with_every_request_answered(
    project: Project, proxy: Endpoint, token: str
) -> None:
    with project.model("busy", "onnx/model-v2.onnx"):
        old = project.ready_revision("busy")
        stop, seen = threading.Event(), []

        def ask() -> None:
            while not stop.is_set():
                status, answer = proxy.infer("busy", token=token)
                name = answer.get("model_name") if isinstance(answer, dict) else None
                value = answer["outputs"][0]["data"][0] if status == 200 else None
                seen.append((status, name, value))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for path in ("onnx/model-v3.onnx", "onnx/model-v2.onnx", "onnx/model-v3.onnx"):
            project.deploy("busy", path)
            project.wait_until_ready("busy")
        stop.set()
        for thread in threads:
            thread.join(30)
        new = project.revision("busy")
        assert old != new
        assert set(seen) == {(200, old, 0.0), (200, new, 3.0)}


def test_a_model_that_is_overwritten_is_served_with_every_request_answered(
    project: Project, proxy: Endpoint, token: str
) -> None:
    path = "onnx/trained-again.onnx"
    project.put_model(path)
    with project.model("again", path):
        old = project.ready_revision("again")
        pods = [pod["metadata"]["uid"] for pod in project.pods()]
        seen = [proxy.infer("again", token=token)]
        project.put_model(path, bias=3.0)

        def answered_by_the_new_one() -> bool:
            seen.append(proxy.infer("again", token=token))
            status, answer = seen[-1]
            return status == 200 and answer["outputs"][0]["data"][0] == 3.0

        wait_for(answered_by_the_new_one, 75, lambda: seen[-1])
        assert {status for status, _ in seen} == {200}
        names = {(a["outputs"][0]["data"][0], a["model_name"]) for _, a in seen}
        new = seen[-1][1]["model_name"]
        assert (names, new != old) == ({(0.0, old), (3.0, new)}, True)
        assert [pod["metadata"]["uid"] for pod in project.pods()] == pods


def test_the_status_tells_the_name_of_an_overwritten_model(
    project: Project, plain: Endpoint
) -> None:
    path = "onnx/told-again.onnx"
    project.put_model(path)

    def told() -> str:
        return project.revision("told")

    with project.model("told", path):
        old = project.ready_revision("told")
        assert plain.infer("told")[1]["model_name"] == old
        project.put_model(path, bias=3.0)
        # The puller looks every 30 s, the controller asks it every 60 s.
        wait_for(lambda: told() != old, 110, told)
        assert plain.infer("told")[1]["model_name"] == told()


def test_a_bad_revision_leaves_the_old_one_serving(project: Project, plain: Endpoint) -> None:
    with project.model("kept", "onnx/model-v2.onnx"):
        revision = project.ready_revision("kept")
        project.deploy("kept", "onnx/absent.onnx")
        failure = project.wait_until_failed("kept")
        status = project.status("kept")
        assert "no object at s3://rhods/onnx/absent.onnx" in failure["message"]
        assert status["modelStatus"]["transitionStatus"] == "BlockedByFailedLoad"
        assert condition(status, "Ready") == "True"
        assert plain.infer("kept")[1]["model_name"] == revision


@pytest.mark.parametrize(
    ("changes", "reason", "message"),
    [
        ({"path": "onnx/absent.onnx"}, "ModelLoadFailed", "no object at s3://rhods/onnx/absent"),
        ({"path": "onnx/text.onnx"}, "ModelLoadFailed", "not an ONNX model"),
        (
            {"model": {"modelFormat": {"name": "pytorch", "version": "1"}}},
            "NoSupportingRuntime",
            "does not support format pytorch 1",
        ),
        ({"model": {"runtime": "absent"}}, "RuntimeNotRecognized", "no ServingRuntime 'absent'"),
        (
            {"model": {"storage": {"key": "absent", "path": "x"}}},
            "ModelLoadFailed",
            "no data connection 'absent'",
        ),
        (
            {"annotations": {"serving.kserve.io/deploymentMode": "Serverless"}},
            "InvalidPredictorSpec",
            "deployment mode Serverless is not offered",
        ),
    ],
)
def test_every_failure_has_its_cause(
    project: Project, changes: dict, reason: str, message: str
) -> None:
    project.put("onnx/text.onnx", b"<html>404</html>")
    changes = dict(changes)
    with project.model("faulty", changes.pop("path", "onnx/model-v2.onnx"), **changes):
        failure = project.wait_until_failed("faulty")
        assert (failure["reason"], message in failure["message"]) == (reason, True), failure
        assert condition(project.status("faulty"), "Ready") == "False"


def test_a_wrong_key_is_named_and_a_right_one_is_taken_up(
    project: Project, plain: Endpoint
) -> None:
    project.connect("changing", AWS_SECRET_ACCESS_KEY="wrong")
    storage = {"key": "changing", "path": "onnx/model-v2.onnx"}
    with project.model("locked", "", model={"storage": storage}):
        failure = project.wait_until_failed("locked")
        assert "refused the key of data connection 'changing'" in failure["message"]
        project.connect("changing")
        project.wait_until_ready("locked", 15)
        assert plain.infer("locked")[0] == 200
    project.client.delete("v1", "Secret", "changing", project.namespace)


def test_a_model_too_large_for_the_server_leaves_the_others_alone(
    project: Project, mnist: str, plain: Endpoint
) -> None:
    project.put("onnx/large.onnx", serving_models.large(400).SerializeToString())
    with project.model("large", "onnx/large.onnx"):
        failure = project.wait_until_failed("large", 90)
        assert "out of memory" in failure["message"]
        assert plain.infer(mnist)[0] == 200
    project.bucket.delete_object(Bucket="rhods", Key="onnx/large.onnx")


def test_ten_models_and_a_corrupt_one(project: Project, plain: Endpoint) -> None:
    whole = serving_models.digits().SerializeToString()
    project.put("onnx/corrupt.onnx", whole[: len(whole) // 2])
    names = [f"many-{number}" for number in range(10)]
    try:
        for name in names:
            corrupt = name == "many-4"
            project.deploy(name, "onnx/corrupt.onnx" if corrupt else "onnx/model-v2.onnx")
        for name in names:
            if name == "many-4":
                assert "not an ONNX model" in project.wait_until_failed(name)["message"]
            else:
                project.wait_until_ready(name)
        answers = {name: plain.infer(name)[0] for name in names}
        assert answers == {name: 404 if name == "many-4" else 200 for name in names}
    finally:
        for name in names:
            project.undeploy(name)


def test_storage_config_follows_the_data_connections(project: Project, mnist: str) -> None:
    def keys() -> set[str]:
        secret = project.client.get("v1", "Secret", "storage-config", project.namespace)
        return set((secret or {}).get("data") or {})

    assert keys() == {"aws-connection-s3-creds"}
    project.connect("aws-connection-second", AWS_S3_BUCKET="other")
    wait_for(
        lambda: keys() == {"aws-connection-s3-creds", "aws-connection-second"},
        10,
        "both data connections are in storage-config",
    )
    secret = project.client.get("v1", "Secret", "storage-config", project.namespace)
    second = json.loads(base64.b64decode(secret["data"]["aws-connection-second"]))
    assert (second["type"], second["bucket"]) == ("s3", "other")
    assert secret["metadata"]["labels"]["opendatahub.io/managed"] == "true"
    project.client.delete("v1", "Secret", "aws-connection-second", project.namespace)
    wait_for(
        lambda: keys() == {"aws-connection-s3-creds"},
        10,
        "one data connection is left in storage-config",
    )


def test_the_finalizer_holds_a_model_and_lets_it_go(project: Project) -> None:
    with project.model("held", "onnx/model-v2.onnx"):
        project.wait_until_ready("held")
        found = project.client.get(
            "serving.kserve.io/v1beta1", "InferenceService", "held", project.namespace
        )
        assert "odh.inferenceservice.finalizers" in found["metadata"]["finalizers"]
