"""What a Route may not do to others: lead out of its project, take their names, stop the router."""

from __future__ import annotations

import base64
import copy
import datetime
import json
from typing import Any

import pytest
import route_rules
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from platform_manifests import route, service

from controllers.route import reconcile as routes
from controllers.route.build import claims
from controllers.route.build.annotations import MOST_SECONDS, PREFIX, read_options
from controllers.route.build.backends import foreign, mixed
from controllers.route.build.certificates import tls_problem
from router.rules import encode

DOMAIN = "apps.mnist-lab.localhost"
ACTIVATOR = "lab-activator.lab-platform.svc.cluster.local"
CONTROLLER = "endpointslice-controller.k8s.io"
NO_PODS = ("127.0.0.1", "169.254.169.254", "::1", "fe80::1", "0.0.0.0")
HOST = f"page-mnist.{DOMAIN}"


def external(name: str, port: int = 80, **labels: str) -> dict[str, Any]:
    made = service("page", port=port, labels=labels)
    made["spec"] = {"type": "ExternalName", "externalName": name, "ports": made["spec"]["ports"]}
    return made


def made_by(maker: str, *addresses: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "page-x1",
            "namespace": "mnist",
            "labels": {"endpointslice.kubernetes.io/managed-by": maker},
        },
        "endpoints": [
            {"addresses": [address], "targetRef": {"kind": "Pod", "namespace": "mnist"}}
            for address in addresses
        ],
    }


def named(name: str, namespace: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}}


