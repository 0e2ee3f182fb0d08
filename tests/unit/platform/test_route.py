"""Which Routes are admitted, and the rules that the router gets of them."""

from __future__ import annotations

import base64
import json

import pytest
import route_rules
from cryptography import x509
from platform_manifests import route, service

from activator.scaling import SERVICE_LABEL
from controllers.route import reconcile as handlers
from controllers.route.build import backends, claims
from controllers.route.build import configuration as builders
from controllers.route.build.annotations import PREFIX
from controllers.route.status import build_status
from controllers.serving_certificate.build.authority import create_authority, sign
from lab_ground.kubernetes.errors import ApiError, InvalidError
from lab_ground.settings import read_settings

DOMAIN = "apps.mnist-lab.localhost"


def configure(*routes, services=(), slices=None):
    return route_rules.configure(routes, DOMAIN, services, slices)


@pytest.mark.parametrize(
    ("spec", "host"),
    [
        ({}, f"page-mnist.{DOMAIN}"),
        ({"host": "Page.Example.ORG"}, "page.example.org"),
        ({"subdomain": "digits"}, f"digits.{DOMAIN}"),
    ],
)
def test_host(spec, host):
    assert claims.wanted_host(route("page", **spec), DOMAIN) == host


def test_oldest_route_keeps_a_host_against_another_namespace():
    late = route("late", namespace="other", created="2026-01-02T00:00:00Z", host="x.test")
    early = route("early", created="2026-01-01T00:00:00Z", host="x.test")
    admissions = claims.admit([late, early], DOMAIN)
    assert admissions["mnist", "early"].admitted
    assert not admissions["other", "late"].admitted
    assert admissions["other", "late"].reason == "HostAlreadyClaimed"


def test_a_newcomer_of_the_same_second_does_not_take_the_host():
    same = "2026-01-01T00:00:00Z"
    holder = route("holder", created=same, host="x.test")
    newcomer = route("newcomer", namespace="other", created=same, host="x.test")
    holder["metadata"]["uid"], newcomer["metadata"]["uid"] = "f" * 8, "0" * 8
    admission = claims.Admission("x.test", True)
    holder["status"] = build_status(holder, admission, "default", DOMAIN)
    admissions = claims.admit([newcomer, holder], DOMAIN)
    assert admissions["mnist", "holder"].admitted
    assert admissions["other", "newcomer"].reason == "HostAlreadyClaimed"


def test_one_namespace_shares_a_host_by_path_but_not_the_same_path():
    first = route("first", created="2026-01-01T00:00:00Z", host="x.test", path="/a")
    second = route("second", created="2026-01-02T00:00:00Z", host="x.test", path="/b")
    third = route("third", created="2026-01-03T00:00:00Z", host="x.test", path="/a")
    admissions = claims.admit([first, second, third], DOMAIN)
    assert admissions["mnist", "first"].admitted
    assert admissions["mnist", "second"].admitted
    assert admissions["mnist", "third"].reason == "HostAlreadyClaimed"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"path": "/a`) || Host(`b"}, "spec.path"),
        ({"path": "/a b"}, "spec.path"),
        ({"path": "/a\nb"}, "spec.path"),
        ({"path": "/{{ env `HOME` }}"}, "spec.path"),
        ({"host": "a" * 64 + ".test"}, "spec.host"),
        ({"host": "x.test\n"}, "spec.host"),
        ({"subdomain": "my_app"}, "spec.subdomain"),
        ({"subdomain": "x`) || !host(`y"}, "spec.subdomain"),
        ({"subdomain": "\u0130"}, "spec.subdomain"),
        ({"subdomain": "-x"}, "spec.subdomain"),
        ({"tls": {"termination": "edge", "certificate": "", "key": "no"}}, "spec.tls.key"),
        ({"tls": {"termination": "edge", "certificate": "no", "key": "no"}}, "certificate"),
        ({"tls": {"termination": "reencrypt", "destinationCACertificate": "no"}}, "destination"),
    ],
)
def test_what_the_schema_cannot_tell_is_refused_with_its_field(spec, field):
    admission = claims.admit([route("page", **spec)], DOMAIN)["mnist", "page"]
    assert not admission.admitted
    assert admission.reason == "ExtendedValidationFailed"
    assert field in admission.message


@pytest.mark.parametrize("path", ["/oauth/login", "/a-b._~/%C3%A9", "/a:b@c;d=e,f+(g)*!'$&"])
def test_a_path_may_have_what_a_path_can_have(path):
    assert claims.admit([route("page", path=path)], DOMAIN)["mnist", "page"].admitted


def test_nothing_of_a_refused_host_reaches_the_rules():
    bad = route("page", subdomain="x`) || !host(`y", path="/oauth/login")
    assert "mnist_page" not in json.dumps(configure(bad, services=[service("page")]))


