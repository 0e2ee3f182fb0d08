"""A stranger's Routes: no way into another seat, no name of another's, no stop of the router."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from platform_cluster import (
    DOMAIN,
    ROUTER,
    Browser,
    answered,
    condition,
    container,
    wait_for,
)
from tenancy_seats import Seat

from controllers.serving_certificate.build.authority import create_authority, sign
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ApiError

pytestmark = pytest.mark.cluster

ROUTE = ("route.openshift.io/v1", "Route")
Manifest = dict[str, Any]


@pytest.fixture
def make(stranger: Seat, client: KubernetesClient) -> Iterator[Callable[[Manifest], Manifest]]:
    """Makes objects as the stranger, and takes them away again."""
    made: list[Manifest] = []

    def build(manifest: Manifest) -> Manifest:
        manifest["metadata"].setdefault("namespace", stranger.namespace)
        created = stranger.client.create(manifest)
        made.append(created)
        return created

    yield build
    for manifest in reversed(made):
        metadata = manifest["metadata"]
        client.delete(
            manifest["apiVersion"], manifest["kind"], metadata["name"], metadata["namespace"]
        )


def service(name: str, **spec: Any) -> Manifest:
    spec.setdefault("ports", [{"name": "web", "port": 80, "targetPort": 8080}])
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def route(name: str, to: str, **spec: Any) -> Manifest:
    return {
        "apiVersion": ROUTE[0],
        "kind": ROUTE[1],
        "metadata": {"name": name},
        "spec": {"to": {"kind": "Service", "name": to}, "tls": {"termination": "edge"}, **spec},
    }


def lead_by_hand(client: KubernetesClient, name: str, seat: Seat, pod: Manifest) -> None:
    """Writes a pod's address into a Service of another seat.

    As the administrator: whether a learner may is the cluster's business.
    """
    client.create(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{name}-1",
                "namespace": seat.namespace,
                "labels": {"kubernetes.io/service-name": name},
            },
            "addressType": "IPv4",
            "ports": [{"name": "web", "port": 8080}],
            "endpoints": [{"addresses": [pod["status"]["podIP"]]}],
        }
    )


def verdict(client: KubernetesClient, name: str, namespace: str) -> tuple[str, str]:
    """What the Route's status says: whether it is admitted, and why not."""

    def told() -> tuple[str, str] | None:
        found = client.get(*ROUTE, name, namespace) or {}
        entries = (found.get("status") or {}).get("ingress") or []
        conditions = [condition for entry in entries for condition in entry["conditions"]]
        return (conditions[0]["status"], conditions[0].get("message", "")) if conditions else None

    found: tuple[str, str] = wait_for(told, 10, f"a status of route {name}")
    return found


@pytest.mark.parametrize("target", ["notebook", "127.0.0.1", "lab-operators"])
def test_an_external_name_leads_nowhere(
    make: Callable[[Manifest], Manifest],
    stranger: Seat,
    victim: Seat,
    browser: Browser,
    target: str,
) -> None:
    names = {
        "notebook": f"notebook.{victim.namespace}.svc.cluster.local",
        "lab-operators": "lab-operators.lab-platform.svc.cluster.local",
    }
    name = f"way-{target.replace('.', '-')}"
    make(service(name, type="ExternalName", externalName=names.get(target, target)))
    make(route(name, name))
    status, message = verdict(stranger.client, name, stranger.namespace)
    assert status == "False"
    assert "pods of its own project only" in message
    assert browser.ask(f"{name}-{stranger.namespace}.{DOMAIN}").status == 503


def test_hand_made_endpoints_lead_nowhere(
    make: Callable[[Manifest], Manifest],
    client: KubernetesClient,
    stranger: Seat,
    victim: Seat,
    browser: Browser,
) -> None:
    make(service("by-hand"))
    pod = client.get("v1", "Pod", "notebook", victim.namespace) or {}
    lead_by_hand(client, "by-hand", stranger, pod)
    make(route("by-hand", "by-hand"))
    status, message = verdict(stranger.client, "by-hand", stranger.namespace)
    assert (status, "no selector" in message) == ("False", True), message
    assert browser.ask(f"by-hand-{stranger.namespace}.{DOMAIN}").status == 503


def test_a_slice_beside_the_controller_s_leads_nowhere(
    make: Callable[[Manifest], Manifest], client: KubernetesClient, stranger: Seat, victim: Seat
) -> None:
    make(service("beside", selector={"app": "nothing"}))
    pod = client.get("v1", "Pod", "notebook", victim.namespace) or {}
    lead_by_hand(client, "beside", stranger, pod)
    make(route("beside", "beside"))
    status, message = verdict(stranger.client, "beside", stranger.namespace)
    assert (status, "written by hand" in message) == ("False", True), message


@pytest.mark.parametrize(
    ("host", "reason"),
    [("notebook-{victim}", "belongs to it"), ("127.0.0.1", "is an address")],
    ids=["ends-in-another-seat", "address"],
)
def test_a_host_that_is_not_the_seats_to_have(
    make: Callable[[Manifest], Manifest], stranger: Seat, victim: Seat, host: str, reason: str
) -> None:
    if "{" in host:
        host = f"{host.format(victim=victim.namespace)}.{DOMAIN}"
    make(service("own", selector={"app": "nothing"}))
    make(route("squatter", "own", host=host))
    status, message = verdict(stranger.client, "squatter", stranger.namespace)
    assert (status, reason in message) == ("False", True), message


