"""Serverless functions on the cluster."""

from __future__ import annotations

import http.client
import threading
import time

import pytest
from platform_cluster import PLATFORM, condition, container, is_ready, kill_operators, wait_for

from controllers.serverless.reconcile import FUNCTION
from lab_ground.kubernetes.errors import ApiError

pytestmark = pytest.mark.cluster

PREFIX = "autoscaling.knative.dev/"


def manifest(name, project, annotations=None, **spec):
    one = container(name)
    one.pop("name")
    return {
        "apiVersion": FUNCTION[0],
        "kind": FUNCTION[1],
        "metadata": {"name": name, "namespace": project},
        "spec": {
            "template": {
                "metadata": {"annotations": annotations or {}},
                "spec": {"containers": [one], "terminationGracePeriodSeconds": 5, **spec},
            }
        },
    }


@pytest.fixture(scope="module")
def call(client, project):
    """Calls a function, at the address to which its name leads."""
    activator = client.get("v1", "Service", "lab-activator", PLATFORM)["spec"]["clusterIP"]

    def ask(name, body=b"", timeout=30.0):
        connection = http.client.HTTPConnection(activator, 80, timeout=timeout)
        try:
            headers = {"Host": f"{name}.{project}.svc.cluster.local"}
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    return ask


def replicas(client, name, project):
    deployment = client.get("apps/v1", "Deployment", f"{name}-deployment", project)
    return deployment["spec"]["replicas"]


def pods(client, name, project):
    return client.list_objects(
        "v1", "Pod", project, label_selector=f"serving.knative.dev/service={name}"
    )


@pytest.fixture(scope="module")
def function(client, project):
    """A function that goes to zero after six seconds, ready and asleep."""
    client.create(manifest("fn", project, {f"{PREFIX}window": "6s"}))
    wait_for(lambda: is_ready(client, "Function", "fn", project), 60, "the function is ready")
    return "fn"


def asleep(client, name, project):
    return replicas(client, name, project) == 0 and not pods(client, name, project)


def test_status_and_address(client, project, function):
    found = client.get(*FUNCTION, function, project)
    assert found["status"]["url"] == f"http://fn.{project}.svc.cluster.local"
    assert found["status"]["address"]["url"] == found["status"]["url"]
    service = client.get("v1", "Service", "fn", project)
    assert service["spec"]["externalName"] == f"lab-activator.{PLATFORM}.svc.cluster.local"


def test_sleeps_when_idle_stays_ready_and_wakes_for_a_request(client, project, function, call):
    wait_for(lambda: asleep(client, function, project), 60, "no pod", pause=0.5)
    assert condition(client.get(*FUNCTION, function, project), "Ready")["status"] == "True"
    status, _ = call(function)
    assert status == 200
    assert replicas(client, function, project) == 1


def test_no_request_is_lost_on_the_way_to_zero_and_back(client, project, function, call):
    """Calls at every distance from the moment at which it goes to sleep."""
    for pause in (5.5, 6.0, 6.5, 7.0, 7.5, 8.0):
        for number in range(2):
            time.sleep(pause)
            body = f"{pause}-{number}".encode() * 100
            status, answer = call(function, body)
            assert status == 200, f"after {pause} s: {answer!r}"
            assert f'"received": {len(body)}'.encode() in answer


def test_many_at_once_wait_for_the_first_pod(client, project, function, call):
    wait_for(lambda: asleep(client, function, project), 60, "no pod", pause=0.5)
    results, lock = [], threading.Lock()

    def one():
        status, _ = call(function)
        with lock:
            results.append(status)

    threads = [threading.Thread(target=one) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [200] * 40


def test_most_pods_and_one_request_a_pod(client, project, call):
    slow = manifest(
        "slow",
        project,
        {f"{PREFIX}max-scale": "2", f"{PREFIX}window": "6s"},
        containerConcurrency=1,
    )
    one = slow["spec"]["template"]["spec"]["containers"][0]
    one["command"][2] = one["command"][2].replace(
        "        body = json", "        __import__('time').sleep(1)\n        body = json"
    )
    client.create(slow)
    wait_for(lambda: is_ready(client, "Function", "slow", project), 60, "the function is ready")
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(call("slow", timeout=60)[0]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    seen = 0
    while any(thread.is_alive() for thread in threads):
        seen = max(seen, replicas(client, "slow", project))
        time.sleep(0.2)
    assert results == [200] * 8
    assert seen == 2
    client.delete(*FUNCTION, "slow", project)


def test_change_makes_a_new_revision(client, project, function, call):
    changed = manifest("fn", project, {f"{PREFIX}window": "6s"})
    changed["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "second"
    client.patch(*FUNCTION, "fn", {"spec": changed["spec"]}, project)

    def proven():
        status = client.get(*FUNCTION, "fn", project)["status"]
        generation = client.get(*FUNCTION, "fn", project)["metadata"]["generation"]
        return status.get("latestReadyRevisionName") == f"fn-{generation:05d}"

    wait_for(proven, 60, "the new revision is ready")
    wait_for(lambda: b'"second"' in call("fn")[1], 30, "an answer of the new revision")


def test_image_that_is_not_there_is_told(client, project, call):
    missing = manifest("missing", project)
    missing["spec"]["template"]["spec"]["containers"][0]["image"] = "none.test/none:none"
    client.create(missing)
    found = wait_for(
        lambda: (
            condition(client.get(*FUNCTION, "missing", project), "Ready")["status"] == "False"
            and condition(client.get(*FUNCTION, "missing", project), "Ready")
        ),
        60,
        "a reason",
    )
    assert "none.test" in found["message"]
    client.delete(*FUNCTION, "missing", project)


def test_wrong_scaling_is_told(client, project):
    client.create(manifest("odd", project, {f"{PREFIX}min-scale": "many"}))
    found = wait_for(
        lambda: condition(client.get(*FUNCTION, "odd", project), "Ready"), 15, "a status"
    )
    assert (found["status"], found["reason"]) == ("False", "InvalidSpec")
    assert "min-scale" in found["message"]
    client.delete(*FUNCTION, "odd", project)


@pytest.mark.parametrize("spec", [{"template": {"spec": {"containers": "x"}}}], ids=["type"])
def test_wrong_function_is_refused(client, project, spec):
    with pytest.raises(ApiError) as refused:
        client.create(manifest("wrong", project) | {"spec": spec})
    assert refused.value.status in (400, 422)


def test_killed_controller_loses_no_request_and_catches_up(client, project, function, call):
    client.create(manifest("halfway", project, {f"{PREFIX}window": "6s"}))
    kill_operators(client)

    def caught_up():
        if is_ready(client, "Function", "halfway", project):
            return True
        assert call(function)[0] == 200
        return False

    wait_for(caught_up, 120, "the controllers have caught up", pause=0.5)
    assert call("halfway")[0] == 200
    client.delete(*FUNCTION, "halfway", project)


def test_everything_goes_with_the_function(client, project):
    client.create(manifest("going", project))
    wait_for(lambda: is_ready(client, "Function", "going", project), 60, "it is ready")
    client.delete(*FUNCTION, "going", project)
    for kind, name in (("Service", "going"), ("Service", "going-private")):
        wait_for(
            lambda kind=kind, name=name: not client.get("v1", kind, name, project),
            60,
            f"{kind} {name} is gone",
        )
    wait_for(
        lambda: not client.get("apps/v1", "Deployment", "going-deployment", project),
        60,
        "the Deployment is gone",
    )
