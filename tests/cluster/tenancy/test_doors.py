"""The matrix of doors: every port that is offered, asked by a stranger in every way and name.

What there is to ask is found in the cluster: the platform, the lab's seats, and a seat of the
suite's own with one of everything that the platform makes. What each door must answer follows from
what made it (`tenancy_doors.kind_of`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pipeline_project
import pytest
from platform_cluster import DOMAIN, ROUTER, container, is_ready, wait_for
from tenancy_doors import (
    API,
    ASK,
    CLOSED,
    DNS,
    KEYS,
    MODEL,
    PLATFORM,
    PUBLIC,
    SESSION,
    TOKEN,
    Door,
    fits,
    link_addresses,
    link_local,
    pod_doors,
    route_doors,
    service_doors,
)
from tenancy_pods import ECHO, KUBECTL, STATE, pod, standing
from tenancy_seats import Seat, make_seat
from tiny_model import tiny_model

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.serving.constants import INFERENCE_SERVICE as ISVC
from lab_ground.settings import get_settings
from object_storage.buckets import connect

pytestmark = pytest.mark.cluster

LAB = {"app.kubernetes.io/part-of": "mnist-lab"}


def household(namespace: str) -> list[Manifest]:
    """One of everything that the platform makes doors for."""
    bench = container("bench") | {"name": "bench", "ports": [{"containerPort": 8888}]}
    bench["command"] = [word.replace("8080", "8888") for word in bench["command"]]
    bench["readinessProbe"] = {"tcpSocket": {"port": 8888}, "periodSeconds": 1}
    function = container("function")
    function.pop("name")
    server = {"name": "mlserver", "image": get_settings().serving_image}
    server["resources"] = {"requests": {"cpu": "50m", "memory": "128Mi"}}
    return [
        {
            "apiVersion": "kubeflow.org/v1",
            "kind": "Notebook",
            "metadata": {
                "name": "bench",
                "annotations": {"notebooks.opendatahub.io/inject-oauth": "true"},
            },
            "spec": {"template": {"spec": {"serviceAccountName": "bench", "containers": [bench]}}},
        },
        pipeline_project.manifest(namespace),
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": "function"},
            "spec": {"template": {"spec": {"containers": [function]}}},
        },
        {
            "apiVersion": "serving.kserve.io/v1alpha1",
            "kind": "ServingRuntime",
            "metadata": {"name": "models", "annotations": {"enable-auth": "true"}},
            "spec": {
                "multiModel": True,
                "replicas": 1,
                "supportedModelFormats": [{"name": "onnx", "version": "1", "autoSelect": True}],
                "containers": [server],
            },
        },
    ]


def model(namespace: str, server: pipeline_project.PipelineServer) -> list[Manifest]:
    """A model for the model server, in the pipeline server's own store."""
    keys = server.secret(f"ds-pipeline-s3-{server.name}")
    (store,) = server.pods(f"app=minio-{server.name}")
    bucket = connect(
        f"http://{store['status']['podIP']}:9000", keys["accesskey"], keys["secretkey"]
    )
    bucket.put_object(Bucket="mlpipeline", Key=f"{MODEL}/{MODEL}.onnx", Body=tiny_model())
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "aws-connection-models",
                "labels": {
                    "opendatahub.io/dashboard": "true",
                    "opendatahub.io/managed": "true",
                },
                "annotations": {"opendatahub.io/connection-type": "s3"},
            },
            "stringData": {
                "AWS_ACCESS_KEY_ID": keys["accesskey"],
                "AWS_SECRET_ACCESS_KEY": keys["secretkey"],
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_S3_ENDPOINT": f"http://minio-{server.name}.{namespace}.svc.cluster.local:9000",
                "AWS_S3_BUCKET": "mlpipeline",
            },
        },
        {
            "apiVersion": ISVC[0],
            "kind": ISVC[1],
            "metadata": {
                "name": MODEL,
                "annotations": {"serving.kserve.io/deploymentMode": "ModelMesh"},
            },
            "spec": {
                "predictor": {
                    "model": {
                        "modelFormat": {"name": "onnx", "version": "1"},
                        "runtime": "models",
                        "storage": {"key": "aws-connection-models", "path": MODEL},
                    }
                }
            },
        },
    ]


@pytest.fixture(scope="module")
def home(client: KubernetesClient) -> Iterator[Seat]:
    """A seat in which everything runs, made by its learner."""
    seat = make_seat(client, "home")
    try:
        furnish(client, seat)
        yield seat
    finally:
        client.delete("v1", "Namespace", seat.namespace)


def furnish(client: KubernetesClient, seat: Seat) -> None:
    """Make everything, and wait until it stands."""
    client.patch(
        "v1", "Namespace", seat.namespace, {"metadata": {"labels": {"modelmesh-enabled": "true"}}}
    )
    for manifest in household(seat.namespace):
        manifest["metadata"]["namespace"] = seat.namespace
        seat.client.create(manifest)
    server = pipeline_project.PipelineServer(client, seat.namespace)

    wait_for(
        lambda: server.conditions().get("Ready", {}).get("status") == "True",
        120,
        "the pipeline server",
        pause=0.5,
    )
    for manifest in model(seat.namespace, server):
        manifest["metadata"]["namespace"] = seat.namespace
        seat.client.create(manifest)

    def missing() -> list[str]:
        ready = {
            "workbench": is_ready(client, "Notebook", "bench", seat.namespace),
            "function": is_ready(client, "Function", "function", seat.namespace),
            "model": model_ready(client, seat.namespace),
        }
        return [name for name, stands in ready.items() if not stands]

    wait_for(lambda: not missing(), 120, "everything of the seat", pause=0.5)