UNUSABLE = {
    "timeout": {"haproxy.router.openshift.io/timeout": "999999999d"},
    "emoji": {"haproxy.router.openshift.io/rewrite-target": "/😀"},
    "template": {"haproxy.router.openshift.io/rewrite-target": '/{{ env "HOME" }}'},
    "list": {"haproxy.router.openshift.io/ip_allowlist": "not an address"},
    "hsts": {"haproxy.router.openshift.io/hsts_header": "max-age=999999999999"},
}


@pytest.mark.parametrize("name", sorted(UNUSABLE))
def test_no_route_stops_the_router(
    make: Callable[[Manifest], Manifest],
    client: KubernetesClient,
    victim: Seat,
    browser: Browser,
    name: str,
) -> None:
    """Beside each of these, a Route that another seat makes afterwards answers within seconds."""
    make(service(f"odd-{name}", selector={"app": "nothing"}))
    odd = route(f"odd-{name}", f"odd-{name}")
    odd["metadata"]["annotations"] = UNUSABLE[name]
    make(odd)
    good = route(f"after-{name}", "notebook")
    good["metadata"]["namespace"] = victim.namespace
    client.create(good)
    try:
        host = f"after-{name}-{victim.namespace}.{DOMAIN}"
        answer = wait_for(lambda: answered(browser, host), 10, "the other's Route answers")
        assert json.loads(answer.body)["name"] == "notebook"
    finally:
        client.delete(*ROUTE, f"after-{name}", victim.namespace)


def test_a_service_cannot_take_an_address_from_outside(
    make: Callable[[Manifest], Manifest], client: KubernetesClient, victim: Seat
) -> None:
    """externalIPs captured other seats' ports and the node's own address."""
    target = client.get("v1", "Service", "notebook", victim.namespace) or {}
    with pytest.raises(ApiError) as refused:
        make(service("catch", externalIPs=[target["spec"]["clusterIP"]], selector={"app": "x"}))
    assert refused.value.status == 403
    assert "external IPs is denied" in str(refused.value)


def test_a_certificate_is_shown_to_nobody_else_s_visitors(
    make: Callable[[Manifest], Manifest], client: KubernetesClient, stranger: Seat, victim: Seat
) -> None:
    host = f"page-{victim.namespace}.{DOMAIN}"
    theirs = route("page", "notebook")
    theirs["metadata"]["namespace"] = victim.namespace
    client.create(theirs)
    try:
        own = f"own-{stranger.namespace}.{DOMAIN}"
        pem, key = self_signed(own, host)
        make(service("own", selector={"app": "nothing"}))
        make(route("own", "own", tls={"termination": "edge", "certificate": pem, "key": key}))
        status, message = verdict(stranger.client, "own", stranger.namespace)
        assert (status, "for its own host" in message) == ("False", True), message
        shown = ssl.PEM_cert_to_DER_cert(pem)
        for _ in range(10):
            assert certificate_of(host) != shown
            time.sleep(0.1)
    finally:
        client.delete(*ROUTE, "page", victim.namespace)


def self_signed(*names: str) -> tuple[str, str]:
    """A certificate for these names and its key, in PEM."""
    pair = sign(create_authority([DOMAIN]), names)
    return pair.certificate.partition("-----END CERTIFICATE-----\n")[0] + (
        "-----END CERTIFICATE-----\n"
    ), pair.key


def certificate_of(host: str) -> bytes:
    """What a visitor of this host is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((ROUTER, 443), 5) as sock,
        context.wrap_socket(sock, server_hostname=host) as wrapped,
    ):
        return wrapped.getpeercert(binary_form=True) or b""


NUMBERS = {
    "infinite": {"autoscaling.knative.dev/target": "inf"},
    "none": {"autoscaling.knative.dev/min-scale": "nan"},
    "superscript": {"autoscaling.knative.dev/window": "\u00b2s"},
    "huge": {"autoscaling.knative.dev/max-scale": "1e308"},
}
FUNCTION = ("serving.knative.dev/v1", "Service")


def function(name: str, annotations: dict[str, str]) -> Manifest:
    return {
        "apiVersion": FUNCTION[0],
        "kind": FUNCTION[1],
        "metadata": {"name": name},
        "spec": {
            "template": {
                "metadata": {"annotations": annotations},
                "spec": {"containers": [container(name)]},
            }
        },
    }


def test_no_function_stops_the_others(
    make: Callable[[Manifest], Manifest],
    client: KubernetesClient,
    stranger: Seat,
    victim: Seat,
    browser: Browser,
) -> None:
    """Beside functions with numbers that are none, another's is woken and answers."""
    for name, numbers in NUMBERS.items():
        make(function(name, numbers))
    good = function("good", {"autoscaling.knative.dev/window": "6s"})
    good["metadata"]["namespace"] = victim.namespace
    way = route("good", "good")
    way["metadata"]["namespace"] = victim.namespace
    client.create(good)
    client.create(way)
    try:
        host = f"good-{victim.namespace}.{DOMAIN}"
        answer = wait_for(lambda: answered(browser, host), 90, "the other's function answers")
        assert json.loads(answer.body)["name"] == "good"
        for name in NUMBERS:
            found = wait_for(
                lambda name=name: condition(
                    stranger.client.get(*FUNCTION, name, stranger.namespace), "Ready"
                ),
                10,
                f"a status of function {name}",
            )
            assert (found["status"], found["reason"]) == ("False", "InvalidSpec"), found
    finally:
        client.delete(*ROUTE, "good", victim.namespace)
        client.delete(*FUNCTION, "good", victim.namespace)
