"""What a Service is told of a certificate that it cannot have: an annotation, as upstream's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controllers.serving_certificate.build.objects import SERVING_CERT_ERROR
from lab_ground.kubernetes.manifest import Manifest


def build_problem(service: Mapping[str, Any], message: str | None) -> Manifest | None:
    """Return the patch that makes the Service say this (None: nothing); None if it does."""
    annotations = service["metadata"].get("annotations") or {}
    if annotations.get(SERVING_CERT_ERROR) == message:
        return None
    return {"metadata": {"annotations": {SERVING_CERT_ERROR: message}}}
