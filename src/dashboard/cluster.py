"""The Kubernetes API, asked with whosever token is given: one pool of connections for all."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from class_board.asking import AskError
from dashboard import errors
from dashboard.errors import RefusalError, Right
from dashboard.kinds import Kind, kind_of
from lab_ground.kubernetes.manifest import Manifest

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TIMEOUT = httpx.Timeout(10.0, connect=3.0)
WATCH_SECONDS = 240
MERGE = "application/merge-patch+json"


class Cluster:
    """Where the API server is. Every request says as whom it is made."""

    def __init__(
        self,
        address: str,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        def client(connections: int | None) -> httpx.AsyncClient:
            limits = httpx.Limits(max_connections=connections, max_keepalive_connections=32)
            return httpx.AsyncClient(
                base_url=address,
                verify=verify,
                transport=transport,
                limits=limits,
                timeout=_TIMEOUT,
                trust_env=False,
            )

        self._client = client(64)
        # Watches last for minutes: they do not take the place of questions.
        self._watches = client(None)

    @classmethod
    def inside(cls, environment: Mapping[str, str], account: Path = _ACCOUNT) -> Cluster:
        """The API server of the cluster that this pod is in."""
        host = environment["KUBERNETES_SERVICE_HOST"]
        port = environment.get("KUBERNETES_SERVICE_PORT", "443")
        host = f"[{host}]" if ":" in host else host
        context = ssl.create_default_context(cafile=str(account / "ca.crt"))
        return cls(f"https://{host}:{port}", context)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()
        await self._watches.aclose()

    def acting(self, token: str) -> Acting:
        """Whoever has this token."""
        return Acting(self._client, self._watches, token)


class Acting:
    """The API as one account; every refusal becomes the dashboard's own."""

    def __init__(self, client: httpx.AsyncClient, watches: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._watches = watches
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": "lab-dashboard"}

    async def _send(
        self,
        method: str,
        path: str,
        right: Right,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> httpx.Response:
        headers = {**self._headers, "Accept": accept}
        content = None
        if body is not None:
            headers["Content-Type"] = content_type
            content = json.dumps(body).encode()
        try:
            response = await self._client.request(
                method, path, params=dict(query or {}), content=content, headers=headers
            )
        except httpx.HTTPError as error:
            raise errors.unavailable(type(error).__name__) from error
        if response.status_code >= 400:
            raise errors.from_api(response.status_code, _body(response.content), right)
        return response

    async def list_objects(
        self, kind: Kind, namespace: str = "", *, labels: str = ""
    ) -> tuple[list[Manifest], str]:
        """The objects of a kind, with their kind filled in, and the version to watch from."""
        query: dict[str, str] = {"labelSelector": labels} if labels else {}
        response = await self._send(
            "GET", kind.path(namespace), kind.right("list", namespace), query=query
        )
        answer = response.json()
        items = [
            {"apiVersion": kind.api_version, "kind": kind.kind, **item}
            for item in answer.get("items") or []
        ]
        return items, str((answer.get("metadata") or {}).get("resourceVersion") or "")

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Manifest:
        """One object; a RefusalError of 404 where there is none."""
        right = kind.right("get", namespace, name)
        response = await self._send("GET", kind.path(namespace, name), right)
        return dict(response.json())

    async def find(self, kind: Kind, name: str, namespace: str = "") -> Manifest | None:
        """One object, or None."""
        try:
            return await self.get(kind, name, namespace)
        except RefusalError as refusal:
            if refusal.status == 404:
                return None
            raise

    async def ask(
        self, path: str, query: Mapping[str, str] | None = None, *, text: bool = False
    ) -> Any:
        """GET of any path, as the class's board asks.

        Raises:
            AskError: it was refused, or nobody answers.
        """
        right = Right("get", "", path.split("?")[0])
        try:
            response = await self._send("GET", path, right, query=query, accept="*/*")
            return response.text if text else response.json()
        except RefusalError as refusal:
            raise AskError(refusal.status, refusal.message) from refusal
        except ValueError as error:
            raise AskError(502, f"{path} answered no JSON") from error

    async def log(self, namespace: str, pod: str, container: str, *, lines: int) -> str:
        """The last lines that a container wrote."""
        right = Right("get", "", "pods/log", pod, namespace)
        path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/log"
        query = {"container": container, "tailLines": str(lines)}
        return (await self._send("GET", path, right, query=query, accept="*/*")).text

    async def create(self, manifest: Manifest, *, dry: bool = False) -> Manifest:
        """Make an object; a RefusalError of 409 where there is one of its name."""
        kind = kind_of(manifest["apiVersion"], manifest["kind"])
        namespace = manifest["metadata"].get("namespace") or ""
        right = kind.right("create", namespace)
        response = await self._send(
            "POST", kind.path(namespace), right, query=_dry(dry), body=manifest
        )
        return dict(response.json())

    async def patch(
        self,
        kind: Kind,
        name: str,
        namespace: str,
        patch: Mapping[str, Any],
        *,
        dry: bool = False,
    ) -> Manifest:
        """Merge a patch into an object."""
        right = kind.right("patch", namespace, name)
        response = await self._send(
            "PATCH",
            kind.path(namespace, name),
            right,
            query=_dry(dry),
            body=patch,
            content_type=MERGE,
        )
        return dict(response.json())

    async def delete(
        self, kind: Kind, name: str, namespace: str = "", *, uid: str = "", dry: bool = False
    ) -> bool:
        """Delete an object, with a ``uid`` only that one; whether there was one."""
        body: Manifest = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Background",
        }
        if uid:
            body["preconditions"] = {"uid": uid}
        right = kind.right("delete", namespace, name)
        try:
            await self._send(
                "DELETE", kind.path(namespace, name), right, query=_dry(dry), body=body
            )
        except RefusalError as refusal:
            if refusal.status == 404:
                return False
            raise
        return True

    async def may(self, right: Right) -> bool:
        """Whether this account may do something."""
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {k: v for k, v in right.as_dict().items() if v}},
        }
        own = Right("create", "authorization.k8s.io", "selfsubjectaccessreviews")
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = (await self._send("POST", path, own, body=body)).json()
        return bool((answer.get("status") or {}).get("allowed"))

    async def identity(self) -> frozenset[str]:
        """Who this account is, as the subjects of bindings name it: ``User:ann``, ``Group:…``."""
        own = Right("create", "authentication.k8s.io", "selfsubjectreviews")
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = (await self._send("POST", path, own, body=body)).json()
        user = (answer.get("status") or {}).get("userInfo") or {}
        name = str(user.get("username") or "")
        known = {f"User:{name}", *(f"Group:{group}" for group in user.get("groups") or ())}
        if name.startswith("system:serviceaccount:"):
            known.add(f"ServiceAccount:{name.removeprefix('system:serviceaccount:')}")
        return frozenset(known)

    async def watch(
        self, kind: Kind, namespace: str, version: str
    ) -> AsyncIterator[tuple[str, Manifest]]:
        """Give (type, object) of each change until the server ends the watch.

        Raises:
            RefusalError: it is not allowed, or the version is too old (status 410).
        """
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        timeout = httpx.Timeout(WATCH_SECONDS + 15.0, connect=3.0)
        right = kind.right("watch", namespace)
        try:
            async with self._watches.stream(
                "GET", kind.path(namespace), params=query, headers=self._headers, timeout=timeout
            ) as response:
                if response.status_code >= 400:
                    content = await response.aread()
                    raise errors.from_api(response.status_code, _body(content), right)
                async for line in response.aiter_lines():
                    if not line.strip():
                        continue
                    event = json.loads(line)
                    thing = event.get("object") or {}
                    if event.get("type") == "ERROR":
                        code = int(thing.get("code") or 500)
                        raise RefusalError(
                            code, "Watch", str(thing.get("message") or "watch ended")
                        )
                    thing = {"apiVersion": kind.api_version, "kind": kind.kind, **thing}
                    yield str(event.get("type")), thing
        except httpx.HTTPError as error:
            raise errors.unavailable(type(error).__name__) from error


def _dry(dry: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry else {}


def _body(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {"message": content.decode("utf-8", "replace")[:300]}
    return body if isinstance(body, dict) else {"message": str(body)[:300]}
