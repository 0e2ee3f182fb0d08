"""A thin synchronous client: any kind, server-side apply, one pooled connection.

It is made of the official package's configuration (kubeconfig, in-cluster token and its renewal)
and plain REST paths, because the dynamic client's discovery costs seconds at every start and a
writable disk cache. Every function is safe to call from several threads.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import quote

from kubernetes import client as official

from lab_ground.kubernetes.errors import NotFoundError, UnavailableError, UnknownKindError
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import owner_reference
from lab_ground.kubernetes.ownership import refuse_foreign
from lab_ground.kubernetes.transport import Transport, load_configuration

DEFAULT_FIELD_MANAGER = "lab-platform"


class KubernetesClient(Transport):
    """Reads and writes any kind by its ``apiVersion`` and ``kind``."""

    def __init__(self, configuration: official.Configuration | None = None) -> None:
        super().__init__(configuration)
        self._resources: dict[tuple[str, str], tuple[str, bool]] = {}
        self._lock = threading.Lock()

    def acting_as(self, token: str) -> KubernetesClient:
        """Return a client of the same cluster that comes with another token, and nothing else."""
        configuration = copy.copy(self._configuration)
        configuration.cert_file = configuration.key_file = None
        configuration.username = configuration.password = None
        configuration.refresh_api_key_hook = None
        configuration.api_key = {"authorization": f"Bearer {token}"}
        configuration.api_key_prefix = {}
        return KubernetesClient(configuration)

    # -- paths -----------------------------------------------------------------------------

    def _resource(self, api_version: str, kind: str) -> tuple[str, bool]:
        """Return the plural of a kind and whether it is namespaced, from the API server."""
        key = (api_version, kind)
        with self._lock:
            known = self._resources.get(key)
        if known is not None:
            return known
        try:
            served = self.request("GET", self._root(api_version))
        except NotFoundError as error:
            told = f"the server has no {api_version}"
            raise UnknownKindError(404, "NotFound", told) from error
        for resource in served.get("resources", []):
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
            told = f"the server has no {kind} in {api_version}"
            raise UnknownKindError(404, "NotFound", told)
        return known

    def is_namespaced(self, api_version: str, kind: str) -> bool:
        """Say whether objects of a kind live in namespaces."""
        return self._resource(api_version, kind)[1]

    def versions_of(self, kind: str, group: str | None = None) -> list[str]:
        """Return the versions that have a kind: Kubernetes' own first, then each group's preferred.

        ``group`` names the only one to look in, an empty one Kubernetes' core.
        """
        versions = [] if group else ["v1"]
        for found in self.request("GET", "/apis").get("groups", []) if group != "" else []:
            if group in (None, found["name"]):
                preferred = found["preferredVersion"]["groupVersion"]
                every = [version["groupVersion"] for version in found["versions"]]
                versions += [preferred, *(version for version in every if version != preferred)]
        return [version for version in versions if self._has(version, kind)]

    def _has(self, api_version: str, kind: str) -> bool:
        try:
            self._resource(api_version, kind)
        except (UnknownKindError, UnavailableError):
            # An aggregated API may be away, which is no reason to find nothing else.
            return False
        return True

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

    def token(self, account: str, namespace: str, seconds: int) -> str | None:
        """Return a token of a service account that ends after ``seconds`` (600 at the least).

        None where there is no such account.
        """
        path = self.path("v1", "ServiceAccount", namespace, account, "token")
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        try:
            return str(self.request("POST", path, body=body)["status"]["token"])
        except NotFoundError:
            return None

    # -- writing ---------------------------------------------------------------------------

    def apply(
        self,
        manifest: Mapping[str, Any],
        owner: Mapping[str, Any] | None = None,
        field_manager: str = DEFAULT_FIELD_MANAGER,
    ) -> Manifest:
        """Apply a manifest server-side; ``owner`` becomes its controlling owner reference.

        Fields that others wrote into our object are taken back; an object that is somebody
        else's is not touched.

        Raises:
            ForeignObjectError: there is an object of this name that belongs to another.
            ConflictError: the object was replaced by another in between.
        """
        body = copy.deepcopy(dict(manifest))
        metadata = body["metadata"]
        key = body["apiVersion"], body["kind"], metadata["name"], metadata.get("namespace")
        present = self.get(*key)
        if present is not None:
            refuse_foreign(present, owner, field_manager)
            # The one that was looked at, and no other of its name.
            metadata["uid"] = present["metadata"]["uid"]
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
        grace_seconds: int | None = None,
        preconditions: Mapping[str, str] | None = None,
    ) -> bool:
        """Delete an object; return whether there was one. A pod has a grace of its own.

        ``preconditions`` has the uid or resourceVersion that the object must still have; raise
        ConflictError where it has another.
        """
        body: Manifest = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": propagation,
        }
        if grace_seconds is not None:
            body["gracePeriodSeconds"] = grace_seconds
        if preconditions:
            body["preconditions"] = dict(preconditions)
        try:
            self.request("DELETE", self.path(api_version, kind, namespace, name), body=body)
        except NotFoundError:
            return False
        return True


def open_client(kubeconfig: str = "") -> KubernetesClient:
    """Return a client for a kubeconfig's path, or for the environment's.

    Raises:
        kubernetes.config.ConfigException: there is no usable kubeconfig.
    """
    return KubernetesClient(load_configuration(kubeconfig))


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
