"""The project, its volumes and its data connection. Every function returns what is wrong, or ""."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lab_ground.connections import ACCESS_KEY, BUCKET, ENDPOINT, REGION, SECRET_KEY

VOLUMES = ("notebook", "ml-pipeline")
BUCKET_NAME = "rhods"
KEYS = (ACCESS_KEY, SECRET_KEY, REGION, ENDPOINT, BUCKET)
DATA = ("data/train.csv", "data/test.csv")
# A file of all of MNIST's images has some hundred bytes for each of them.
LEAST_BYTES = {"data/train.csv": 60_000 * 785 * 2, "data/test.csv": 10_000 * 785 * 2}


def label_fault(namespace: Mapping[str, Any], label: str, value: str, use: str) -> str:
    """A label of the namespace; ``use`` says what it is good for."""
    metadata = namespace["metadata"]
    if (metadata.get("labels") or {}).get(label) == value:
        return ""
    return f"namespace {metadata['name']} lacks the label {label}={value}, {use}"


def volume_fault(
    claim: Mapping[str, Any] | None,
    name: str,
    pods: Iterable[Mapping[str, Any]],
    wanted: str | None = None,
) -> str:
    """A volume: there, of the wanted size where one is given, bound once a pod mounts it."""
    if claim is None:
        return f"there is no volume {name} in the project"
    size = claim["spec"]["resources"]["requests"]["storage"]
    if wanted is not None and size != wanted:
        return f"PVC {name} asks for {size}, the inventory says {wanted}"
    phase = (claim.get("status") or {}).get("phase")
    used = any(
        (volume.get("persistentVolumeClaim") or {}).get("claimName") == name
        for pod in pods
        for volume in (pod.get("spec") or {}).get("volumes") or ()
    )
    return f"PVC {name} is {phase} although a pod mounts it" if used and phase != "Bound" else ""


def connection_fault(values: Mapping[str, str], bucket: str = BUCKET_NAME) -> str:
    """The data connection's values: all there, and of the lab's bucket."""
    missing = [key for key in KEYS if not values.get(key)]
    if missing:
        return f"the data connection has no {', '.join(missing)}"
    if values[BUCKET] != bucket:
        return f"the data connection names the bucket {values[BUCKET]}, the lab's is {bucket}"
    return ""


def data_fault(sizes: Mapping[str, int | None]) -> str:
    """MNIST in the bucket, by the sizes of its files in bytes; None where one is not there."""
    for key in DATA:
        size = sizes.get(key)
        if size is None:
            return f"{key} is not in the bucket"
        if size < LEAST_BYTES[key]:
            return f"{key} has only {size} bytes and lacks images"
    return ""
