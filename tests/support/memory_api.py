"""Kubernetes' REST API in front of a `MemoryCluster`: rights by token, dry runs, watches."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import copy
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from memory_cluster import MemoryCluster, merge
from ports import free_port

from dashboard import kinds
from dashboard.kinds import Kind
from lab_ground.kubernetes.errors import ApiError

ADMIN_ONLY = {"rolebindings", "roles"}


@dataclass
class Account:
    """Who a token is: admin, edit or view by namespace; ``cluster``: everything."""

    user: str
    roles: dict[str, str] = field(default_factory=dict)
    cluster: bool = False
    lists: frozenset[str] = frozenset()

    def may(self, verb: str, plural: str, namespace: str) -> bool:
        """Whether RBAC would let it."""
        reads = verb in ("get", "list", "watch")
        if self.cluster or plural == "selfsubjectaccessreviews":
            return True
        if plural in self.lists and verb == "list":
            return True
        role = self.roles.get(namespace, "")
        if plural == "namespaces":
            return bool(role) and verb == "get" and bool(namespace)
        if role == "view":
            return reads and plural not in ("secrets", "notebooks")
        if role == "edit":
            return plural not in ADMIN_ONLY
        return role == "admin"


class MemoryApi:
    """The server's state: objects, accounts, and what it was asked."""

    def __init__(self, cluster: MemoryCluster) -> None:
        self.cluster = cluster
        self.accounts: dict[str, Account] = {}
        self.asked: list[tuple[str, str, str, bool]] = []
        self.away = False
        # What is refused once, by (method, plural): a failure in the middle of a sequence.
        self.broken: dict[tuple[str, str], ApiError] = {}
        # What other paths answer to whoever has rights everywhere: services behind the proxy.
        self.raw: dict[str, Any] = {}
        self._listed: dict[str, dict[str, str]] = {}

    def application(self) -> FastAPI:
        """The server."""
        app = FastAPI()

        @app.api_route("/{path:path}", methods=["GET", "POST", "PATCH", "DELETE"])
        async def everything(path: str, request: Request) -> Any:
            try:
                return await self._answer(f"/{path}", request)
            except ApiError as error:
                return refusal(error.status, error.reason, error.message)

        return app

    async def _answer(self, path: str, request: Request) -> Any:
        if self.away:
            raise ApiError(503, "ServiceUnavailable", "away")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        account = self.accounts.get(token)
        if account is None:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        if path.endswith("/selfsubjectaccessreviews"):
            return self._review(account, await request.json())
        if path.endswith("/selfsubjectreviews"):
            user = {"username": account.user, "groups": ["system:authenticated"]}
            return JSONResponse({"status": {"userInfo": user}}, 201)
        looks = request.method == "GET" and not request.query_params.get("watch")
        if looks and account.cluster and path in self.raw:
            found = self.raw[path]
            return PlainTextResponse(found) if isinstance(found, str) else JSONResponse(found)
        kind, namespace, name, sub = parsed(path)
        verb = verb_of(request, name)
        dry = request.query_params.get("dryRun") == "All"
        self.asked.append((token, verb, kind.plural, dry))
        if not account.may(verb, kind.plural, namespace or (name if not kind.namespaced else "")):
            raise ApiError(
                403,
                "Forbidden",
                f'{kind.plural} is forbidden: User "{account.user}" cannot {verb} resource '
                f'"{kind.plural}" in API group "{kind.group}" in the namespace "{namespace}"',
            )
        if not dry and (verb, kind.plural) in self.broken:
            raise self.broken.pop((verb, kind.plural))
        if sub == "log":
            return PlainTextResponse("")
        if verb == "watch":
            stream = self._watch(kind, namespace, request.query_params["resourceVersion"])
            return StreamingResponse(stream, media_type="application/json")
        return await self._do(verb, kind, namespace, name, request, dry)

    async def _do(
        self, verb: str, kind: Kind, namespace: str, name: str, request: Request, dry: bool
    ) -> Any:
        if verb == "list":
            return self._list(kind, namespace)
        if verb == "get":
            found = self.cluster.get(kind.api_version, kind.kind, name, namespace)
            if found is None:
                raise ApiError(404, "NotFound", f'{kind.plural} "{name}" not found')
            return JSONResponse(found)
        body = json.loads(await request.body() or b"{}")
        before = copy.deepcopy(self.cluster.objects)
        writes = list(self.cluster.writes)
        try:
            answer = self._write(verb, kind, namespace, name, body)
        finally:
            if dry:
                self.cluster.objects, self.cluster.writes = before, writes
        return JSONResponse(answer, 201 if verb == "create" else 200)

    def _write(self, verb: str, kind: Kind, namespace: str, name: str, body: Any) -> Any:
        if verb == "create":
            body["metadata"].setdefault("namespace", namespace) if kind.namespaced else None
            key = (kind.kind, namespace, body["metadata"]["name"])
            if key in self.cluster.objects:
                told = f'{kind.plural} "{key[2]}" already exists'
                raise ApiError(409, "AlreadyExists", told)
            return self.cluster.create(body)
        key = (kind.kind, namespace, name)
        found = self.cluster.objects.get(key)
        if found is None:
            raise ApiError(404, "NotFound", f'{kind.plural} "{name}" not found')
        if verb == "delete":
            wanted = (body.get("preconditions") or {}).get("uid")
            if wanted and wanted != found["metadata"]["uid"]:
                raise ApiError(409, "Conflict", "another uid")
            self.cluster.delete(kind.api_version, kind.kind, name, namespace)
            return {}
        version = (body.get("metadata") or {}).get("resourceVersion")
        if version and version != found["metadata"]["resourceVersion"]:
            raise ApiError(409, "Conflict", "the object has been modified")
        for key_, value in (body.pop("stringData", None) or {}).items():
            body.setdefault("data", {})[key_] = base64.b64encode(value.encode()).decode()
        self.cluster.patch(kind.api_version, kind.kind, name, body, namespace)
        changed = self.cluster.objects[key]
        merge(changed, {"metadata": {"resourceVersion": str(next(self.cluster._numbers))}})
        return copy.deepcopy(changed)

    def _list(self, kind: Kind, namespace: str) -> Any:
        items = self.cluster.list_objects(kind.api_version, kind.kind, namespace or None)
        version = str(next(self.cluster._numbers))
        self._listed[version] = {i["metadata"]["name"]: json.dumps(i) for i in items}
        bare = [{k: v for k, v in i.items() if k not in ("apiVersion", "kind")} for i in items]
        return JSONResponse({"metadata": {"resourceVersion": version}, "items": bare})

    async def _watch(self, kind: Kind, namespace: str, version: str) -> AsyncIterator[str]:
        known = dict(self._listed.get(version, {}))
        while not self.away:
            items = self.cluster.list_objects(kind.api_version, kind.kind, namespace or None)
            present = {i["metadata"]["name"]: json.dumps(i) for i in items}
            for name, text in present.items():
                if known.get(name) != text:
                    what = "MODIFIED" if name in known else "ADDED"
                    yield json.dumps({"type": what, "object": json.loads(text)}) + "\n"
            for name in known.keys() - present.keys():
                yield json.dumps({"type": "DELETED", "object": json.loads(known[name])}) + "\n"
            known = present
            await asyncio.sleep(0.05)

    def _review(self, account: Account, body: Any) -> Any:
        asked = body["spec"]["resourceAttributes"]
        plural, namespace = asked["resource"], asked.get("namespace", "")
        allowed = account.may(asked["verb"], plural, namespace)
        return JSONResponse({"status": {"allowed": allowed}}, 201)


