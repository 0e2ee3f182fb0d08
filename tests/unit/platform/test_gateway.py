"""The gateway of 3.x: what HTTPRoutes come to, and how a workbench's way is made and taken away."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from memory_cluster import MemoryCluster
from platform_manifests import notebook

from controllers.notebook import build as builders
from controllers.notebook.build import gateway as ways
from controllers.notebook.reconcile import NOTEBOOK, reconcile_notebook
from controllers.notebook.status import refused_by_gateway
from controllers.route.build import gateway
from controllers.route.build.claims import key_of
from lab_ground import settings

LOGIN = {builders.INJECT_AUTH: "true"}
HOST = "rh-ai.apps.test"
APPLICATIONS = "redhat-ods-applications"
GATEWAY = {
    "apiVersion": gateway.GATEWAY[0],
    "kind": "Gateway",
    "metadata": {"name": "data-science-gateway", "namespace": "openshift-ingress"},
    "spec": {
        "gatewayClassName": "data-science-gateway-class",
        "listeners": [
            {
                "name": "https",
                "hostname": HOST,
                "port": 443,
                "protocol": "HTTPS",
                "allowedRoutes": {
                    "namespaces": {
                        "from": "Selector",
                        "selector": {"matchLabels": {"kubernetes.io/metadata.name": APPLICATIONS}},
                    }
                },
            }
        ],
    },
}


@pytest.fixture(autouse=True)
def version(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LAB_OPENSHIFT_AI_VERSION", "3.5")
    settings.get_settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.get_settings.cache_clear()


def attach(
    *, grant: bool = True, service: bool = True, **changes: Any
) -> tuple[gateway.Attachment, dict[str, Any]]:
    """The attachment of a workbench's HTTPRoute, with parts of its spec changed."""
    one = notebook(annotations=LOGIN)
    http_route = ways.build_http_route(one)
    for path, value in changes.items():
        if path == "namespace":
            http_route["metadata"]["namespace"] = value
        elif path == "hostnames":
            http_route["spec"]["hostnames"] = value
        else:
            http_route["spec"]["rules"][0] |= {path: value}
    services = {key_of(made): made for made in [builders.build_tls_service(one)] if service}
    grants = [ways.build_reference_grant("mnist")] if grant else []
    (found,) = gateway.attach([http_route], [GATEWAY], grants, services)
    return found, http_route


def test_a_workbench_is_on_the_one_host_below_its_path() -> None:
    """odh-notebook-controller's notebook_route.go and notebook_kube_rbac_auth.go of 3.x."""
    found, http_route = attach()
    assert http_route["metadata"]["name"] == "nb-mnist-notebook"
    assert http_route["metadata"]["namespace"] == APPLICATIONS
    (parent,) = http_route["spec"]["parentRefs"]
    assert (parent["namespace"], parent["name"]) == ("openshift-ingress", "data-science-gateway")
    assert found.refused is None
    (route,) = found.routes
    spec = route["spec"]
    assert (spec["host"], spec["path"]) == (HOST, "/notebook/mnist/notebook")
    assert (spec["to"]["name"], spec["port"]["targetPort"]) == ("notebook-kube-rbac-proxy", 8443)
    status = gateway.build_status(http_route, [found])
    assert refused_by_gateway({**http_route, "status": status}) is None
    again = gateway.build_status({**http_route, "status": status}, [found])
    assert again == status, "times move only with the state"


@pytest.mark.parametrize(
    ("changes", "reason", "told"),
    [
        ({"grant": False}, "RefNotPermitted", "no ReferenceGrant of namespace mnist"),
        ({"service": False}, "BackendNotFound", "which is not there"),
        ({"namespace": "mnist-2"}, "NotAllowedByListeners", "no HTTPRoute of namespace mnist-2"),
        ({"hostnames": ["other.test"]}, "NoMatchingListenerHostname", "not other.test"),
        ({"filters": [{"type": "RequestRedirect"}]}, "UnsupportedValue", "filters"),
        ({"matches": [{"headers": []}]}, "UnsupportedValue", "a match by headers"),
        (
            {"matches": [{"path": {"type": "PathPrefix", "value": "/`) || Host(`x"}}]},
            "UnsupportedValue",
            "characters",
        ),
        (
            {"matches": [{"path": {"type": "RegularExpression", "value": "/.*"}}]},
            "UnsupportedValue",
            "RegularExpression",
        ),
        ({"backendRefs": []}, "UnsupportedValue", "0 backends"),
        (
            {"backendRefs": [{"kind": "Secret", "name": "a", "port": 1}]},
            "InvalidKind",
            "a backend is a Secret",
        ),
    ],
)
def test_what_is_refused_is_told_in_words(changes: dict[str, Any], reason: str, told: str) -> None:
    found, http_route = attach(**changes)
    assert found.refused is not None
    assert found.refused.reason == reason
    status = gateway.build_status(http_route, [found])
    assert told in str(refused_by_gateway({**http_route, "status": status}))