class TestTargets:
    """A Route leads to pods of its own project only."""

    @pytest.fixture(autouse=True)
    def no_port_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The rules are read where they are kept: a port of its own is another run's, too."""
        monkeypatch.setattr(routes, "start_publisher", lambda: None)

    @pytest.mark.parametrize(
        "name", ["notebook.other.svc.cluster.local", "127.0.0.1", "kubernetes.default.svc"]
    )
    def test_an_external_name_is_not_admitted(self, name: str) -> None:
        assert name in str(foreign(external(name), (), ACTIVATOR))

    def test_a_function_s_service_leads_to_the_activator(self) -> None:
        label = {"serving.knative.dev/service": "page"}
        assert foreign(external(ACTIVATOR, **label), (), ACTIVATOR) is None

    @pytest.mark.parametrize("change", ["name", "label", "port"])
    def test_a_function_s_service_that_was_made_by_hand_does_not(self, change: str) -> None:
        label = {} if change == "label" else {"serving.knative.dev/service": "page"}
        name = "notebook.other.svc" if change == "name" else ACTIVATOR
        port = 8081 if change == "port" else 80
        assert foreign(external(name, port, **label), (), ACTIVATOR)

    def test_a_service_without_a_selector_is_not_admitted(self) -> None:
        made = service("page")
        del made["spec"]["selector"]
        assert "no selector" in str(foreign(made, (), ACTIVATOR))

    @pytest.mark.parametrize("maker", ["", "learner", "endpointslicemirroring-controller.k8s.io"])
    def test_a_slice_that_was_made_by_hand_is_not_admitted(self, maker: str) -> None:
        slices = [
            made_by(CONTROLLER, "10.244.0.7"),
            made_by(maker, "10.0.0.1"),
        ]
        assert "written by hand" in str(foreign(service("page"), slices, ACTIVATOR))

    @pytest.mark.parametrize("address", NO_PODS)
    def test_addresses_that_no_pod_has_are_not_admitted(self, address: str) -> None:
        slices = [made_by(CONTROLLER, address)]
        assert address in str(foreign(service("page"), slices, ACTIVATOR))

    def test_the_nodes_own_address_is_not(self) -> None:
        """A pod on the host network has it."""
        slices = [made_by(CONTROLLER, "192.0.2.7")]
        assert foreign(service("page"), slices, ACTIVATOR) is None
        assert "192.0.2.7" in str(foreign(service("page"), slices, ACTIVATOR, {"192.0.2.7"}))

    @pytest.mark.parametrize(
        "target", [None, {"kind": "Pod", "namespace": "other"}, {"kind": "Node"}]
    )
    def test_an_endpoint_that_names_no_pod_of_its_own_is_not(self, target: Any) -> None:
        part = made_by(CONTROLLER, "10.244.0.7")
        part["endpoints"][0]["targetRef"] = target
        assert "names no pod" in str(foreign(service("page"), [part], ACTIVATOR))

    def test_a_function_shares_its_route_with_nobody(self) -> None:
        """Else the client's own host would say which function the activator calls."""
        function = external(ACTIVATOR, **{"serving.knative.dev/service": "page"})
        services = {("mnist", "page"): function, ("mnist", "own"): service("own")}
        one = route("page")
        assert mixed(one, services) is None
        one["spec"]["alternateBackends"] = [{"kind": "Service", "name": "own", "weight": 0}]
        assert "shares no Route with others (own)" in str(mixed(one, services))
        turned = route("own")
        turned["spec"]["alternateBackends"] = [{"kind": "Service", "name": "page"}]
        assert "shares no Route" in str(mixed(turned, services))

    def test_its_own_pods_are(self) -> None:
        slices = [made_by(CONTROLLER, "10.244.0.7")]
        assert foreign(service("page"), slices, ACTIVATOR) is None
        assert foreign(None, (), ACTIVATOR) is None

    def test_the_reason_is_in_the_status_and_the_others_go_on(self, cluster) -> None:
        cluster.add(service("page"))
        cluster.add({**external("notebook.other.svc"), **named("out", "x")})
        cluster.add(route("page"))
        bad = route("way", namespace="x")
        bad["spec"]["to"]["name"] = "out"
        cluster.add(bad)
        routes.reconcile_routes()
        refused = cluster.objects["Route", "x", "way"]["status"]["ingress"][0]["conditions"][0]
        assert refused["status"] == "False"
        assert "pods of its own project only" in refused["message"]
        assert b"mnist_page" in routes.publisher.answer()[2]
        assert b"x_way" not in routes.publisher.answer()[2]

    def test_what_the_router_does_not_take_is_told_and_stays_among_the_rules(
        self, cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So that the router tries it again, and the status follows what it says."""
        cluster.add(service("page"))
        cluster.add(route("page"))

        def told() -> tuple[str, str]:
            routes.reconcile_routes()
            status = cluster.objects["Route", "mnist", "page"]["status"]
            condition = status["ingress"][0]["conditions"][0]
            return condition["status"], condition.get("message", "")

        monkeypatch.setattr(routes.publisher, "left_out", frozenset({("mnist", "page")}))
        assert told() == ("False", routes._NOT_TAKEN["message"])
        assert b"mnist_page" in routes.publisher.answer()[2]
        monkeypatch.setattr(routes.publisher, "left_out", frozenset())
        assert told() == ("True", "")

    def test_every_target_is_looked_at(self, cluster) -> None:
        cluster.add(service("page"))
        cluster.add({**external("notebook.other.svc"), **named("out", "mnist")})
        mixed = route("page")
        mixed["spec"]["alternateBackends"] = [{"kind": "Service", "name": "out", "weight": 1}]
        cluster.add(mixed)
        routes.reconcile_routes()
        assert b"mnist_page" not in routes.publisher.answer()[2]


class TestNames:
    """A name below the base domain that ends in a namespace belongs to that namespace."""

    NAMESPACES = frozenset({"mnist", "mnist-2", "2", "sec-a", "sec-a-1"})

    @pytest.mark.parametrize(
        ("label", "owner"),
        [
            ("notebook-mnist", "mnist"),
            ("notebook-mnist-2", "mnist-2"),
            ("notebook-2", "2"),
            ("1-notebook-sec-a", "sec-a"),
            ("notebook-sec-a-1", "sec-a-1"),
            ("mnist", "mnist"),
            ("digits", None),
            ("notebook-mnist-3", None),
            ("deep.notebook-mnist", "mnist"),
        ],
    )
    def test_owner(self, label: str, owner: str | None) -> None:
        assert claims.owner_of(f"{label}.{DOMAIN}", DOMAIN, self.NAMESPACES) == owner

    @pytest.mark.parametrize("host", ["127.0.0.1", "10.1", "2130706433", "0x7f.1", "017700000001"])
    def test_an_address_is_no_host(self, host: str) -> None:
        """A certificate for it would be shown to all who name no host."""
        admission = claims.admit([route("page", host=host)], DOMAIN)["mnist", "page"]
        assert (admission.admitted, "is an address" in admission.message) == (False, True)

    def test_elsewhere_nobody_owns_a_name(self) -> None:
        assert claims.owner_of("notebook-mnist.example.org", DOMAIN, self.NAMESPACES) is None

    def test_a_squatter_is_refused_before_and_after_its_owner_came(self) -> None:
        squatter = route("x", namespace="mnist", host=f"notebook-mnist-2.{DOMAIN}")
        owner = route("notebook", namespace="mnist-2", created="2026-02-01T00:00:00Z")
        admissions = claims.admit([squatter, owner], DOMAIN, self.NAMESPACES)
        assert not admissions["mnist", "x"].admitted
        assert "belongs to it" in admissions["mnist", "x"].message
        assert admissions["mnist-2", "notebook"].admitted

    @pytest.mark.parametrize("order", [1, -1])
    def test_the_platform_s_host_is_its_own_however_late_it_comes(self, order: int) -> None:
        """A seat's Route that waits for the dashboard's to be made anew does not get its host."""
        host = f"dashboard.{DOMAIN}"
        waiting = route("x", host=host, created="2026-01-01T00:00:00Z")
        ours = route("dashboard", namespace="odh", host=host, created="2026-02-01T00:00:00Z")
        admissions = claims.admit([waiting, ours][::order], DOMAIN, platform={"odh"})
        assert admissions["odh", "dashboard"].admitted
        assert "another namespace holds" in admissions["mnist", "x"].message

    def test_the_base_domain_is_the_platform_s(self) -> None:
        seats = claims.admit([route("x", host=DOMAIN)], DOMAIN, platform={"odh"})
        assert "is the platform's" in seats["mnist", "x"].message
        ours = claims.admit([route("x", host=DOMAIN, namespace="odh")], DOMAIN, platform={"odh"})
        assert ours["odh", "x"].admitted

    @given(st.lists(st.text("ab-", min_size=1, max_size=4), min_size=1, max_size=5, unique=True))
    def test_a_generated_name_is_always_its_own_namespace_s_or_a_longer_one_s(
        self, names: list[str]
    ) -> None:
        for name in names:
            owner = claims.owner_of(f"page-{name}.{DOMAIN}", DOMAIN, names)
            assert owner is not None
            assert len(owner) >= len(name)


def certificate(*names: str, common: str = "", version: int = 3) -> tuple[str, str]:
    """A self-signed certificate and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)] if common else [])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternative, critical=False)
    made = builder.sign(key, hashes.SHA256())
    data = made.public_bytes(serialization.Encoding.DER)
    # The version stands in the first bytes of what is signed: [0] EXPLICIT INTEGER 2.
    data = data.replace(b"\xa0\x03\x02\x01\x02", bytes([0xA0, 3, 2, 1, version - 1]), 1)
    body = base64.encodebytes(data).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
    return pem, key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


