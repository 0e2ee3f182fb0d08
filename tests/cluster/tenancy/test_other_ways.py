"""Other ways into a seat, or to stop it: each as the learner of another one would try it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import cluster_accounts
import pytest
from platform_cluster import DOMAIN, PLATFORM, Browser, condition, container, is_ready, wait_for
from tenancy_pods import ECHO, pod, standing
from tenancy_seats import Seat, client_of

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ApiError

pytestmark = pytest.mark.cluster

Manifest = dict[str, Any]
ROUTE = ("route.openshift.io/v1", "Route")
# Says a byte now and then and never comes to an end, as a database (whose packets begin so) or not.
DRIP = """
import socket, threading, time
def drip(connection):
    try:
        connection.sendall(b"\\xff\\xff\\xff\\x00")
        while True:
            connection.sendall(b"x")
            time.sleep(0.5)
    except OSError:
        connection.close()
server = socket.create_server(("", 8080))
while True:
    threading.Thread(target=drip, args=(server.accept()[0],), daemon=True).start()
"""
RBAC = "rbac.authorization.k8s.io/v1"
PIPELINES = (
    "datasciencepipelinesapplications.opendatahub.io/v1",
    "DataSciencePipelinesApplication",
)
Make = Callable[[Manifest], Manifest]


@pytest.fixture
def make(stranger: Seat, client: KubernetesClient) -> Iterator[Make]:
    """Makes objects as the stranger, and takes them away again."""
    made: list[Manifest] = []

    def build(manifest: Manifest) -> Manifest:
        manifest["metadata"].setdefault("namespace", stranger.namespace)
        created: Manifest = stranger.client.create(manifest)
        made.append(created)
        return created

    yield build
    for one in reversed(made):
        metadata = one["metadata"]
        client.delete(one["apiVersion"], one["kind"], metadata["name"], metadata["namespace"])


def thing(version: str, kind: str, name: str, **content: Any) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **content}


def test_the_api_servers_proxy_leads_to_no_other_seat(
    make: Make, stranger: Seat, victim: Seat
) -> None:
    """It would come from the machine, which reaches every pod."""
    name = f"notebook.{victim.namespace}.svc.cluster.local"
    spec = {"type": "ExternalName", "externalName": name, "ports": [{"name": "web", "port": 8080}]}
    make(thing("v1", "Service", "beyond", spec=spec))
    path = f"/api/v1/namespaces/{stranger.namespace}/services/beyond:web/proxy/"
    with pytest.raises(ApiError) as refused:
        stranger.client.request("GET", path)
    # It has no endpoints, and its name is not looked up.
    assert refused.value.status == 404


@pytest.mark.parametrize("kind", ["Endpoints", "EndpointSlice"])
def test_nobody_writes_where_services_lead(stranger: Seat, kind: str) -> None:
    version = "v1" if kind == "Endpoints" else "discovery.k8s.io/v1"
    more = {} if kind == "Endpoints" else {"addressType": "FQDN", "endpoints": []}
    manifest = thing(version, kind, "mine", **more)
    manifest["metadata"]["namespace"] = stranger.namespace
    with pytest.raises(ApiError) as refused:
        stranger.client.create(manifest)
    assert refused.value.status == 403


HOST: dict[str, Manifest] = {
    "hostPath": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]},
    "hostNetwork": {"hostNetwork": True},
    "hostPID": {"hostPID": True},
    "root": {"securityContext": {"runAsUser": 0}},
}


@pytest.mark.parametrize("what", sorted(HOST))
def test_no_pod_is_the_machines(stranger: Seat, what: str) -> None:
    manifest = pod("host", stranger.namespace, ECHO)
    manifest["spec"] |= HOST[what]
    with pytest.raises(ApiError, match="violates PodSecurity") as refused:
        stranger.client.create(manifest)
    assert refused.value.status == 403


def test_a_controller_makes_no_pod_that_the_learner_may_not(
    make: Make, client: KubernetesClient, stranger: Seat
) -> None:
    """A Notebook's pod is its StatefulSet's, and is held to what the project is held to."""
    spec = {"containers": [container("host") | {"name": "host"}], **HOST["hostPath"]}
    make(thing("kubeflow.org/v1", "Notebook", "host", spec={"template": {"spec": spec}}))

    def refused() -> bool:
        events = client.list_objects(
            "v1", "Event", stranger.namespace, field_selector="involvedObject.name=host"
        )
        return any("violates PodSecurity" in str(event.get("message")) for event in events)

    wait_for(refused, 30, "the refusal is told")
    assert client.get("v1", "Pod", "host-0", stranger.namespace) is None


def test_no_right_leads_out_of_the_seat(stranger: Seat, victim: Seat) -> None:
    """Elsewhere a learner has what everybody has who is somebody, in each namespace there is."""
    nobody = cluster_accounts.account("nobody", stranger.namespace)
    stranger.client.create(nobody)
    token = stranger.client.token("nobody", stranger.namespace, 600)
    others = client_of(str(token))
    for namespace in (victim.namespace, PLATFORM, "lab-router", "kube-system", "default"):
        assert rules(stranger.client, namespace) == rules(others, namespace), namespace


def rules(client: KubernetesClient, namespace: str) -> list[str]:
    review = thing("authorization.k8s.io/v1", "SelfSubjectRulesReview", "")
    review |= {"metadata": {}, "spec": {"namespace": namespace}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    status = client.request("POST", path, body=review)["status"]
    return sorted(map(str, [*status["resourceRules"], *status["nonResourceRules"]]))


@pytest.mark.parametrize("role", ["cluster-admin", "system:auth-delegator", "system:node"])
def test_nobody_binds_more_than_they_have(stranger: Seat, role: str) -> None:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": stranger.namespace}
    manifest = thing(RBAC, "RoleBinding", "more", roleRef=reference, subjects=[subject])
    manifest["metadata"]["namespace"] = stranger.namespace
    with pytest.raises(ApiError) as refused:
        stranger.client.create(manifest)
    assert refused.value.status == 403


def test_a_token_for_another_audience_opens_nothing_here(stranger: Seat) -> None:
    path = f"/api/v1/namespaces/{stranger.namespace}/serviceaccounts/learner/token"
    body = {"spec": {"audiences": ["elsewhere"]}}
    token = stranger.client.request("POST", path, body=body)["status"]["token"]
    with pytest.raises(ApiError) as refused:
        client_of(token).list_objects("v1", "Secret", stranger.namespace)
    assert refused.value.status == 401


def test_another_seats_volume_is_not_to_be_had_by_its_name(
    make: Make, client: KubernetesClient, stranger: Seat, victim: Seat
) -> None:
    size = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}}
    claim = thing("v1", "PersistentVolumeClaim", "theirs", spec=size)
    claim["metadata"]["namespace"] = victim.namespace
    client.create(claim)
    user = pod("uses", victim.namespace, "import time; time.sleep(600)")
    source = {"persistentVolumeClaim": {"claimName": "theirs"}}
    user["spec"]["volumes"] = [{"name": "data", **source}]
    client.create(user)
    try:
        volume = wait_for(lambda: bound(client, victim, "theirs"), 60, "the victim's volume")
        make(thing("v1", "PersistentVolumeClaim", "mine", spec={**size, "volumeName": volume}))
        for _ in range(5):
            time.sleep(1)
            found = client.get("v1", "PersistentVolumeClaim", "mine", stranger.namespace) or {}
            assert found["status"]["phase"] == "Pending"
    finally:
        client.delete("v1", "Pod", "uses", victim.namespace, grace_seconds=0)
        client.delete("v1", "PersistentVolumeClaim", "theirs", victim.namespace)


def bound(client: KubernetesClient, seat: Seat, name: str) -> str:
    found = client.get("v1", "PersistentVolumeClaim", name, seat.namespace) or {}
    is_bound = (found.get("status") or {}).get("phase") == "Bound"
    return str(found["spec"]["volumeName"]) if is_bound else ""


def route(name: str, to: str, **spec: Any) -> Manifest:
    target = {"kind": "Service", "name": to}
    return thing(*ROUTE, name, spec={"to": target, "tls": {"termination": "edge"}, **spec})


def refusal(client: KubernetesClient, name: str, namespace: str) -> str:
    """Why a Route is not admitted, by its status."""

    def told() -> str:
        found = client.get(*ROUTE, name, namespace) or {}
        for entry in (found.get("status") or {}).get("ingress") or []:
            for one in entry["conditions"]:
                assert one["status"] == "False", one
                return str(one["message"])
        return ""

    return str(wait_for(told, 10, f"a status of route {name}"))


@pytest.mark.parametrize("host", [DOMAIN, f"dashboard.{DOMAIN}"])
def test_the_platforms_hosts_are_nobodys_else(
    make: Make, client: KubernetesClient, stranger: Seat, host: str
) -> None:
    """The dashboard's Route comes after the stranger's here, as where it is made anew."""
    make(thing("v1", "Service", "page", spec={"selector": {"a": "b"}, "ports": [{"port": 80}]}))
    namespace = "redhat-ods-applications"
    found = [
        one for one in client.list_objects(*ROUTE, namespace) if one["spec"].get("host") == host
    ]
    if host != DOMAIN and not found:
        pytest.fail("the platform has no dashboard")
    make(route("squatter", "page", host=host))
    message = refusal(stranger.client, "squatter", stranger.namespace)
    assert "is the platform's" in message or "another namespace holds" in message


def test_no_second_target_leads_out_of_the_seat(
    make: Make, client: KubernetesClient, stranger: Seat, victim: Seat
) -> None:
    name = f"notebook.{victim.namespace}.svc"
    make(thing("v1", "Service", "own", spec={"selector": {"a": "b"}, "ports": [{"port": 80}]}))
    beyond = {"type": "ExternalName", "externalName": name, "ports": [{"port": 8080}]}
    make(thing("v1", "Service", "other", spec=beyond))
    other = {"kind": "Service", "name": "other", "weight": 1}
    make(route("two", "own", alternateBackends=[other]))
    message = refusal(stranger.client, "two", stranger.namespace)
    assert "pods of its own project only" in message


def test_other_kinds_of_ways_in_are_not_followed(
    make: Make, client: KubernetesClient, victim: Seat, browser: Browser
) -> None:
    """An Ingress is anybody's to make, and no rule of the router's."""
    host = f"ingress-{victim.namespace}.{DOMAIN}"
    make(thing("v1", "Service", "page", spec={"selector": {"a": "b"}, "ports": [{"port": 80}]}))
    backend = {"service": {"name": "page", "port": {"number": 80}}}
    rule = {
        "host": host,
        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
    }
    make(thing("networking.k8s.io/v1", "Ingress", "page", spec={"rules": [rule]}))
    for _ in range(3):
        time.sleep(1)
        assert browser.ask(host).status == 503


def test_silent_servers_of_a_seat_keep_no_other_waiting(
    make: Make, client: KubernetesClient, stranger: Seat, victim: Seat
) -> None:
    """More pipeline servers than the controller has hands, whose databases never come to an end."""
    silent = standing(client, pod("silent", stranger.namespace, DRIP))
    address = next(silent)
    for seat in (stranger, victim):
        manifest = thing("v1", "Secret", "keys", stringData={"p": "x", "a": "x", "s": "x"})
        manifest["metadata"]["namespace"] = seat.namespace
        client.apply(manifest)
    try:
        for number in range(4):
            make(pipelines(f"silent-{number}", address, 8080))
        wait_for(
            lambda: "does not answer within" in told(client, "silent-0", stranger.namespace),
            60,
            "the silence is told",
        )
        # At a port of its own at which nothing listens: refused at once.
        theirs = pipelines("theirs", "127.0.0.1", 1)
        theirs["metadata"]["namespace"] = victim.namespace
        client.create(theirs)
        wait_for(
            lambda: "127.0.0.1:1" in told(client, "theirs", victim.namespace),
            60,
            "the victim's pipeline server is looked after",
        )
        assert is_ready(client, "Pod", "notebook", victim.namespace)
    finally:
        client.delete(*PIPELINES, "theirs", victim.namespace)
        next(silent, None)


def pipelines(name: str, host: str, port: int) -> Manifest:
    """A pipeline server that has no pod of its own: only its database and its store are asked."""
    keys = {"secretName": "keys", "accessKey": "a", "secretKey": "s"}
    store = {"host": host, "port": str(port), "scheme": "http", "bucket": "b"}
    database = {"host": host, "port": str(port), "username": "u", "pipelineDBName": "d"}
    return thing(
        *PIPELINES,
        name,
        spec={
            "apiServer": {"deploy": False},
            "objectStorage": {"externalStorage": {**store, "s3CredentialsSecret": keys}},
            "database": {
                "externalDB": {**database, "passwordSecret": {"name": "keys", "key": "p"}}
            },
        },
    )


def told(client: KubernetesClient, name: str, namespace: str) -> str:
    """What the status says of the database."""
    found = client.get(*PIPELINES, name, namespace)
    return str((condition(found, "DatabaseAvailable") or {}).get("message", "")) if found else ""
