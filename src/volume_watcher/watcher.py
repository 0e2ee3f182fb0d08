"""Looks at every volume of the node, warns, and stops who writes on."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.quantities import parse_bytes
from volume_watcher.judging import Act, Level, judge
from volume_watcher.measuring import allocated_bytes, free_bytes

logger = logging.getLogger(__name__)

GRACE_SECONDS = 2
# Looking costs reading every directory: it may take a twentieth of one core.
SHARE = 20
# A disk that fills faster than this is looked at before the time.
HASTE_BYTES = 256 * 1024 * 1024
GIBI = 1024**3


@dataclass(frozen=True)
class Volume:
    """A volume that is a directory here: whose it is, where, and how large it was asked for."""

    uid: str
    namespace: str
    claim: str
    path: Path
    claimed: int


class Watcher:
    """Keeps the volumes below ``directory``, which pods know as below ``place`` on the node."""

    def __init__(self, client: KubernetesClient, directory: Path, place: str) -> None:
        self._client = client
        self._directory = directory
        self._place = PurePosixPath(place)
        self._levels: dict[str, Level] = {}

    def run(self, interval: float) -> None:
        """Look for ever; a cluster that does not answer is asked again."""
        while True:
            began = time.monotonic()
            try:
                self.look()
            except Exception:
                logger.exception("the volumes could not be looked at")
            took = time.monotonic() - began
            self._rest(max(interval, took * SHARE))

    def _rest(self, seconds: float) -> None:
        """Wait, but no longer than the disk lets."""
        free = free_bytes(self._directory)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(1)
            if free - free_bytes(self._directory) > HASTE_BYTES:
                return

    def look(self) -> None:
        """Look once at every volume."""
        volumes = list(self.volumes())
        self._levels = {
            volume.uid: self._levels[volume.uid] for volume in volumes if volume.uid in self._levels
        }
        for volume in volumes:
            used = allocated_bytes(volume.path)
            before = self._levels.get(volume.uid, Level())
            act, level = judge(used, volume.claimed, before)
            if act is Act.STOP:
                self._stop(volume, used)
            elif act is Act.WARN:
                self._tell(
                    volume,
                    "VolumeNearlyFull",
                    f"{told(used)} of the {told(volume.claimed)} that were claimed are taken; "
                    "whoever writes beyond them is stopped",
                )
            self._levels[volume.uid] = level

    def volumes(self) -> Iterator[Volume]:
        """The volumes in use that are kept here."""
        for found in self._client.list_objects("v1", "PersistentVolume"):
            spec = found["spec"]
            source = spec.get("hostPath") or spec.get("local") or {}
            claim = spec.get("claimRef") or {}
            path = PurePosixPath(source.get("path") or "/")
            if found.get("status", {}).get("phase") != "Bound" or not claim:
                continue
            if self._place not in path.parents or ".." in path.parts:
                continue
            yield Volume(
                uid=found["metadata"]["uid"],
                namespace=claim["namespace"],
                claim=claim["name"],
                path=self._directory / path.relative_to(self._place),
                claimed=parse_bytes(spec["capacity"]["storage"]),
            )

    def _stop(self, volume: Volume, used: int) -> None:
        names = [pod["metadata"]["name"] for pod in self._users(volume)]
        stopped = f"; stopped: {', '.join(names)}" if names else ""
        self._tell(
            volume,
            "VolumeOverfull",
            f"{told(used)} are taken where {told(volume.claimed)} were claimed, and it grows"
            f"{stopped}. Delete files, or claim more; a pod that writes on is stopped again",
        )
        for name in names:
            logger.warning("stop %s/%s: its volume %s", volume.namespace, name, volume.claim)
            self._client.delete("v1", "Pod", name, volume.namespace, grace_seconds=GRACE_SECONDS)

    def _users(self, volume: Volume) -> Iterator[Manifest]:
        for pod in self._client.list_objects("v1", "Pod", volume.namespace):
            claims = {
                (source.get("persistentVolumeClaim") or {}).get("claimName")
                for source in pod["spec"].get("volumes") or []
            }
            phase = (pod.get("status") or {}).get("phase")
            if volume.claim in claims and phase not in ("Succeeded", "Failed"):
                yield pod

    def _tell(self, volume: Volume, reason: str, message: str) -> None:
        logger.warning("%s/%s: %s: %s", volume.namespace, volume.claim, reason, message)
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._client.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {
                    "name": f"{volume.claim[:200]}.{uuid.uuid4().hex[:16]}",
                    "namespace": volume.namespace,
                },
                "involvedObject": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "name": volume.claim,
                    "namespace": volume.namespace,
                },
                "type": "Warning",
                "reason": reason,
                "message": message,
                "source": {"component": "lab-volume-watcher"},
                "firstTimestamp": moment,
                "lastTimestamp": moment,
                "count": 1,
            }
        )


def told(amount: int) -> str:
    """An amount of bytes as people say it."""
    return f"{amount / GIBI:.1f} GiB" if amount >= GIBI else f"{amount / 1024**2:.0f} MiB"