def test_key_of_another_certificate_is_refused(authority):
    host = f"page-mnist.{DOMAIN}"
    one, other = sign(authority, [host]), sign(authority, [host])
    tls = {"termination": "edge", "certificate": one.certificate, "key": other.key}
    admission = claims.admit([route("page", tls=tls)], DOMAIN)["mnist", "page"]
    assert "is not the key of" in admission.message


def test_refused_route_does_not_hold_its_host():
    broken = route("broken", created="2026-01-01T00:00:00Z", host="x.test", path="/`")
    good = route("good", namespace="other", created="2026-01-02T00:00:00Z", host="x.test")
    assert claims.admit([broken, good], DOMAIN)["other", "good"].admitted


def test_plain_route_answers_on_http_only():
    rules = configure(route("page"), services=[service("page")])["http"]
    assert rules["routers"]["mnist_page"]["entryPoints"] == ["web"]
    assert "tls" not in rules["routers"]["mnist_page"]
    balancer = rules["services"]["mnist_page"]["loadBalancer"]
    assert balancer["servers"] == [{"url": "http://10.96.0.10:80"}]


@pytest.mark.parametrize(
    ("policy", "insecure"),
    [(None, None), ("None", None), ("Allow", "mnist_page"), ("Redirect", builders.NOWHERE)],
)
def test_edge_route_and_its_insecure_policy(policy, insecure):
    tls = {"termination": "edge"} | ({"insecureEdgeTerminationPolicy": policy} if policy else {})
    routers = configure(route("page", tls=tls), services=[service("page")])["http"]["routers"]
    assert routers["mnist_page"]["entryPoints"] == ["websecure"]
    assert routers["mnist_page"]["tls"] == {}
    assert routers.get("mnist_page_insecure", {}).get("service") == insecure
    if policy == "Redirect":
        assert routers["mnist_page_insecure"]["middlewares"] == [builders.REDIRECT]


def test_reencrypt_verifies_the_service_by_its_name():
    one = route("page", to="web", tls={"termination": "reencrypt"})
    rules = configure(one, services=[service("web", port=443)])["http"]
    transport = rules["services"]["mnist_page"]["loadBalancer"]["serversTransport"]
    assert rules["serversTransports"][transport]["serverName"] == "web.mnist.svc"
    assert rules["serversTransports"][transport]["rootCAs"] == ["the authority"]
    assert "insecureSkipVerify" not in json.dumps(rules)
    servers = rules["services"]["mnist_page"]["loadBalancer"]["servers"]
    assert servers == [{"url": "https://10.96.0.10:443"}]


def test_passthrough_leaves_the_connection_closed():
    tls = {"termination": "passthrough", "insecureEdgeTerminationPolicy": "Redirect"}
    rules = configure(route("page", tls=tls), services=[service("page", port=443)])
    assert rules["tcp"]["routers"]["mnist_page"]["tls"] == {"passthrough": True}
    assert "mnist_page" not in rules["http"]["routers"]
    assert rules["http"]["routers"]["mnist_page_insecure"]["middlewares"] == [builders.REDIRECT]


def test_path_matches_whole_segments():
    assert builders.build_rule("x.test", "/v2/models/mnist/") == (
        "Host(`x.test`) && (Path(`/v2/models/mnist`) || PathPrefix(`/v2/models/mnist/`))"
    )
    assert builders.build_rule("x.test", "/") == "Host(`x.test`)"


def test_longer_path_comes_first():
    routers = configure(
        route("all", host="x.test"),
        route("part", host="x.test", path="/part"),
        services=[service("all"), service("part")],
    )["http"]["routers"]
    assert routers["mnist_part"]["priority"] > routers["mnist_all"]["priority"]


def test_weights_and_a_weight_of_zero():
    one = route("page")
    one["spec"]["to"]["weight"] = 30
    one["spec"]["alternateBackends"] = [
        {"kind": "Service", "name": "new", "weight": 70},
        {"kind": "Service", "name": "off", "weight": 0},
    ]
    services = [service("page"), service("new"), service("off")]
    rules = configure(one, services=services)["http"]["services"]
    assert rules["mnist_page"]["weighted"]["services"] == [
        {"name": "mnist_page_0", "weight": 30},
        {"name": "mnist_page_1", "weight": 70},
    ]


def test_headless_service_leads_to_the_pods_that_are_ready():
    headless = service("page", cluster_ip="None", name="http")
    parts = [
        {
            "ports": [{"name": "http", "port": 8008}],
            "endpoints": [
                {"addresses": ["10.244.0.2"], "conditions": {"ready": True}},
                {"addresses": ["10.244.0.3"], "conditions": {"ready": False}},
            ],
        }
    ]
    assert backends.find_addresses(headless, "http", parts) == ("10.244.0.2:8008",)