def test_a_gateway_s_host_is_no_route_s() -> None:
    assert gateway.hosts_of([GATEWAY]) == {HOST: ("openshift-ingress", "data-science-gateway")}


@pytest.mark.parametrize("annotations", [LOGIN, {}])
def test_a_workbench_s_way_comes_and_goes_with_it(
    cluster: MemoryCluster, annotations: dict[str, str]
) -> None:
    """notebook_controller.go of 3.x: the finalizers hold what no owner reference can."""
    names = ("notebook", "second")
    for name in names:
        cluster.add(notebook(name, annotations=annotations))
        reconcile_notebook("mnist", name)
    held = cluster.objects["Notebook", "mnist", "notebook"]["metadata"]["finalizers"]
    assert held == [
        "notebook.opendatahub.io/httproute-cleanup",
        "notebook.opendatahub.io/referencegrant-cleanup",
        *(["notebook.opendatahub.io/kube-rbac-proxy-cleanup"] if annotations else []),
    ]
    routes = {("HTTPRoute", APPLICATIONS, f"nb-mnist-{name}") for name in names}
    grant = ("ReferenceGrant", "mnist", "notebook-httproute-access")
    assert {*routes, grant} <= cluster.objects.keys()
    assert not [key for key in cluster.objects if key[0] == "Route"]
    writes = len(cluster.writes)
    reconcile_notebook("mnist", "notebook")
    assert len(cluster.writes) == writes, "a second pass changes nothing"
    for name, left in (("notebook", True), ("second", False)):
        one = cluster.objects["Notebook", "mnist", name]
        one["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        assert reconcile_notebook("mnist", name) is None
        assert cluster.objects["Notebook", "mnist", name]["metadata"]["finalizers"] == []
        assert ("HTTPRoute", APPLICATIONS, f"nb-mnist-{name}") not in cluster.objects
        assert (grant in cluster.objects) is left, "the last one takes the grant along"


@pytest.mark.parametrize("deleted", [True, False])
def test_where_2_is_played_again_nothing_is_left_at_the_gateway(
    cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch, deleted: bool
) -> None:
    cluster.add(notebook(annotations=LOGIN))
    reconcile_notebook("mnist", "notebook")
    monkeypatch.setenv("LAB_OPENSHIFT_AI_VERSION", "2.25")
    settings.get_settings.cache_clear()
    if deleted:
        cluster.objects["Notebook", "mnist", "notebook"]["metadata"]["deletionTimestamp"] = "now"
    reconcile_notebook("mnist", "notebook")
    assert cluster.get(*NOTEBOOK, "notebook", "mnist")["metadata"]["finalizers"] == []
    assert not [key for key in cluster.objects if key[0] in ("HTTPRoute", "ReferenceGrant")]


def test_a_refused_way_is_the_workbench_s_status(cluster: MemoryCluster) -> None:
    cluster.add(notebook(annotations=LOGIN))
    reconcile_notebook("mnist", "notebook")
    http_route = cluster.objects["HTTPRoute", APPLICATIONS, "nb-mnist-notebook"]
    found, _ = attach(grant=False)
    http_route["status"] = gateway.build_status(copy.deepcopy(http_route), [found])
    cluster.objects["StatefulSet", "mnist", "notebook"]["status"] = {"readyReplicas": 1}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "notebook-0"}, "status": {}}
    cluster.add(pod)
    reconcile_notebook("mnist", "notebook")
    conditions = cluster.objects["Notebook", "mnist", "notebook"]["status"]["conditions"]
    (ready,) = [one for one in conditions if one["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "RouteNotAdmitted")
    assert "no ReferenceGrant of namespace mnist" in ready["message"]


def test_a_long_name_is_cut_and_told_apart() -> None:
    long = [notebook("a" * 50 + last) for last in "bc"]
    names = {ways.http_route_name(one) for one in long}
    assert len(names) == 2
    assert all(len(name) <= 63 for name in names)
