"""A project's pipelines API, asked with the learner's token."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from dashboard import errors
from dashboard.errors import RefusalError

PREFIX = "/apis/v2beta1"
PORT = 8443
_TIMEOUT = httpx.Timeout(20.0, connect=3.0)
# The most that is shown of a list, the newest first.
MOST = 100


class PipelinesApi:
    """The servers of all projects, by their Services."""

    def __init__(
        self,
        service_ca: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
        domain: str = "svc",
    ) -> None:
        self._service_ca = service_ca
        self._transport = transport
        self._domain = domain
        self._client: httpx.AsyncClient | None = None

    def _open(self) -> httpx.AsyncClient:
        """The client, made when it is first needed: the authority's file comes after the pod."""
        if self._client is None:
            verify: ssl.SSLContext | bool = True
            if self._service_ca and self._transport is None:
                try:
                    verify = ssl.create_default_context(cafile=self._service_ca)
                except OSError as error:
                    told = "The authority of the pipeline servers' certificates is not known yet."
                    raise RefusalError(503, "Unavailable", told) from error
            self._client = httpx.AsyncClient(
                verify=verify, transport=self._transport, timeout=_TIMEOUT, trust_env=False
            )
        return self._client

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()

    def of(self, namespace: str, name: str, token: str) -> ProjectPipelines:
        """One project's server, as whoever has this token."""
        base = f"https://ds-pipeline-{name}.{namespace}.{self._domain}:{PORT}{PREFIX}"
        return ProjectPipelines(self._open(), base, token)


class ProjectPipelines:
    """Pipelines, runs and schedules of one project."""

    def __init__(self, client: httpx.AsyncClient, base: str, token: str) -> None:
        self._client = client
        self._base = base
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        files: Any = None,
    ) -> dict[str, Any]:
        """One request.

        Raises:
            RefusalError: the server refused, in its own words, or does not answer (503).
        """
        try:
            response = await self._client.request(
                method,
                f"{self._base}{path}",
                params=dict(query or {}),
                json=body,
                files=files,
                headers=self._headers,
            )
        except httpx.HTTPError as error:
            told = f"The pipeline server does not answer ({type(error).__name__})."
            raise RefusalError(503, "Unavailable", told) from error
        if response.status_code >= 400:
            raise refusal_of(response)
        return dict(response.json()) if response.content else {}

    async def pipelines(self) -> list[dict[str, Any]]:
        """Every pipeline, the newest first."""
        query = {"page_size": str(MOST), "sort_by": "created_at desc"}
        found = (await self.ask("GET", "/pipelines", query=query)).get("pipelines") or []
        return [pipeline_item(item) for item in found]

    async def versions(self, pipeline: str) -> list[dict[str, Any]]:
        """The versions of a pipeline, with the parameters that a run of each takes."""
        query = {"page_size": str(MOST), "sort_by": "created_at desc"}
        path = f"/pipelines/{quote(pipeline, safe='')}/versions"
        found = (await self.ask("GET", path, query=query)).get("pipeline_versions") or []
        return [version_item(item) for item in found]


def refusal_of(response: httpx.Response) -> RefusalError:
    """What a pipelines server said, in the dashboard's shape."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    message = str(body.get("message") or body.get("error") or response.text[:300]).strip()
    message = message or f"The pipeline server answered {response.status_code}"
    message = f"{message[:1].upper()}{message[1:]}".rstrip(".") + "."
    status = response.status_code
    if status == 401:
        return errors.sign_in()
    reasons = {400: "Invalid", 403: "Forbidden", 404: "NotFound", 409: "Exists", 422: "Invalid"}
    if status >= 500:
        return RefusalError(503, "Unavailable", message)
    return RefusalError(422 if status == 400 else status, reasons.get(status, "Other"), message)


def pipeline_item(item: Mapping[str, Any], count: int | None = None) -> dict[str, Any]:
    """A pipeline as the page shows it."""
    return {
        "id": item.get("pipeline_id"),
        "displayName": item.get("display_name") or item.get("name"),
        "description": item.get("description") or "",
        "created": item.get("created_at"),
        "versions": count,
    }


def version_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """A version as the page shows it."""
    return {
        "id": item.get("pipeline_version_id"),
        "displayName": item.get("display_name") or item.get("name"),
        "created": item.get("created_at"),
        "parameters": parameters_of(item.get("pipeline_spec") or {}),
    }


def parameters_of(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parameters of a pipeline, from its specification."""
    spec = spec.get("pipeline_spec") or spec
    root = spec.get("root") or {}
    inputs = root.get("inputDefinitions") or root.get("input_definitions") or {}
    found = []
    for name, definition in sorted((inputs.get("parameters") or {}).items()):
        default = definition.get("defaultValue", definition.get("default_value"))
        optional = definition.get("isOptional", definition.get("is_optional", False))
        found.append(
            {
                "name": name,
                "type": definition.get("parameterType") or definition.get("parameter_type"),
                "default": default,
                "optional": bool(optional) or default is not None,
                "description": definition.get("description") or "",
            }
        )
    return found


def run_item(item: Mapping[str, Any], page: str | None) -> dict[str, Any]:
    """A run as the page shows it."""
    finished = item.get("finished_at") or ""
    return {
        "id": item.get("run_id"),
        "displayName": item.get("display_name"),
        "state": item.get("state"),
        "created": item.get("created_at"),
        "finished": finished if not finished.startswith("1970") and finished else None,
        "url": f"{page}runs/{item.get('run_id')}" if page else None,
    }


def schedule_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule as the page shows it."""
    trigger = item.get("trigger") or {}
    periodic, cron = trigger.get("periodic_schedule"), trigger.get("cron_schedule")
    shown: dict[str, Any] | None = None
    if periodic:
        shown = {"kind": "periodic", "seconds": int(periodic.get("interval_second") or 0)}
    elif cron:
        shown = {"kind": "cron", "cron": cron.get("cron")}
    return {
        "id": item.get("recurring_run_id"),
        "displayName": item.get("display_name"),
        "enabled": item.get("status") == "ENABLED",
        "trigger": shown,
        "created": item.get("created_at"),
        "next": None,
    }


def to_json(value: Any) -> str:
    """JSON as the page gets it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
