"""The lab's authority in the cluster: made once, then read."""

from __future__ import annotations

import logging
import threading

from controllers.serving_certificate.build.authority import KeyPair, create_authority, permits
from controllers.serving_certificate.build.objects import (
    AUTHORITY_SECRET,
    authority_domains,
    build_authority_secret,
    read_pair,
)
from lab_ground.kubernetes.client import get_client
from lab_ground.kubernetes.errors import ConflictError
from lab_ground.settings import get_settings

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_known: KeyPair | None = None


def get_authority(*, fresh: bool = False) -> KeyPair:
    """Return the lab's authority; make it if there is none yet, or none for this base domain."""
    global _known
    settings = get_settings()
    client = get_client()
    with _lock:
        if _known is not None and not fresh:
            return _known
        secret = client.get("v1", "Secret", AUTHORITY_SECRET, settings.platform_namespace)
        if secret is None:
            pair = create_authority(
                authority_domains(settings.base_domain, settings.cluster_domain)
            )
            try:
                client.create(build_authority_secret(pair, settings.platform_namespace))
                _known = pair
                return pair
            except ConflictError:
                secret = client.get("v1", "Secret", AUTHORITY_SECRET, settings.platform_namespace)
        if secret is None:
            raise RuntimeError(f"the Secret {AUTHORITY_SECRET} comes and goes")
        _known = read_pair(secret)
        if not permits(_known, settings.base_domain):
            # The base domain was changed: what this one signs would be refused everywhere.
            logger.warning("a new authority is made, for the domain %s", settings.base_domain)
            _known = create_authority(
                authority_domains(settings.base_domain, settings.cluster_domain)
            )
            content = build_authority_secret(_known, settings.platform_namespace)["stringData"]
            client.patch(
                "v1",
                "Secret",
                AUTHORITY_SECRET,
                {"stringData": content},
                settings.platform_namespace,
            )
        return _known
