"""A thin synchronous client: any kind, server-side apply, one pooled connection.

It is made of the official package's configuration (kubeconfig, in-cluster token and its renewal)
and plain REST paths, because the dynamic client's discovery costs seconds at every start and a
writable disk cache. Every function is safe to call from several threads.
"""

from __future__ import annotations

import copy
import json
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import quote, urlencode

import urllib3
from kubernetes import client as official
from kubernetes import config as official_config

from lab_platform.kubernetes.metadata import owner_reference

Manifest = dict[str, Any]

DEFAULT_FIELD_MANAGER = "lab-platform"
_TIMEOUT = urllib3.Timeout(connect=5.0, read=30.0)
# Only what never reached the server is sent again: a write must not happen twice.
_RETRIES = urllib3.Retry(total=None, connect=2, read=0, redirect=0, status=0, other=0)


class ApiError(Exception):
    """The API server refused a request; ``status`` and ``reason`` are its own."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class NotFoundError(ApiError):
    """The object, or the kind, does not exist."""


class ConflictError(ApiError):
    """The object exists already, or was changed by somebody else in between."""


class InvalidError(ApiError):
    """The API server found the object invalid."""


def _error_from(status: int, data: bytes) -> ApiError:
    try:
        body = json.loads(data)
    except ValueError:
        body = {}
    reason = str(body.get("reason") or "")
    message = str(body.get("message") or data.decode("utf-8", "replace")[:500])
    kinds = {404: NotFoundError, 409: ConflictError, 422: InvalidError}
    return kinds.get(status, ApiError)(status, reason, message)


class KubernetesClient:
    """Reads and writes any kind by its ``apiVersion`` and ``kind``."""

    def __init__(self, configuration: official.Configuration | None = None) -> None:
        self._configuration = configuration or load_configuration()
        self._pool = official.ApiClient(self._configuration).rest_client.pool_manager
        self._resources: dict[tuple[str, str], tuple[str, bool]] = {}
        self._lock = threading.Lock()

    # -- transport -------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        """Send one request and return the decoded JSON (or the text, for ``accept`` text)."""
        headers = {"Accept": accept, "User-Agent": "lab-platform"}
        for setting in self._configuration.auth_settings().values():
            headers[setting["key"]] = setting["value"]
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            response = self._pool.request(
                method,
                self._configuration.host + path + (f"?{urlencode(query)}" if query else ""),
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=_TIMEOUT,
                retries=_RETRIES,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, "Unreachable", str(error)) from error
        if response.status >= 400:
            raise _error_from(response.status, response.data)
        if accept.startswith("text/"):
            return response.data.decode("utf-8", "replace")
        return json.loads(response.data) if response.data else {}

    def _resource(self, api_version: str, kind: str) -> tuple[str, bool]:
        """Return the plural of a kind and whether it is namespaced, from the API server."""
        key = (api_version, kind)
        with self._lock:
            known = self._resources.get(key)
        if known is not None:
            return known
        for resource in self.request("GET", self._root(api_version)).get("resources", []):
            if "/" in resource["name"]:
                continue
            with self._lock:
                self._resources[(api_version, resource["kind"])] = (
                    resource["name"],
                    bool(resource["namespaced"]),
                )
        with self._lock:
            known = self._resources.get(key)
        if known is None:
            raise NotFoundError(404, "NotFound", f"the server has no {kind} in {api_version}")
        return known

    @staticmethod
    def _root(api_version: str) -> str:
        return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"

    def path(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        name: str | None = None,
        subresource: str | None = None,
    ) -> str:
        """Return the REST path of a kind, an object or a subresource of it."""
        plural, namespaced = self._resource(api_version, kind)
        path = self._root(api_version)
        if namespaced and namespace:
            path += f"/namespaces/{quote(namespace)}"
        path += f"/{plural}"
        if name:
            path += f"/{quote(name)}"
        if subresource:
            path += f"/{subresource}"
        return path

    # -- reading ---------------------------------------------------------------------------

    def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> Manifest | None:
        """Return an object, or None if there is none of that name."""
        try:
            path = self.path(api_version, kind, namespace, name)
            return cast(Manifest, self.request("GET", path))
        except NotFoundError:
            return None

    def list_objects(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> list[Manifest]:
        """Return the objects of a kind, in one namespace or in all, with their kind filled in."""
        query = {}
        if label_selector:
            query["labelSelector"] = label_selector
        if field_selector:
            query["fieldSelector"] = field_selector
        path = self.path(api_version, kind, namespace)
        return list(self._pages(path, query, api_version, kind))

    def _pages(
        self, path: str, query: dict[str, str], api_version: str, kind: str
    ) -> Iterator[Manifest]:
        query = {**query, "limit": "500"}
        while True:
            page = self.request("GET", path, query=query)
            for item in page.get("items", []):
                yield {"apiVersion": api_version, "kind": kind, **item}
            token = page.get("metadata", {}).get("continue")
            if not token:
                return
            query["continue"] = token

    def read_log(self, pod: str, namespace: str, *, container: str, tail_lines: int = 50) -> str:
        """Return the last lines that a container wrote."""
        path = self.path("v1", "Pod", namespace, pod, "log")
        query = {"container": container, "tailLines": str(tail_lines)}
        return cast(str, self.request("GET", path, query=query, accept="text/plain, */*"))

    def watch(
        self, path: str, query: Mapping[str, str], *, seconds: int = 240
    ) -> Iterator[Manifest]:
        """Give the events of a watch until the server ends it; raise ApiError if it is refused."""
        headers = {"Accept": "application/json", "User-Agent": "lab-platform"}
        for setting in self._configuration.auth_settings().values():
            headers[setting["key"]] = setting["value"]
        words = {**query, "watch": "true", "timeoutSeconds": str(seconds)}
        try:
            response = self._pool.request(
                "GET",
                f"{self._configuration.host}{path}?{urlencode(words)}",
                headers=headers,
                timeout=urllib3.Timeout(connect=5.0, read=seconds + 15.0),
                retries=_RETRIES,
                preload_content=False,
            )
            try:
                if response.status >= 400:
                    raise _error_from(response.status, response.read())
                yield from _lines(response)
            finally:
                response.close()
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, "Unreachable", str(error)) from error

    # -- writing ---------------------------------------------------------------------------

    def apply(
        self,
        manifest: Mapping[str, Any],
        owner: Mapping[str, Any] | None = None,
        field_manager: str = DEFAULT_FIELD_MANAGER,
    ) -> Manifest:
        """Apply a manifest server-side; ``owner`` becomes its controlling owner reference."""
        body = copy.deepcopy(dict(manifest))
        metadata = body["metadata"]
        if owner is not None:
            metadata["ownerReferences"] = [owner_reference(owner)]
        path = self.path(
            body["apiVersion"], body["kind"], metadata.get("namespace"), metadata["name"]
        )
        return cast(
            Manifest,
            self.request(
                "PATCH",
                path,
                query={"fieldManager": field_manager, "force": "true"},
                body=body,
                content_type="application/apply-patch+yaml",
            ),
        )

    def create(self, manifest: Mapping[str, Any], namespace: str | None = None) -> Manifest:
        """Create an object; raise ConflictError if it exists."""
        namespace = namespace or manifest["metadata"].get("namespace")
        path = self.path(manifest["apiVersion"], manifest["kind"], namespace)
        return cast(Manifest, self.request("POST", path, body=dict(manifest)))

    def replace(self, manifest: Mapping[str, Any]) -> Manifest:
        """Replace an object; raise ConflictError if its resourceVersion is not the latest."""
        metadata = manifest["metadata"]
        path = self.path(
            manifest["apiVersion"], manifest["kind"], metadata.get("namespace"), metadata["name"]
        )
        return cast(Manifest, self.request("PUT", path, body=dict(manifest)))

    def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        patch: Mapping[str, Any],
        namespace: str | None = None,
        *,
        subresource: str | None = None,
    ) -> Manifest:
        """Merge a patch into an object (None removes a key)."""
        return cast(
            Manifest,
            self.request(
                "PATCH",
                self.path(api_version, kind, namespace, name, subresource),
                body=dict(patch),
                content_type="application/merge-patch+json",
            ),
        )

    def patch_status(
        self, manifest: Mapping[str, Any], status: Mapping[str, Any]
    ) -> Manifest | None:
        """Merge ``status`` into an object's status; do nothing if it already says that.

        Returns the object, or None if it has gone in the meantime.
        """
        current = manifest.get("status") or {}
        if all(current.get(key) == value for key, value in status.items()):
            return dict(manifest)
        metadata = manifest["metadata"]
        try:
            return self.patch(
                manifest["apiVersion"],
                manifest["kind"],
                metadata["name"],
                {"status": dict(status)},
                metadata.get("namespace"),
                subresource="status",
            )
        except NotFoundError:
            return None

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        *,
        propagation: str = "Background",
    ) -> bool:
        """Delete an object; return whether there was one."""
        try:
            self.request(
                "DELETE",
                self.path(api_version, kind, namespace, name),
                body={
                    "kind": "DeleteOptions",
                    "apiVersion": "v1",
                    "propagationPolicy": propagation,
                },
            )
        except NotFoundError:
            return False
        return True


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[Manifest]:
    rest = b""
    for part in response.stream(amt=None):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line.strip():
                yield cast(Manifest, json.loads(line))


def load_configuration() -> official.Configuration:
    """Return the in-cluster configuration inside a pod, else the kubeconfig's."""
    configuration = official.Configuration()
    if os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG"):
        official_config.load_incluster_config(client_configuration=configuration)
    else:
        # Named, for the package looks at the variable only once, when it is imported.
        official_config.load_kube_config(
            config_file=os.environ.get("KUBECONFIG"), client_configuration=configuration
        )
    configuration.connection_pool_maxsize = 16
    return configuration