class TestCertificates:
    """A Route's certificate is used for its own host only."""

    def test_its_own_host_is_well(self) -> None:
        pem, key = certificate(HOST)
        assert tls_problem({"certificate": pem, "key": key}, HOST) is None
        pem, key = certificate(HOST, common="The page's owner")
        assert tls_problem({"certificate": pem, "key": key}, HOST) is None

    @pytest.mark.parametrize(
        ("names", "common"),
        [
            ((HOST, f"notebook-mnist-2.{DOMAIN}"), ""),
            ((f"*.{DOMAIN}",), ""),
            ((HOST,), f"notebook-mnist-2.{DOMAIN}"),
            ((), f"*.{DOMAIN}"),
        ],
    )
    def test_another_s_host_is_not(self, names: tuple[str, ...], common: str) -> None:
        pem, key = certificate(*names, common=common)
        assert "for its own host" in str(
            (tls_problem({"certificate": pem, "key": key}, HOST) or "").replace(
                "for\nits", "for its"
            )
        )

    @pytest.mark.parametrize("field", ["certificate", "caCertificate", "destinationCACertificate"])
    @pytest.mark.parametrize("version", [1, 2, 7])
    def test_a_version_that_the_router_cannot_read_is_refused(
        self, field: str, version: int
    ) -> None:
        pem, _ = certificate(HOST, version=version)
        assert f"spec.tls.{field}" in str(tls_problem({field: pem}, HOST))

    @given(st.binary(max_size=200))
    def test_no_text_stops_the_others(self, data: bytes) -> None:
        body = base64.encodebytes(data).decode()
        pem = f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
        assert tls_problem({"caCertificate": pem}, HOST)