@pytest.mark.parametrize("wanted", ["oauth", 8443, "8443", 443])
def test_port_by_name_target_or_number(wanted):
    one = {
        "spec": {
            "ports": [
                {"name": "http", "port": 80, "targetPort": 8080},
                {"name": "oauth", "port": 443, "targetPort": 8443},
            ]
        }
    }
    assert backends.find_port(one, wanted)["name"] == "oauth"
    assert backends.find_port(one, "nothing") is None


def test_function_is_called_by_its_own_host():
    function = service("fn", labels={SERVICE_LABEL: "fn"})
    function["spec"] = {
        "type": "ExternalName",
        "externalName": "lab-activator.lab-platform.svc.cluster.local",
        "ports": [{"name": "http", "port": 80}],
    }
    rules = configure(route("page", to="fn", tls={"termination": "edge"}), services=[function])
    assert rules["http"]["middlewares"]["mnist_page"]["headers"]["customRequestHeaders"] == {
        "Host": "fn.mnist.svc"
    }
    assert rules["http"]["routers"]["mnist_page"]["middlewares"] == ["mnist_page"]


def test_unknown_hosts_are_told_that_nothing_is_there():
    rules = configure()["http"]
    assert rules["routers"][builders.NOWHERE]["priority"] == 1
    assert rules["services"][builders.NOWHERE]["loadBalancer"]["servers"] == []


def test_status_keeps_other_routers_and_the_transition_time():
    one = route("page")
    other = {"routerName": "other", "host": "x"}
    admission = claims.Admission("x.test", True)
    first = build_status({**one, "status": {"ingress": [other]}}, admission, "lab", DOMAIN)
    assert [entry["routerName"] for entry in first["ingress"]] == ["lab", "other"]
    first["ingress"][0]["conditions"][0]["lastTransitionTime"] = "2020-01-01T00:00:00Z"
    second = build_status({**one, "status": first}, admission, "lab", DOMAIN)
    assert second == first


