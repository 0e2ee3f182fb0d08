"""One learner's look at their seat: each thing is read at most once, with their own token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from dashboard import kinds
from dashboard.errors import RefusalError, not_found
from dashboard.guide.addresses import workbench_of
from dashboard.guide.doors import Answer, Doors
from dashboard.kinds import Kind
from dashboard.learner import Learner
from dashboard.pipelines_api import PipelinesApi, ProjectPipelines
from lab_ground.connections import DataConnectionError, decode_secret, read_secret
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.s3 import Bucket, StoreError
from lab_steps.pipelines import MODEL, SIDECAR
from lab_steps.serving import EMPTY_REQUEST

CONNECTIONS = ("aws-connection-s3-creds", "s3-creds")
TOKEN_SECRET = "model-mesh"  # noqa: S105 - a Secret's name
MODEL_NAME = "mnist"
PAGE = "mnist-webapp"
FUNCTION = "mnist-function"
NEWEST = 20

Found = TypeVar("Found")


class Look:
    """What there is in a seat, as one learner may see it."""

    def __init__(
        self, learner: Learner, namespace: str, pipelines: PipelinesApi, doors: Doors
    ) -> None:
        self.learner = learner
        self.namespace = namespace
        self._pipelines = pipelines
        self._doors = doors
        self._known: dict[object, asyncio.Task[Any]] = {}

    async def _once(self, key: object, work: Callable[[], Awaitable[Found]]) -> Found:
        """Do something once, also for checks that run side by side."""
        if key not in self._known:
            self._known[key] = asyncio.ensure_future(work())
        return await asyncio.shield(self._known[key])

    async def listed(self, kind: Kind) -> list[Manifest]:
        """All objects of a kind in the seat."""

        async def ask() -> list[Manifest]:
            return (await self.learner.acting.list_objects(kind, self.namespace))[0]

        return await self._once(kind, ask)

    async def find(self, kind: Kind, name: str) -> Manifest | None:
        """One object, or None."""
        found = await self.listed(kind)
        return next((item for item in found if item["metadata"]["name"] == name), None)

    async def project(self) -> Manifest:
        """The seat's namespace."""
        return await self.learner.project(self.namespace)

    async def workbench(self) -> Manifest | None:
        """The workbench that the guide means."""
        return workbench_of(await self.listed(kinds.NOTEBOOK))

    async def connection(self) -> Manifest | None:
        """The Secret of the data connection s3-creds."""
        for name in CONNECTIONS:
            found = await self.find(kinds.SECRET, name)
            if found is not None:
                return found
        return None

    async def connection_values(self) -> Mapping[str, str]:
        """Its values; none where it is not there."""
        secret = await self.connection()
        return decode_secret(secret)[0] if secret else {}

    async def stored(self, work: Callable[[Bucket], Found]) -> Found:
        """What a piece of work finds in the data connection's bucket.

        Raises:
            RefusalError: there is no connection, or its store refuses it.
        """
        secret = await self.connection()
        if secret is None:
            raise not_found("data connection s3-creds", self.namespace)

        def open_and_work() -> Found:
            connection = read_secret(secret)
            bucket = Bucket(
                connection, connect_timeout=3, read_timeout=8, attempts=1, connections=2
            )
            try:
                return work(bucket)
            finally:
                bucket.client.close()

        try:
            return await asyncio.to_thread(open_and_work)
        except (StoreError, DataConnectionError) as error:
            told = f"{str(error)[:1].upper()}{str(error)[1:]}."
            raise RefusalError(422, "Invalid", told) from error

    async def keys(self) -> list[str]:
        """All keys of the bucket."""
        return await self._once("keys", lambda: self.stored(lambda bucket: bucket.keys()))

    async def sidecar(self) -> Mapping[str, Any]:
        """What stands beside the stored model.

        Raises:
            RefusalError: it is not there, or no JSON.
        """

        async def read() -> Mapping[str, Any]:
            if SIDECAR not in await self.keys():
                told = f"There is no {SIDECAR} in the bucket: no model was stored yet."
                raise RefusalError(404, "NotFound", told)
            text = await self.stored(lambda bucket: bucket.read(SIDECAR))
            try:
                return dict(json.loads(text))
            except ValueError as error:
                raise RefusalError(422, "Invalid", f"{SIDECAR} is no JSON.") from error

        return await self._once("sidecar", read)

    async def model_file(self) -> bytes:
        """The stored model."""
        return await self.stored(lambda bucket: bucket.read(MODEL))

    async def application(self) -> Manifest:
        """The project's pipeline server.

        Raises:
            RefusalError: there is none.
        """
        found = await self.listed(kinds.PIPELINES)
        if not found:
            raise not_found("pipeline server", self.namespace)
        return found[0]

    async def pipelines(self) -> ProjectPipelines:
        """Its API."""
        name = (await self.application())["metadata"]["name"]
        return self._pipelines.of(self.namespace, name, self.learner.token)

    async def runs(self) -> list[dict[str, Any]]:
        """The newest runs."""

        async def ask() -> list[dict[str, Any]]:
            query = {"page_size": str(NEWEST), "sort_by": "created_at desc"}
            return (await (await self.pipelines()).ask("GET", "/runs", query=query)).get(
                "runs"
            ) or []

        return await self._once("runs", ask)

    async def run(self, wanted: str = "") -> dict[str, Any]:
        """The newest run, of a state where one is wanted, with its steps.

        Raises:
            RefusalError: there is none.
        """
        for run in await self.runs():
            if wanted in ("", run.get("state")):
                return await (await self.pipelines()).ask("GET", f"/runs/{run['run_id']}")
        raise RefusalError(404, "NotFound", "There is no such run yet.")

    async def model(self) -> Manifest:
        """The served model: ``mnist``, else the first.

        Raises:
            RefusalError: there is none.
        """
        found = await self.listed(kinds.MODEL)
        if not found:
            raise not_found("deployed model", self.namespace)
        named = {model["metadata"]["name"]: model for model in found}
        return named.get(MODEL_NAME) or found[0]

    async def model_token(self) -> str:
        """The token of the service account ``model-mesh``.

        Raises:
            RefusalError: its Secret is not there, or has no token yet.
        """
        secret = await self.find(kinds.SECRET, TOKEN_SECRET)
        token = decode_secret(secret)[0].get("token", "") if secret else ""
        if not token:
            told = f"There is no Secret {TOKEN_SECRET} with the model's token."
            raise RefusalError(404, "NotFound", told)
        return token

    async def ask_model(self, *, token: str = "", infer: bool = False) -> Answer:
        """The model's metadata, or its answer to a picture of nothing."""
        model = await self.model()
        base = address_of(model)
        if not base:
            raise RefusalError(404, "NotFound", "The model has no address yet.")
        url = f"{base}/v2/models/{model['metadata']['name']}"
        if infer:
            return await self._doors.ask("POST", f"{url}/infer", token=token, body=EMPTY_REQUEST)
        return await self._doors.ask("GET", url, token=token)

    async def page(self, method: str = "GET", path: str = "/", body: Any = None) -> Answer:
        """What the page answers, at its Service."""
        url = f"http://{PAGE}.{self.namespace}.svc:8080{path}"
        return await self._doors.ask(method, url, body=body)


def address_of(model: Mapping[str, Any]) -> str:
    """Where a model is reached inside the cluster, as its status says."""
    status = model.get("status") or {}
    components = (status.get("components") or {}).get("predictor") or {}
    address = (status.get("address") or {}).get("url") or ""
    for url in (components.get("restUrl"), address, status.get("url")):
        if url and str(url).startswith(("http://", "https://")):
            return str(url).rstrip("/")
    return ""