_client: KubernetesClient | None = None
_client_lock = threading.Lock()


def get_client() -> KubernetesClient:
    """Return this process's client, made at the first call."""
    global _client
    with _client_lock:
        if _client is None:
            _client = KubernetesClient()
        return _client


def set_client(client: KubernetesClient | None) -> None:
    """Use another client from now on (tests give a stand-in)."""
    global _client
    with _client_lock:
        _client = client


def apply(
    manifest: Mapping[str, Any],
    owner: Mapping[str, Any] | None = None,
    field_manager: str = DEFAULT_FIELD_MANAGER,
) -> Manifest:
    """Apply a manifest server-side; see KubernetesClient.apply."""
    return get_client().apply(manifest, owner, field_manager)


def get(api_version: str, kind: str, name: str, namespace: str | None = None) -> Manifest | None:
    """Return an object, or None if there is none of that name."""
    return get_client().get(api_version, kind, name, namespace)


def list_objects(
    api_version: str,
    kind: str,
    namespace: str | None = None,
    *,
    label_selector: str | None = None,
    field_selector: str | None = None,
) -> list[Manifest]:
    """Return the objects of a kind, in one namespace or in all."""
    return get_client().list_objects(
        api_version,
        kind,
        namespace,
        label_selector=label_selector,
        field_selector=field_selector,
    )


def delete(
    api_version: str,
    kind: str,
    name: str,
    namespace: str | None = None,
    *,
    propagation: str = "Background",
) -> bool:
    """Delete an object; return whether there was one."""
    return get_client().delete(api_version, kind, name, namespace, propagation=propagation)


def patch_status(manifest: Mapping[str, Any], status: Mapping[str, Any]) -> Manifest | None:
    """Merge ``status`` into an object's status; see KubernetesClient.patch_status."""
    return get_client().patch_status(manifest, status)
