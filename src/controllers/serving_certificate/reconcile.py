"""Services that want a certificate, ConfigMaps that want the CA, projects that want both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import kopf

from controllers.serving_certificate.build.authority import needs_renewal, sign
from controllers.serving_certificate.build.objects import (
    AUTHORITY_SECRET,
    INJECT_ANNOTATION,
    INJECTED_KEY,
    ORIGIN_ANNOTATION,
    PROJECT_BUNDLE,
    PROJECT_LABEL,
    SERVING_CERT_ANNOTATION,
    SOURCE_BUNDLE,
    build_project_bundle,
    build_serving_secret,
    read_pair,
    service_hosts,
)
from controllers.serving_certificate.status import build_problem
from controllers.serving_certificate.store import get_authority
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.reconciler import Reconciler
from lab_ground.settings import get_settings

_LOOK_AGAIN = 6 * 3600.0


def reconcile_service(namespace: str, name: str) -> float | None:
    """Give a Service its certificate, and a new one before the old one ends."""
    client = kubernetes.get_client()
    service = client.get("v1", "Service", name, namespace)
    if service is None or service["metadata"].get("deletionTimestamp"):
        return None
    annotations = service["metadata"].get("annotations") or {}
    secret_name = annotations.get(SERVING_CERT_ANNOTATION)
    if not secret_name:
        return None
    settings = get_settings()
    hosts = service_hosts(
        name,
        namespace,
        settings.cluster_domain,
        headless=service["spec"].get("clusterIP") == "None",
    )
    authority = get_authority()
    secret = client.get("v1", "Secret", secret_name, namespace)
    if secret is not None:
        origin = (secret["metadata"].get("annotations") or {}).get(ORIGIN_ANNOTATION)
        if origin != name:
            message = f"Secret {secret_name} exists and is not this Service's"
            _tell(service, message)
            raise kopf.PermanentError(f"{namespace}/{name}: {message}")
        if not needs_renewal(read_pair(secret).certificate, authority, hosts):
            return _LOOK_AGAIN
    client.apply(build_serving_secret(service, secret_name, sign(authority, hosts)), owner=service)
    _tell(service, None)
    return _LOOK_AGAIN


def _tell(service: Mapping[str, Any], message: str | None) -> None:
    patch = build_problem(service, message)
    if patch is not None:
        metadata = service["metadata"]
        kubernetes.get_client().patch(
            "v1", "Service", metadata["name"], patch, metadata["namespace"]
        )


def reconcile_config_map(namespace: str, name: str) -> float | None:
    """Put the CA into a ConfigMap that asks for it."""
    client = kubernetes.get_client()
    config_map = client.get("v1", "ConfigMap", name, namespace)
    if config_map is None or config_map["metadata"].get("deletionTimestamp"):
        return None
    annotations = config_map["metadata"].get("annotations") or {}
    if annotations.get(INJECT_ANNOTATION) != "true":
        return None
    certificate = get_authority().certificate
    if (config_map.get("data") or {}).get(INJECTED_KEY) != certificate:
        client.patch("v1", "ConfigMap", name, {"data": {INJECTED_KEY: certificate}}, namespace)
    return None


def reconcile_project(_: str, name: str) -> float | None:
    """Give a project the ConfigMap of the CAs that its workbenches and steps trust."""
    client = kubernetes.get_client()
    namespace = client.get("v1", "Namespace", name)
    if namespace is None or namespace["metadata"].get("deletionTimestamp"):
        return None
    if (namespace["metadata"].get("labels") or {}).get(PROJECT_LABEL) != "true":
        return None
    source = client.get("v1", "ConfigMap", SOURCE_BUNDLE, get_settings().platform_namespace)
    machine = "".join(value for _, value in sorted(((source or {}).get("data") or {}).items()))
    wanted = build_project_bundle(name, machine, get_authority().certificate)
    present = client.get("v1", "ConfigMap", PROJECT_BUNDLE, name)
    if present is None or present.get("data") != wanted["data"]:
        client.apply(wanted)
    return None


def reconcile_everything(_: str, what: str) -> float | None:
    """After a change of the authority or of the machine's bundle: everything made from it."""
    client = kubernetes.get_client()
    if what == "authority":
        secret = client.get("v1", "Secret", AUTHORITY_SECRET, get_settings().platform_namespace)
        if secret is not None and read_pair(secret) == get_authority():
            return None
        get_authority(fresh=True)
        _enqueue_annotated(services, "Service", SERVING_CERT_ANNOTATION)
        _enqueue_annotated(config_maps, "ConfigMap", INJECT_ANNOTATION)
    for project in client.list_objects("v1", "Namespace", label_selector=f"{PROJECT_LABEL}=true"):
        projects.enqueue(None, project["metadata"]["name"])
    return None


def _enqueue_annotated(reconciler: Reconciler, kind: str, annotation: str) -> None:
    for manifest in kubernetes.get_client().list_objects("v1", kind):
        metadata = manifest["metadata"]
        if annotation in (metadata.get("annotations") or {}):
            reconciler.enqueue(metadata["namespace"], metadata["name"])


services = Reconciler("serving-certificate", reconcile_service, workers=2)
config_maps = Reconciler("ca-injection", reconcile_config_map, workers=1)
projects = Reconciler("trusted-ca-bundle", reconcile_project, workers=1)
everything = Reconciler("certificate-authority", reconcile_everything, workers=1)
