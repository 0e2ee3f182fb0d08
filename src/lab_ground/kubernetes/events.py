"""Events about an object: what its controller cannot do for it, where people look."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.conditions import now
from lab_ground.kubernetes.errors import ApiError, ConflictError

logger = logging.getLogger(__name__)

COMPONENT = "lab-operators"
# Seconds within which the same is not told again: a controller tries every few seconds.
AGAIN = 60.0
# What the API server keeps of a message.
LONGEST = 1024


def warn(client: KubernetesClient, owner: Mapping[str, Any], reason: str, message: str) -> None:
    """Tell once a minute what is wrong with an object, as an event of type Warning.

    An event that cannot be written (its namespace ends, a right is missing) is logged and no more:
    the object's status says the same.
    """
    metadata = owner["metadata"]
    namespace = metadata.get("namespace") or "default"
    told = f"{metadata.get('uid', '')}{reason}{message}"
    name = f"{metadata['name'][:200]}.{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    try:
        found = client.get("v1", "Event", name, namespace)
        if found is None:
            client.create(_event(owner, name, namespace, reason, message))
        elif _age(found) > AGAIN:
            count = int(found.get("count") or 1) + 1
            client.patch("v1", "Event", name, {"count": count, "lastTimestamp": now()}, namespace)
    except ConflictError:
        return
    except ApiError as error:
        logger.warning("no event about %s/%s: %s", namespace, metadata["name"], error)


def _event(
    owner: Mapping[str, Any], name: str, namespace: str, reason: str, message: str
) -> dict[str, Any]:
    metadata = owner["metadata"]
    moment = now()
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": metadata["name"],
            "namespace": namespace,
            "uid": metadata.get("uid", ""),
        },
        "type": "Warning",
        "reason": reason,
        "message": message[:LONGEST],
        "source": {"component": COMPONENT},
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }


def _age(event: Mapping[str, Any]) -> float:
    try:
        told = datetime.strptime(str(event.get("lastTimestamp")), "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return AGAIN + 1
    return (datetime.now(UTC) - told.replace(tzinfo=UTC)).total_seconds()