def model_ready(client: KubernetesClient, namespace: str) -> bool:
    found = client.get(*ISVC, MODEL, namespace) or {}
    told = (found.get("status") or {}).get("conditions") or []
    return any((one["type"], one["status"]) == ("Ready", "True") for one in told)


@pytest.fixture(scope="module", autouse=True)
def caller(client: KubernetesClient, stranger: Seat) -> Iterator[str]:
    """Address of the pod from which the stranger asks."""
    yield from standing(client, pod("asks", stranger.namespace, ECHO))


@pytest.fixture(scope="module")
def namespaces(client: KubernetesClient, home: Seat) -> list[str]:
    """The platform's, the lab's seats, and the suite's own."""
    seats = [
        one["metadata"]["name"]
        for one in client.list_objects("v1", "Namespace")
        if (one["metadata"].get("labels") or {}).items() >= LAB.items()
    ]
    return [*PLATFORM, *seats, home.namespace]


def ask(questions: Sequence[Any], seat: Seat | None) -> list[str]:
    """Ask from the seat's pod, or from the machine."""
    command = [sys.executable, "-c", ASK]
    if seat:
        command = [KUBECTL, f"--kubeconfig={STATE}/kubeconfig", "-n", seat.namespace, "exec", "-i",
                   "asks", "--", "python3", "-c", ASK]  # fmt: skip
    done = subprocess.run(
        command, input=json.dumps(questions), capture_output=True, text=True, check=True, timeout=90
    )
    return list(json.loads(done.stdout))


def check(doors: Sequence[Door], home: Seat, stranger: Seat, *, inside: bool) -> None:
    """Ask every door with no token, with another seat's and with its own."""
    tried = [
        (door, who, token)
        for door in doors
        for who, token in (("nobody", ""), ("another", stranger.token), ("own", home.token))
        # Its own token is known of the suite's own seat only; the platform has no learner.
        if who != "own" or door.namespace == home.namespace
    ]
    where = stranger if inside else None
    answers = ask([door.question(token) for door, _, token in tried], where)
    wrong = [
        f"{door.what} port {door.port} ({door.kind}) answers {who} with {answer}"
        for (door, who, _), answer in zip(tried, answers, strict=True)
        if not fits(door.kind, who, answer)
    ]
    assert not wrong, "\n".join(wrong)


def test_services_asked_by_another_seats_pod(
    client: KubernetesClient, namespaces: list[str], home: Seat, stranger: Seat
) -> None:
    doors = list(service_doors(client, namespaces))
    assert {door.kind for door in doors} == {API, CLOSED, DNS, KEYS, PUBLIC, SESSION, TOKEN}
    check(doors, home, stranger, inside=True)


def test_pods_asked_by_another_seats_pod(
    client: KubernetesClient, namespaces: list[str], home: Seat, stranger: Seat
) -> None:
    doors = list(pod_doors(client, namespaces))
    assert {door.kind for door in doors} == {CLOSED, DNS, KEYS, PUBLIC, SESSION, TOKEN}
    check(doors, home, stranger, inside=True)


def test_pods_asked_over_ipv6(
    client: KubernetesClient, namespaces: list[str], home: Seat, stranger: Seat, caller: str
) -> None:
    addresses = link_addresses()
    own = Door("the pod that asks", stranger.namespace, addresses[caller], 8080, PUBLIC)
    assert ask([own.question()], stranger) != ["closed"], "not the pods' addresses"
    doors = list(link_local(list(pod_doors(client, namespaces)), addresses))
    assert len(doors) > 10
    check(doors, home, stranger, inside=True)


def test_routes(
    client: KubernetesClient, namespaces: list[str], home: Seat, stranger: Seat
) -> None:
    doors = list(route_doors(client, namespaces, ROUTER))
    assert {door.kind for door in doors if door.namespace == home.namespace} >= {
        KEYS,
        SESSION,
        TOKEN,
    }
    assert all(door.kind != CLOSED for door in doors), "a Route leads to a door that is closed"
    check(doors, home, stranger, inside=False)
    inside = list(route_doors(client, namespaces, f"notebook.{DOMAIN}"))
    check(inside, home, stranger, inside=True)


def test_services_asked_by_the_machine(
    client: KubernetesClient, namespaces: list[str], home: Seat, stranger: Seat
) -> None:
    """The machine reaches its pods, as Kubernetes demands; who asks for a token asks it, too."""
    doors = [
        door for door in service_doors(client, namespaces)
        if door.kind in (API, KEYS, SESSION, TOKEN) and not door.host.endswith(".cluster.local")
    ]  # fmt: skip
    assert {door.kind for door in doors} == {API, KEYS, SESSION, TOKEN}
    check(doors, home, stranger, inside=False)