def parsed(path: str) -> tuple[Kind, str, str, str]:
    """Kind, namespace, name and subresource of a path."""
    for kind in kinds.ALL:
        root = kind.path()[: -len(kind.plural)]
        if not path.startswith(root):
            continue
        rest = path.removeprefix(root).split("/")
        namespace = ""
        if kind.namespaced and rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        if rest[0] == kind.plural and (kind.namespaced or len(rest) < 3):
            name = rest[1] if len(rest) > 1 else ""
            return kind, namespace, name, rest[2] if len(rest) > 2 else ""
    raise ApiError(404, "NotFound", f"the server has no {path}")


def verb_of(request: Request, name: str) -> str:
    """RBAC's verb of a request."""
    if request.method == "GET":
        if request.query_params.get("watch"):
            return "watch"
        return "get" if name else "list"
    return {"POST": "create", "PATCH": "patch", "DELETE": "delete"}[request.method]


def refusal(status: int, reason: str, message: str) -> JSONResponse:
    """A Status of the API."""
    return JSONResponse({"kind": "Status", "reason": reason, "message": message}, status)


@contextlib.contextmanager
def serving(application: Any) -> Iterator[str]:
    """Serve an application on a port of its own; give its address."""
    port = free_port()
    config = uvicorn.Config(
        application,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=1,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    limit = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the server has ended"
        assert time.monotonic() < limit, "the server does not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
