"""What the activator knows of the cluster, and the scaling it does there."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import Any

from prometheus_client import Counter, Gauge

from activator.function import Function
from activator.scaling import SERVICE_LABEL, InvalidFunctionError, Scaling, read_scaling
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ApiError
from lab_ground.kubernetes.informer import Informer
from lab_ground.kubernetes.manifest import Manifest

logger = logging.getLogger(__name__)

Key = tuple[str, str]

# So long after a function was woken a pod that was to end has begun to end, or it stays.
_SETTLED_SECONDS = 1.5

_REPLICAS = Gauge("lab_function_replicas", "Pods asked for", ["namespace", "function"])
_SCALED = Counter("lab_function_scaled_total", "Changes", ["namespace", "function", "direction"])


class Registry:
    """All functions, kept up to date by informers, scaled by ``run``."""

    def __init__(
        self, client: KubernetesClient, *, waiting_limit: int, waiting_seconds: float
    ) -> None:
        self._client = client
        self._limits = (waiting_limit, waiting_seconds)
        self._functions: dict[Key, Function] = {}
        self._slices: dict[Key, dict[Key, dict[str, str]]] = defaultdict(dict)
        self._deployments: dict[Key, tuple[str, int]] = {}
        # What a Deployment was when we scaled it: older news of it say nothing new.
        self._versions: dict[Key, int] = {}
        self._owners: dict[Key, Key] = {}
        self._scaling: set[Key] = set()
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._informers: list[Informer] = []
        self.stopping = False

    def find(self, key: Key) -> Function | None:
        """Return a function by namespace and name."""
        return self._functions.get(key)

    @property
    def synced(self) -> bool:
        """Whether everything has been read once."""
        return bool(self._informers) and all(i.synced.is_set() for i in self._informers)

    def start(self) -> None:
        """Begin to follow the cluster."""
        loop = self._loop = asyncio.get_running_loop()

        def threadsafe(method: Any) -> Any:
            return lambda key, manifest: loop.call_soon_threadsafe(method, key, manifest)

        for api_version, kind, method, selector in (
            ("serving.knative.dev/v1", "Service", self.function_changed, ""),
            ("apps/v1", "Deployment", self.deployment_changed, SERVICE_LABEL),
            ("discovery.k8s.io/v1", "EndpointSlice", self.slice_changed, SERVICE_LABEL),
        ):
            informer = Informer(
                self._client, api_version, kind, threadsafe(method), label_selector=selector
            )
            self._informers.append(informer)
            informer.start()

    def function_changed(self, key: Key, manifest: Manifest | None) -> None:
        """A function appeared, changed or went."""
        if manifest is None or manifest["metadata"].get("deletionTimestamp"):
            self._functions.pop(key, None)
            return
        function = self._functions.get(key)
        if function is None:
            function = Function(
                waiting_limit=self._limits[0], waiting_seconds=self._limits[1], short=self._wake.set
            )
            self._functions[key] = function
            function.set_pods(self._ready(key))
            function.replicas = self._deployments.get(key, ("", 0))[1]
            # A new activator does not know what the former one was asked for a moment ago.
            function.remember(function.replicas)
        try:
            function.scaling = read_scaling(manifest)
        except InvalidFunctionError as error:
            logger.warning("%s/%s: %s", *key, error)
            function.scaling = Scaling()
        status = manifest.get("status") or {}
        ready = status.get("latestReadyRevisionName")
        # A new revision gets one pod at first, to show that it starts.
        function.unproven = (
            not ready
            or ready != status.get("latestCreatedRevisionName")
            or status.get("observedGeneration") != manifest["metadata"].get("generation")
        )
        self._wake.set()

    def deployment_changed(self, key: Key, manifest: Manifest | None) -> None:
        """A function's Deployment appeared, changed or went."""
        if manifest is None:
            owner = self._owners.pop(key, None)
            if owner is not None:
                self._deployments.pop(owner, None)
                self._versions.pop(owner, None)
            return
        owner = (key[0], manifest["metadata"]["labels"][SERVICE_LABEL])
        if int(manifest["metadata"].get("resourceVersion") or 0) < self._versions.get(owner, 0):
            return
        self._owners[key] = owner
        replicas = int(manifest["spec"].get("replicas", 1))
        first = owner not in self._deployments
        self._deployments[owner] = (key[1], replicas)
        function = self._functions.get(owner)
        if function is not None and first:
            function.remember(replicas)
        if function is not None and owner not in self._scaling:
            function.replicas = replicas
        self._wake.set()

    def slice_changed(self, key: Key, manifest: Manifest | None) -> None:
        """Endpoints of a function's pods changed."""
        if manifest is None:
            for slices in self._slices.values():
                slices.pop(key, None)
            owners = list(self._slices)
        else:
            owner = (key[0], manifest["metadata"]["labels"][SERVICE_LABEL])
            self._slices[owner][key] = _ready_pods(manifest)
            owners = [owner]
        for owner in owners:
            function = self._functions.get(owner)
            if function is not None:
                function.set_pods(self._ready(owner))

    def _ready(self, key: Key) -> dict[str, str]:
        ready: dict[str, str] = {}
        for pods in self._slices.get(key, {}).values():
            ready |= pods
        return ready

    async def run(self) -> None:
        """Scale every function once a second, and at once when one is short of pods."""
        while not self.stopping:
            self._wake.clear()
            for key in list(self._functions):
                self._consider(key)
            try:
                async with asyncio.timeout(1.0):
                    await self._wake.wait()
            except TimeoutError:
                continue
            # Several requests that arrive together are one reason to scale, not many.
            await asyncio.sleep(0.01)

    def _consider(self, key: Key) -> None:
        function = self._functions[key]
        deployment = self._deployments.get(key)
        desired = function.desired()
        if deployment is None or key in self._scaling or desired == function.replicas:
            return
        if desired == 0:
            # From here on no request reaches the pods that are about to end.
            function.retire()
        self._scaling.add(key)
        task = asyncio.ensure_future(self._scale(key, deployment[0], desired))
        task.add_done_callback(lambda _: self._scaled(key))

    def _scaled(self, key: Key) -> None:
        self._scaling.discard(key)
        self._wake.set()

    def _settle(self, key: Key) -> None:
        """Use the old pods again that are still there.

        Where a request comes in the moment after a function was put to sleep, Kubernetes may never
        see that it was, and the pod lives on.
        """
        function = self._functions.get(key)
        if function is not None and function.replicas:
            function.unretire(self._ready(key))

    async def _scale(self, key: Key, deployment: str, replicas: int) -> None:
        function = self._functions[key]
        before = function.replicas
        function.replicas = replicas
        try:
            scaled = await asyncio.to_thread(
                self._client.patch,
                "apps/v1",
                "Deployment",
                deployment,
                {"spec": {"replicas": replicas}},
                key[0],
                subresource="scale",
            )
        except ApiError as error:
            logger.warning("%s/%s: cannot scale to %d: %s", *key, replicas, error)
            function.replicas = before
            function.unretire(self._ready(key))
            await asyncio.sleep(0.5)
            return
        self._versions[key] = int(scaled["metadata"].get("resourceVersion") or 0)
        if replicas and not before:
            asyncio.get_running_loop().call_later(_SETTLED_SECONDS, self._settle, key)
        _REPLICAS.labels(*key).set(replicas)
        _SCALED.labels(*key, "up" if replicas > before else "down").inc()
        logger.info("%s/%s: from %d to %d pods", *key, before, replicas)


def _ready_pods(manifest: Manifest) -> dict[str, str]:
    ports = manifest.get("ports") or []
    if not ports:
        return {}
    port = ports[0]["port"]
    ready = {}
    for endpoint in manifest.get("endpoints") or []:
        conditions = endpoint.get("conditions") or {}
        if conditions.get("ready") and not conditions.get("terminating"):
            uid = (endpoint.get("targetRef") or {}).get("uid") or endpoint["addresses"][0]
            ready[uid] = f"{endpoint['addresses'][0]}:{port}"
    return ready