ANYTHING = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["999999999d", "0", "1e9", "inf", "nan", "²s", "😀", "{{ env }}", "%zz"]),
)
NAMES = ("timeout", "ip_allowlist", "ip_whitelist", "hsts_header", "rewrite-target", "balance")


class TestFuzz:
    """No annotation and no field makes rules that the router cannot read, or stops the others'."""

    def test_an_address_with_a_zone_lets_nobody_in(self) -> None:
        one = route("page")
        one["metadata"]["annotations"] = {PREFIX + "ip_allowlist": "fe80::1%eth0"}
        assert read_options(one).allowed == ("255.255.255.255/32",)
        one["metadata"]["annotations"] = {PREFIX + "ip_allowlist": "fe80::1%eth0 10.1.2.3/8"}
        assert read_options(one).allowed == ("10.0.0.0/8",)

    @settings(max_examples=300, deadline=None)
    @given(st.dictionaries(st.sampled_from(NAMES), ANYTHING))
    def test_annotations_become_bounded_values_in_rules_that_can_be_read(
        self, annotations: dict[str, str]
    ) -> None:
        one = route("page")
        one["metadata"]["annotations"] = {PREFIX + key: text for key, text in annotations.items()}
        options = read_options(one)
        assert options.timeout is None or 0 < options.timeout <= MOST_SECONDS
        built = route_rules.configure([one], DOMAIN, [service("page")])
        written = encode(built)
        assert written.isascii()
        assert b"{{" not in written
        # Traefik reads its files as YAML.
        assert yaml.safe_load(written)["http"]["routers"]["mnist_page"]

    @given(st.text(max_size=60))
    def test_every_text_comes_out_of_the_file_as_it_went_in(self, text: str) -> None:
        clean = text.encode("utf-8", "replace").decode().replace("{{", "")
        read = yaml.safe_load(encode({"http": {"text": clean}}))
        assert read["http"]["text"].replace("{{", "") == clean

    @settings(max_examples=200, deadline=None)
    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "host": ANYTHING,
                "path": ANYTHING,
                "subdomain": ANYTHING,
                "wildcardPolicy": ANYTHING,
                "port": st.fixed_dictionaries({"targetPort": st.one_of(ANYTHING, st.integers())}),
                "tls": st.fixed_dictionaries(
                    {"termination": st.sampled_from(["edge", "reencrypt", "passthrough"])},
                    optional={
                        "certificate": ANYTHING,
                        "key": ANYTHING,
                        "caCertificate": ANYTHING,
                        "destinationCACertificate": ANYTHING,
                        "insecureEdgeTerminationPolicy": ANYTHING,
                    },
                ),
            },
        )
    )
    def test_one_route_keeps_no_other_from_its_own(self, spec: dict[str, Any]) -> None:
        good, bad = route("good", created="2026-01-01T00:00:00Z"), route("bad", namespace="other")
        bad["spec"] |= copy.deepcopy(spec)
        services = [service("good"), service("bad", namespace="other")]
        built = route_rules.configure([good, bad], DOMAIN, services)
        assert "mnist_good" in json.loads(json.dumps(built))["http"]["routers"]
        assert yaml.safe_load(encode(built))
