"""The steps' pods in the cluster: made, watched, read, removed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ApiError, ConflictError, NotFoundError
from lab_ground.kubernetes.following import Follower
from lab_ground.kubernetes.manifest import Manifest
from pipeline_server.execution import names

logger = logging.getLogger(__name__)

LOG_LIMIT = 16 * 1024 * 1024
REMEMBER_SECONDS = 30.0
STOP_SECONDS = 5


class Cluster:
    """One namespace of a cluster, as far as a pipeline server needs it."""

    def __init__(self, client: KubernetesClient, namespace: str, server: str) -> None:
        self._client = client
        self.namespace = namespace
        self._selector = f"{names.SERVER_LABEL}={names.label_value(server)}"
        self._pods_path = f"/api/v1/namespaces/{namespace}/pods"
        self._claims_path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
        self._config_maps: dict[str, tuple[float, bool]] = {}

    def create_pod(self, manifest: Manifest) -> None:
        """Make a pod; one of this name that is there already is the same one."""
        try:
            self._client.request("POST", self._pods_path, body=manifest)
        except ConflictError:
            logger.info("pod %s is there already", manifest["metadata"]["name"])

    def delete_pod(self, name: str, grace_seconds: int = STOP_SECONDS) -> None:
        """Remove a pod, which may have a longer grace of its own; none there is fine."""
        body: Manifest = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "gracePeriodSeconds": grace_seconds,
        }
        try:
            self._client.request("DELETE", f"{self._pods_path}/{name}", body=body)
        except NotFoundError:
            logger.debug("pod %s is gone", name)

    def delete_run(self, run_id: str) -> None:
        """Remove everything of a run."""
        query = {"labelSelector": f"{self._selector},{names.RUN_ID_LABEL}={run_id}"}
        soon = {**query, "gracePeriodSeconds": str(STOP_SECONDS)}
        self._client.request("DELETE", self._pods_path, query=soon)
        self._client.request("DELETE", self._claims_path, query=query)

    def get_pod(self, name: str) -> Manifest | None:
        """A pod, straight from the API server."""
        try:
            found: Manifest = self._client.request("GET", f"{self._pods_path}/{name}")
            return found
        except NotFoundError:
            return None

    def last_warning(self, pod_name: str) -> tuple[str, str] | None:
        """Reason and message of the last event of a pod, if that is a warning and may be read."""
        path = f"/api/v1/namespaces/{self.namespace}/events"
        query = {"fieldSelector": f"involvedObject.name={pod_name}"}
        try:
            found = self._client.request("GET", path, query=query).get("items") or []
        except ApiError as error:
            logger.warning("the events of pod %s cannot be read: %s", pod_name, error)
            return None
        last: Manifest = max(found, key=_last_seen, default={})
        if last.get("type") != "Warning":
            return None
        return str(last.get("reason", "")), str(last.get("message", ""))

    def read_log(self, pod_name: str, container: str = "main") -> bytes | None:
        """A container's log; None when there is no such pod or it has not begun."""
        query = {"container": container, "limitBytes": str(LOG_LIMIT)}
        try:
            text: str = self._client.request(
                "GET", f"{self._pods_path}/{pod_name}/log", query=query, accept="text/plain, */*"
            )
        except ApiError as error:
            if error.status not in {400, 404}:
                logger.warning("the log of pod %s cannot be read: %s", pod_name, error)
            return None
        return text.encode()

    def has_config_map(self, name: str) -> bool:
        """Whether there is a ConfigMap of this name; known for half a minute."""
        known = self._config_maps.get(name)
        if known is not None and time.monotonic() - known[0] < REMEMBER_SECONDS:
            return known[1]
        path = f"/api/v1/namespaces/{self.namespace}/configmaps/{name}"
        try:
            self._client.request("GET", path)
            found = True
        except NotFoundError:
            found = False
        except ApiError as error:
            logger.warning("the ConfigMap %s cannot be read: %s", name, error)
            return known[1] if known else False
        self._config_maps[name] = (time.monotonic(), found)
        return found

    def create_claim(self, manifest: Manifest) -> None:
        """Make a claim; one of this name that is there already is the same one."""
        try:
            self._client.request("POST", self._claims_path, body=manifest)
        except ConflictError:
            logger.info("claim %s is there already", manifest["metadata"]["name"])

    def delete_claim(self, name: str) -> None:
        """Remove a claim; none there is fine."""
        try:
            self._client.request("DELETE", f"{self._claims_path}/{name}")
        except NotFoundError:
            logger.info("claim %s is gone", name)

    def list_all(self) -> tuple[list[Manifest], str]:
        """All pods of this server's steps, and the version to watch from."""
        reply = self._client.request(
            "GET", self._pods_path, query={"labelSelector": self._selector}
        )
        return list(reply.get("items", [])), str(reply["metadata"]["resourceVersion"])

    def watch_from(self, version: str) -> Iterator[Manifest]:
        """Changes since a version."""
        query = {
            "labelSelector": self._selector,
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
        }
        return self._client.watch(self._pods_path, query)


class PodWatcher:
    """Knows all pods of the steps, and calls back with the run whose pod changed.

    ``fresh_since`` is when it last knew that it had missed nothing: a pod that it does not know
    is only taken for gone by who asks after its own creation.
    """

    def __init__(self, cluster: Cluster, changed: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._changed = changed
        self._pods: dict[str, Manifest] = {}
        self._lock = threading.Lock()
        self._synced = threading.Event()
        self._follower = Follower(
            "pods of steps",
            cluster,
            listed=self._listed,
            changed=self._news,
            lost=self._synced.clear,
        )

    def start(self) -> None:
        """Begin to watch."""
        self._follower.start()

    def stop(self) -> None:
        """Watch no more."""
        self._follower.stop()

    @property
    def synced(self) -> bool:
        """Whether the present pods are known."""
        return self._synced.is_set()

    def get(self, name: str) -> Manifest | None:
        """A pod by its name."""
        with self._lock:
            return self._pods.get(name)

    def of_run(self, run_id: str) -> list[Manifest]:
        """A run's pods."""
        with self._lock:
            return [pod for pod in self._pods.values() if _label(pod) == run_id]

    def run_ids(self) -> set[str]:
        """Runs that have pods."""
        with self._lock:
            return {_label(pod) for pod in self._pods.values()}

    def _listed(self, pods: list[Manifest]) -> None:
        with self._lock:
            before = self._pods
            self._pods = {pod["metadata"]["name"]: _slim(pod) for pod in pods}
            changed = {_label(pod) for pod in (*before.values(), *self._pods.values())}
        self._synced.set()
        for run_id in changed:
            self._changed(run_id)

    def _news(self, pod: Manifest, gone: bool) -> None:
        name = pod["metadata"]["name"]
        with self._lock:
            if gone:
                self._pods.pop(name, None)
            else:
                self._pods[name] = _slim(pod)
        self._changed(_label(pod))


def _last_seen(event: Mapping[str, Any]) -> str:
    """When an event happened last; the newer kind of event has another field."""
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _label(pod: Mapping[str, Any]) -> str:
    return str((pod["metadata"].get("labels") or {}).get(names.RUN_ID_LABEL, ""))


def _slim(pod: Mapping[str, Any]) -> Manifest:
    """Only what is asked of a pod later: there may be thousands."""
    metadata = pod["metadata"]
    return {
        "metadata": {
            key: metadata[key]
            for key in ("name", "labels", "deletionTimestamp", "creationTimestamp")
            if key in metadata
        },
        "status": pod.get("status", {}),
    }