class TestController:
    """The pass over all Routes."""

    @pytest.fixture(autouse=True)
    def still(self, monkeypatch, authority):
        monkeypatch.setattr(handlers, "start_publisher", lambda: None)
        monkeypatch.setattr(handlers, "get_authority", lambda: authority)

    def test_writes_host_and_status_once(self, cluster):
        cluster.add(route("page"))
        cluster.add(service("page"))
        handlers.reconcile_routes()
        found = cluster.get(*handlers.ROUTE, "page", "mnist")
        assert found["spec"]["host"] == f"page-mnist.{DOMAIN}"
        assert found["metadata"]["annotations"][claims.HOST_GENERATED] == "true"
        assert found["status"]["ingress"][0]["conditions"][0]["status"] == "True"
        cluster.writes.clear()
        handlers.reconcile_routes()
        assert cluster.writes == []

    def test_another_base_domain_moves_what_was_generated_and_the_certificate(
        self, cluster, monkeypatch
    ):
        cluster.add(route("page", tls={"termination": "edge"}))
        cluster.add(route("own", host=f"own.{DOMAIN}"))
        named = route("named", host=f"named-mnist.{DOMAIN}")
        cluster.add(named)
        handlers.reconcile_routes()
        told = read_settings({"LAB_BASE_DOMAIN": "10-0-0-1.sslip.io"})
        monkeypatch.setattr(handlers, "get_settings", lambda: told)
        elsewhere = create_authority(["10-0-0-1.sslip.io", "svc", "cluster.local"])
        monkeypatch.setattr(handlers, "get_authority", lambda: elsewhere)
        handlers.reconcile_routes()
        hosts = {
            name: cluster.get(*handlers.ROUTE, name, "mnist")["spec"]["host"]
            for name in ("page", "own", "named")
        }
        assert hosts == {
            "page": "page-mnist.10-0-0-1.sslip.io",
            "own": f"own.{DOMAIN}",
            "named": f"named-mnist.{DOMAIN}",
        }, "what somebody wrote stays as it was written"
        rules = json.loads(handlers.publisher.answer()[2])
        default = rules["tls"]["stores"]["default"]["defaultCertificate"]["certFile"]
        names = x509.load_pem_x509_certificate(default.encode()).extensions
        wildcard = names.get_extension_for_class(x509.SubjectAlternativeName).value
        assert "*.10-0-0-1.sslip.io" in wildcard.get_values_for_type(x509.DNSName)
        cluster.writes.clear()
        handlers.reconcile_routes()
        assert cluster.writes == []

    def test_a_certificate_from_elsewhere_is_for_all_hosts_until_it_is_taken_away(self, cluster):
        pair = {"tls.crt": "their chain", "tls.key": "their key"}
        data = {name: base64.b64encode(text.encode()).decode() for name, text in pair.items()}
        secret = {"apiVersion": "v1", "kind": "Secret", "data": data, "metadata": {
            "name": handlers.GIVEN_CERTIFICATE, "namespace": "lab-platform"}}  # fmt: skip
        cluster.add(secret)

        def default() -> dict[str, str]:
            handlers.reconcile_routes()
            rules = json.loads(handlers.publisher.answer()[2])
            return rules["tls"]["stores"]["default"]["defaultCertificate"]

        assert default() == {"certFile": "their chain", "keyFile": "their key"}
        cluster.delete("v1", "Secret", handlers.GIVEN_CERTIFICATE, "lab-platform")
        assert "BEGIN CERTIFICATE" in default()["certFile"]

    def test_clients_outside_reach_the_api_server_by_a_host_of_the_platform(
        self, cluster, monkeypatch, tmp_path
    ):
        monkeypatch.setattr(handlers, "API_AUTHORITY", tmp_path / "ca.crt")
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
        handlers.reconcile_routes()
        assert b"kubernetes-api" not in handlers.publisher.answer()[2]
        (tmp_path / "ca.crt").write_text("the cluster's")
        handlers.reconcile_routes()
        rules = json.loads(handlers.publisher.answer()[2])["http"]
        assert rules["routers"]["kubernetes-api"]["rule"] == f"Host(`api-lab-platform.{DOMAIN}`)"
        transport = rules["serversTransports"]["kubernetes-api"]
        assert transport["rootCAs"] == ["the cluster's"]
        assert transport["serverName"] == "kubernetes.default.svc"
        (server,) = rules["services"]["kubernetes-api"]["loadBalancer"]["servers"]
        assert server == {"url": "https://10.96.0.1:443"}

    def test_publishes_what_is_there_and_forgets_what_has_gone(self, cluster):
        cluster.add(route("page", tls={"termination": "edge"}))
        cluster.add(service("page"))
        handlers.reconcile_routes()
        assert b"mnist_page" in handlers.publisher.answer()[2]
        cluster.delete(*handlers.ROUTE, "page", "mnist")
        handlers.reconcile_routes()
        assert b"mnist_page" not in handlers.publisher.answer()[2]

    def test_signs_for_a_host_below_the_wildcard(self, cluster):
        cluster.add(route("page", host=f"a.b.{DOMAIN}", tls={"termination": "edge"}))
        handlers.reconcile_routes()
        rules = json.loads(handlers.publisher.answer()[2])
        assert len(rules["tls"]["certificates"]) == 1

    @pytest.mark.parametrize(
        ("bad", "field"),
        [
            (route("a" * 65), "metadata.name"),
            (route("a-page", subdomain="my_app"), "spec.subdomain"),
        ],
    )
    def test_a_bad_route_is_told_why_and_keeps_none_from_theirs(self, cluster, bad, field):
        patch = cluster.patch

        def refuse(api_version, kind, name, body, namespace=None, **rest):
            if "host" in body.get("spec", {}) and name != "page":
                raise InvalidError(422, "Invalid", "spec.host: should match")
            return patch(api_version, kind, name, body, namespace, **rest)

        cluster.patch = refuse
        cluster.add(bad)
        cluster.add(route("page"))
        handlers.reconcile_routes()
        condition = self.admitted(cluster, bad["metadata"]["name"])
        assert (condition["status"], condition["reason"]) == ("False", "ExtendedValidationFailed")
        assert condition["message"].startswith(field)
        assert self.admitted(cluster, "page")["status"] == "True"

    def test_what_the_server_refuses_is_tried_again_and_logged(self, cluster, caplog):
        patch = cluster.patch

        def refuse(api_version, kind, name, body, namespace=None, **rest):
            if name == "first":
                raise ApiError(403, "Forbidden", "not this one")
            return patch(api_version, kind, name, body, namespace, **rest)

        cluster.patch = refuse
        cluster.add(route("first"))
        cluster.add(route("second"))
        assert handlers.reconcile_routes() < 60
        assert "mnist/first" in caplog.text
        assert self.admitted(cluster, "second")["status"] == "True"
        cluster.patch = patch
        assert handlers.reconcile_routes() > 60

    @staticmethod
    def admitted(cluster, name):
        return cluster.get(*handlers.ROUTE, name, "mnist")["status"]["ingress"][0]["conditions"][0]

    def test_braces_in_an_annotation_are_no_template(self, cluster):
        one = route("page")
        rewrite = f"{PREFIX}rewrite-target"
        one["metadata"]["annotations"] = {rewrite: "/{{{ env `HOME` }}"}
        cluster.add(one)
        handlers.reconcile_routes()
        body = handlers.publisher.answer()[2]
        assert b"{{" not in body
        replaced = json.loads(body)["http"]["middlewares"]["mnist_page_rewrite"]
        assert replaced["replacePathRegex"]["replacement"].startswith("/{{{ env `HOME` }}")
