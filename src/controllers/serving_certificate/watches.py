"""What asks for a certificate, for the CA, or for all of them anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import kopf

from controllers.serving_certificate.build.objects import (
    AUTHORITY_SECRET,
    INJECT_ANNOTATION,
    ORIGIN_ANNOTATION,
    PROJECT_BUNDLE,
    PROJECT_LABEL,
    SERVING_CERT_ANNOTATION,
    SOURCE_BUNDLE,
)
from controllers.serving_certificate.reconcile import config_maps, everything, projects, services
from lab_ground.kubernetes.reconciler import Key
from lab_ground.kubernetes.watching import KeyOf, watch
from lab_ground.settings import get_settings


def _origin(secret: Mapping[str, Any]) -> Key | None:
    metadata = secret["metadata"]
    return metadata["namespace"], metadata["annotations"][ORIGIN_ANNOTATION]


def _project_of(manifest: Mapping[str, Any]) -> Key | None:
    return "", manifest["metadata"]["namespace"]


def _source(what: str) -> KeyOf:
    def key(manifest: Mapping[str, Any]) -> Key | None:
        ours = manifest["metadata"]["namespace"] == get_settings().platform_namespace
        return ("", what) if ours else None

    return key


watch(services, "", "v1", "services", annotations={SERVING_CERT_ANNOTATION: kopf.PRESENT})
watch(services, "", "v1", "secrets", key=_origin, annotations={ORIGIN_ANNOTATION: kopf.PRESENT})
watch(config_maps, "", "v1", "configmaps", annotations={INJECT_ANNOTATION: "true"})
watch(projects, "", "v1", "namespaces", labels={PROJECT_LABEL: "true"})
watch(
    projects,
    "",
    "v1",
    "configmaps",
    key=_project_of,
    field="metadata.name",
    value=PROJECT_BUNDLE,
)
watch(
    everything,
    "",
    "v1",
    "configmaps",
    key=_source("bundle"),
    field="metadata.name",
    value=SOURCE_BUNDLE,
)
watch(
    everything,
    "",
    "v1",
    "secrets",
    key=_source("authority"),
    field="metadata.name",
    value=AUTHORITY_SECRET,
)
