"""The objects of the serving certificates, the injected CA and the projects' trust bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controllers.serving_certificate.build.authority import KeyPair
from lab_ground.connections import secret_texts
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import standard_labels

SERVING_CERT_ANNOTATION = "service.beta.openshift.io/serving-cert-secret-name"
SERVING_CERT_ERROR = "service.beta.openshift.io/serving-cert-generation-error"
INJECT_ANNOTATION = "service.beta.openshift.io/inject-cabundle"
ORIGIN_ANNOTATION = "service.beta.openshift.io/originating-service-name"
INJECTED_KEY = "service-ca.crt"
AUTHORITY_SECRET = "lab-ca"  # noqa: S105 - a name
SOURCE_BUNDLE = "lab-trusted-ca-bundle"
PROJECT_BUNDLE = "odh-trusted-ca-bundle"
PROJECT_LABEL = "opendatahub.io/dashboard"


def authority_domains(base_domain: str, cluster_domain: str) -> list[str]:
    """Return what the lab's authority may sign for."""
    return [base_domain, "svc", cluster_domain]


def service_hosts(name: str, namespace: str, cluster_domain: str, *, headless: bool) -> list[str]:
    """Return the names that a Service is called by (and its pods', if it is headless)."""
    hosts = [f"{name}.{namespace}.svc", f"{name}.{namespace}.svc.{cluster_domain}"]
    if headless:
        hosts += [f"*.{host}" for host in hosts]
    return hosts


def build_authority_secret(pair: KeyPair, namespace: str) -> Manifest:
    """Build the Secret that keeps the authority."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": AUTHORITY_SECRET,
            "namespace": namespace,
            "labels": standard_labels(AUTHORITY_SECRET, "certificate-authority"),
        },
        "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": pair.certificate, "tls.key": pair.key},
    }


def build_serving_secret(service: Mapping[str, Any], secret_name: str, pair: KeyPair) -> Manifest:
    """Build the Secret with a Service's certificate."""
    metadata = service["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret_name,
            "namespace": metadata["namespace"],
            "labels": standard_labels(secret_name, "serving-certificate", metadata["name"]),
            "annotations": {ORIGIN_ANNOTATION: metadata["name"]},
        },
        "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": pair.certificate, "tls.key": pair.key},
    }


def read_pair(secret: Mapping[str, Any]) -> KeyPair:
    """Read a certificate and its key out of a Secret of type kubernetes.io/tls."""
    texts = secret_texts(secret)
    return KeyPair(texts.get("tls.crt", ""), texts.get("tls.key", ""))


def build_project_bundle(namespace: str, machine_bundle: str, authority: str) -> Manifest:
    """Build a project's ConfigMap of trusted CAs: the machine's, and the lab's own."""
    bundle = "\n".join(part.strip() for part in (machine_bundle, authority) if part.strip())
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": PROJECT_BUNDLE,
            "namespace": namespace,
            "labels": {
                **standard_labels(PROJECT_BUNDLE, "trusted-ca-bundle"),
                "config.openshift.io/inject-trusted-cabundle": "true",
            },
        },
        "data": {"ca-bundle.crt": bundle + "\n", "odh-ca-bundle.crt": authority.strip() + "\n"},
    }
