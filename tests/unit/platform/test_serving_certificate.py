"""The authority, what it signs, and who gets it."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import kopf
import pytest
from platform_manifests import service

from controllers.serving_certificate import reconcile as handlers
from controllers.serving_certificate import store
from controllers.serving_certificate.build import objects as builders
from controllers.serving_certificate.build.authority import (
    KeyPair,
    create_authority,
    needs_renewal,
    permits,
    sign,
)
from lab_ground.settings import read_settings


def shake_hands(authority: KeyPair, server: KeyPair, name: str, tmp_path) -> None:
    """Make a TLS connection that verifies; raise ssl.SSLError if it does not."""
    file = tmp_path / "server.pem"
    file.write_text(server.key + server.certificate)
    ours, theirs = socket.socketpair()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def serve() -> None:
        try:
            context.wrap_socket(theirs, server_side=True).close()
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        trusting = ssl.create_default_context(cadata=authority.certificate)
        trusting.wrap_socket(ours, server_hostname=name).close()
    finally:
        ours.close()
        thread.join(5)


def test_signed_certificate_is_accepted_for_its_name(authority, tmp_path):
    pair = sign(authority, ["web.mnist.svc"])
    shake_hands(authority, pair, "web.mnist.svc", tmp_path)


def test_certificate_is_refused_for_another_name(authority, tmp_path):
    pair = sign(authority, ["web.mnist.svc"])
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(authority, pair, "other.mnist.svc", tmp_path)


def test_authority_cannot_speak_for_the_rest_of_the_world(authority, tmp_path):
    pair = sign(authority, ["www.example.org"])
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        shake_hands(authority, pair, "www.example.org", tmp_path)


@pytest.mark.parametrize("domain", ["apps.mnist-lab.localhost", "10-0-0-1.sslip.io", "a.b"])
def test_an_authority_is_for_its_own_base_domain(domain, tmp_path):
    pair = create_authority(builders.authority_domains(domain, "cluster.local"))
    assert permits(pair, domain)
    assert permits(pair, f"below.{domain}")
    assert not permits(pair, f"x{domain}")
    assert not permits(pair, "apps.example.com")
    shake_hands(pair, sign(pair, [f"page.{domain}"]), f"page.{domain}", tmp_path)


def test_another_base_domain_gets_another_authority_once(cluster, monkeypatch):
    monkeypatch.setattr(store, "_known", None)
    monkeypatch.setattr(store, "get_client", lambda: cluster)
    first = store.get_authority()
    assert store.get_authority(fresh=True) == first
    told = read_settings({"LAB_BASE_DOMAIN": "10-0-0-1.sslip.io"})
    monkeypatch.setattr(store, "get_settings", lambda: told)
    second = store.get_authority(fresh=True)
    assert second != first
    assert permits(second, "10-0-0-1.sslip.io")
    assert needs_renewal(sign(first, ["a.svc"]).certificate, second, ["a.svc"])
    secret = cluster.get("v1", "Secret", "lab-ca", "lab-platform")
    stored = secret.get("stringData") or {
        key: base64.b64decode(value).decode() for key, value in secret["data"].items()
    }
    assert stored["tls.crt"] == second.certificate


def test_renewal_before_the_end(authority):
    now = datetime.now(UTC)
    pair = sign(authority, ["a.svc"], lifetime=timedelta(days=90), now=now)
    assert not needs_renewal(pair.certificate, authority, ["a.svc"], now)
    assert not needs_renewal(pair.certificate, authority, ["a.svc"], now + timedelta(days=55))
    assert needs_renewal(pair.certificate, authority, ["a.svc"], now + timedelta(days=65))


def test_renewal_for_other_names_another_authority_or_damage(authority):
    pair = sign(authority, ["a.svc"])
    assert needs_renewal(pair.certificate, authority, ["a.svc", "b.svc"])
    assert needs_renewal(pair.certificate, create_authority(["svc"]), ["a.svc"])
    assert needs_renewal("damaged", authority, ["a.svc"])


def test_headless_service_gets_its_pods_names():
    plain = builders.service_hosts("web", "mnist", "cluster.local", headless=False)
    assert plain == ["web.mnist.svc", "web.mnist.svc.cluster.local"]
    headless = builders.service_hosts("web", "mnist", "cluster.local", headless=True)
    assert "*.web.mnist.svc" in headless


class TestControllers:
    """The passes over Services, ConfigMaps and projects."""

    @pytest.fixture(autouse=True)
    def ours(self, monkeypatch, authority):
        monkeypatch.setattr(store, "_known", authority)

    def asking(self, secret="web-tls"):
        return service("web", annotations={builders.SERVING_CERT_ANNOTATION: secret})

    def test_service_gets_a_certificate_and_keeps_it(self, cluster, authority):
        cluster.add(self.asking())
        assert handlers.reconcile_service("mnist", "web") > 0
        secret = cluster.get("v1", "Secret", "web-tls", "mnist")
        assert secret["type"] == "kubernetes.io/tls"
        assert secret["metadata"]["ownerReferences"][0]["kind"] == "Service"
        hosts = ["web.mnist.svc", "web.mnist.svc.cluster.local"]
        assert not needs_renewal(builders.read_pair(secret).certificate, authority, hosts)
        cluster.writes.clear()
        handlers.reconcile_service("mnist", "web")
        assert cluster.writes == []

    def test_damaged_certificate_is_made_anew(self, cluster):
        cluster.add(self.asking())
        handlers.reconcile_service("mnist", "web")
        secret = cluster.objects["Secret", "mnist", "web-tls"]
        secret["data"]["tls.crt"] = base64.b64encode(b"damaged").decode()
        handlers.reconcile_service("mnist", "web")
        assert (
            "BEGIN CERTIFICATE"
            in builders.read_pair(
                secret | cluster.get("v1", "Secret", "web-tls", "mnist")
            ).certificate
        )

    def test_somebody_elses_secret_is_left_alone(self, cluster):
        cluster.add(self.asking("mine"))
        mine = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine"}, "data": {}}
        cluster.add(mine)
        with pytest.raises(kopf.PermanentError, match="is not this Service's"):
            handlers.reconcile_service("mnist", "web")
        assert cluster.get("v1", "Secret", "mine", "mnist")["data"] == {}
        annotations = cluster.get("v1", "Service", "web", "mnist")["metadata"]["annotations"]
        assert "mine" in annotations[builders.SERVING_CERT_ERROR]

    def test_config_map_gets_the_authority_beside_what_it_holds(self, cluster, authority):
        cluster.add(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "ca", "annotations": {builders.INJECT_ANNOTATION: "true"}},
                "data": {"mine": "kept"},
            }
        )
        handlers.reconcile_config_map("mnist", "ca")
        data = cluster.get("v1", "ConfigMap", "ca", "mnist")["data"]
        assert data == {"mine": "kept", builders.INJECTED_KEY: authority.certificate}

    @pytest.mark.parametrize(("label", "gets"), [("true", True), ("false", False)])
    def test_project_gets_the_machines_and_the_labs_authorities(
        self, cluster, authority, label, gets
    ):
        cluster.add(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": "mnist", "labels": {builders.PROJECT_LABEL: label}},
            }
        )
        cluster.add(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": builders.SOURCE_BUNDLE, "namespace": "lab-platform"},
                "data": {"ca-bundle.crt": "the machine's\n"},
            }
        )
        handlers.reconcile_project("", "mnist")
        found = cluster.get("v1", "ConfigMap", builders.PROJECT_BUNDLE, "mnist")
        assert (found is not None) is gets
        if gets:
            assert found["data"]["ca-bundle.crt"].startswith("the machine's\n")
            assert authority.certificate.strip() in found["data"]["ca-bundle.crt"]

    def test_authority_is_made_once(self, cluster, monkeypatch):
        monkeypatch.setattr(store, "_known", None)
        first = store.get_authority()
        monkeypatch.setattr(store, "_known", None)
        assert store.get_authority() == first
