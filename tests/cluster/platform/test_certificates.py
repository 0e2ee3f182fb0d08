"""Serving certificates and trusted CAs on the cluster."""

from __future__ import annotations

import base64

import pytest
from platform_cluster import PLATFORM, wait_for

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def certified(client, project):
    client.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "certified",
                "namespace": project,
                "annotations": {
                    "service.beta.openshift.io/serving-cert-secret-name": "certified-tls"
                },
            },
            "spec": {"ports": [{"port": 443}]},
        }
    )

    def secret():
        return client.get("v1", "Secret", "certified-tls", project)

    wait_for(secret, 10, "a Secret with the certificate")
    return secret


def test_certificate_is_of_the_labs_authority(certified, authority):
    certificate = base64.b64decode(certified()["data"]["tls.crt"]).decode()
    assert certificate.endswith(authority)
    assert certificate.count("BEGIN CERTIFICATE") == 2


def test_lost_certificate_is_made_anew(certified, client, project):
    before = certified()["metadata"]["uid"]
    client.delete("v1", "Secret", "certified-tls", project)
    wait_for(lambda: certified() and certified()["metadata"]["uid"] != before, 10, "another Secret")


def test_damaged_certificate_is_made_anew(certified, client, project):
    damaged = {"data": {"tls.crt": base64.b64encode(b"damaged").decode()}}
    client.patch("v1", "Secret", "certified-tls", damaged, project)
    wait_for(
        lambda: b"BEGIN CERTIFICATE" in base64.b64decode(certified()["data"]["tls.crt"]),
        10,
        "a whole certificate",
    )


def test_secret_goes_with_the_service(client, project):
    annotation = {"service.beta.openshift.io/serving-cert-secret-name": "going-tls"}
    client.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "going", "namespace": project, "annotations": annotation},
            "spec": {"ports": [{"port": 443}]},
        }
    )
    wait_for(lambda: client.get("v1", "Secret", "going-tls", project), 10, "a Secret")
    client.delete("v1", "Service", "going", project)
    wait_for(lambda: not client.get("v1", "Secret", "going-tls", project), 60, "it is gone")


def test_config_map_gets_the_authority(client, project, authority):
    annotations = {"service.beta.openshift.io/inject-cabundle": "true"}
    client.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "asks", "namespace": project, "annotations": annotations},
        }
    )
    wait_for(
        lambda: (
            client.get("v1", "ConfigMap", "asks", project)["data"]["service-ca.crt"] == authority
        ),
        10,
        "the authority",
    )


def test_project_has_the_machines_bundle_and_gets_it_back(client, project, authority):
    def bundle():
        return client.get("v1", "ConfigMap", "odh-trusted-ca-bundle", project)

    wait_for(bundle, 10, "the bundle")
    machine = client.get("v1", "ConfigMap", "lab-trusted-ca-bundle", PLATFORM)
    content = bundle()["data"]["ca-bundle.crt"]
    assert content.startswith(machine["data"]["ca-bundle.crt"].strip()[:2000])
    assert authority.strip() in content
    client.delete("v1", "ConfigMap", "odh-trusted-ca-bundle", project)
    wait_for(bundle, 10, "the bundle again")
