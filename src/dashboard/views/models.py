"""Model servers, models and tokens as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard import kinds
from dashboard.catalogue import annotations_of, formats_of, is_shown
from dashboard.objects.common import display_of
from dashboard.objects.serving import (
    ACCOUNT,
    ENABLE_AUTH,
    ENABLE_ROUTE,
    RAW_AUTH,
    RAW_ROUTE,
    TEMPLATE_DISPLAY,
    TEMPLATE_NAME,
    TOKEN_TYPE,
)
from dashboard.settings import Settings, Size
from dashboard.snapshot import Snapshot
from dashboard.status import model as states
from dashboard.status.causes import cause_of
from dashboard.views.workbenches import Offers

Thing = Mapping[str, Any]


def models_view(snapshot: Snapshot, offers: Offers, platform: str | None) -> dict[str, Any]:
    """The whole section."""
    runtimes = snapshot.need(kinds.RUNTIME)
    own = {m["metadata"]["name"] for m in snapshot.of(kinds.MODEL) if states.is_single(m)}
    servers = [r for r in runtimes if is_shown(r) and r["metadata"]["name"] not in own]
    return {
        "platform": platform,
        "servers": [server_item(runtime, snapshot, offers) for runtime in servers],
        "items": [
            model_item(model, snapshot, offers)
            for model in snapshot.need(kinds.MODEL)
            if is_shown(model)
        ],
    }


def server_item(runtime: Thing, snapshot: Snapshot, offers: Offers) -> dict[str, Any]:
    """One model server."""
    name, annotations = runtime["metadata"]["name"], annotations_of(runtime)
    return {
        "name": name,
        "displayName": display_of(runtime),
        "created": runtime["metadata"].get("creationTimestamp"),
        "runtime": runtime_view(runtime, offers),
        "replicas": int((runtime.get("spec") or {}).get("replicas", 1)),
        "size": size_of(runtime, offers.settings),
        "route": annotations.get(ENABLE_ROUTE) == "true",
        "auth": annotations.get(ENABLE_AUTH) == "true",
        "tokens": tokens_of(name, snapshot),
        "models": [
            model["metadata"]["name"]
            for model in snapshot.of(kinds.MODEL)
            if states.runtime_of(model) == name
        ],
    }


def runtime_view(runtime: Thing, offers: Offers) -> dict[str, Any]:
    """Which runtime a server is, and what it can load."""
    annotations = annotations_of(runtime)
    template = annotations.get(TEMPLATE_NAME)
    known = next((r for r in offers.runtimes if r["template"] == template), None)
    shown = annotations.get(TEMPLATE_DISPLAY) or (known or {}).get("displayName")
    formats = (runtime.get("spec") or {}).get("supportedModelFormats") or ()
    return {
        "template": template,
        "displayName": shown or display_of(runtime),
        "formats": [formats_of(entry) for entry in formats],
    }


def size_of(runtime: Thing, settings: Settings) -> dict[str, Any]:
    """A server's size, by the name that its quantities have."""
    containers = (runtime.get("spec") or {}).get("containers") or [{}]
    resources = containers[0].get("resources") or {}
    parts = {
        part: {k: str(v) for k, v in (resources.get(part) or {}).items() if k in ("cpu", "memory")}
        for part in ("requests", "limits")
    }
    for size in settings.model_sizes:
        if parts == {"requests": dict(size.requests), "limits": dict(size.limits)}:
            return size.as_dict()
    return {"name": "Custom", **parts}


def is_token(secret: Thing) -> bool:
    """Whether a Secret holds a service account's token."""
    return secret.get("type") == TOKEN_TYPE


def accounts_of(server: str, snapshot: Snapshot) -> set[str]:
    """The service accounts of those who call a server: those that its binding names.

    Upstream looks for `<server>-sa` alone, and would not list the token of the lab's own roles.
    """
    found = {f"{server}-sa"}
    binding = snapshot.get(kinds.ROLE_BINDING, f"{server}-view")
    for subject in (binding or {}).get("subjects") or ():
        if subject.get("kind") == "ServiceAccount":
            found.add(str(subject.get("name")))
    return found


def tokens_of(server: str, snapshot: Snapshot) -> list[dict[str, Any]]:
    """The tokens with which a server's models are called."""
    accounts = accounts_of(server, snapshot)
    found: list[Thing] = [
        secret
        for secret in snapshot.of(kinds.SECRET)
        if is_token(secret) and annotations_of(secret).get(ACCOUNT) in accounts
    ]
    return [
        {
            "name": display_of(secret),
            "secret": secret["metadata"]["name"],
            "ready": bool((secret.get("data") or {}).get("token")),
        }
        for secret in found
    ]


def model_item(model: Thing, snapshot: Snapshot, offers: Offers) -> dict[str, Any]:
    """One model."""
    name, single = model["metadata"]["name"], states.is_single(model)
    server = states.runtime_of(model) or None
    runtime = snapshot.get(kinds.RUNTIME, server or "")
    spec = ((model.get("spec") or {}).get("predictor") or {}).get("model") or {}
    storage = spec.get("storage") or {}
    status = states.status_of(model, snapshot.of(kinds.POD))
    if status["state"] == "FailedToLoad":
        status["cause"] = cause_of(snapshot, model) or status["message"]
    route = wants_route(model, runtime)
    found = snapshot.get(kinds.ROUTE, name)
    item = {
        "name": name,
        "displayName": display_of(model),
        "created": model["metadata"].get("creationTimestamp"),
        "platform": "single" if single else "multi",
        "server": server,
        "format": formats_of(spec.get("modelFormat") or {}),
        "connection": connection_of(str(storage.get("key") or ""), snapshot),
        "path": storage.get("path") or spec.get("storageUri") or "",
        "protocol": protocol_of(runtime, offers.runtimes),
        "endpoints": states.endpoints_of(model, found, wants_route=route),
        "status": status,
    }
    return {**item, **own_server(model, runtime, snapshot, offers)} if single else item


def own_server(
    model: Thing, runtime: Thing | None, snapshot: Snapshot, offers: Offers
) -> dict[str, Any]:
    """What a model with a server of its own has beside."""
    predictor = (model.get("spec") or {}).get("predictor") or {}
    return {
        "runtime": runtime_view(runtime, offers) if runtime else None,
        "replicas": int(predictor.get("minReplicas", 1)),
        "size": size_of(runtime or {}, offers.settings),
        "route": wants_route(model, runtime),
        "auth": annotations_of(model).get(RAW_AUTH) == "true",
        "tokens": tokens_of(model["metadata"]["name"], snapshot),
    }


def wants_route(model: Thing, runtime: Thing | None) -> bool:
    """Whether a model is to be seen from outside."""
    if states.is_single(model):
        return bool((model["metadata"].get("labels") or {}).get(RAW_ROUTE) == "exposed")
    return annotations_of(runtime or {}).get(ENABLE_ROUTE) == "true"


def protocol_of(runtime: Thing | None, runtimes: Sequence[Mapping[str, Any]]) -> str:
    """The protocol that a runtime's Template names."""
    template = annotations_of(runtime or {}).get(TEMPLATE_NAME)
    known = next((r for r in runtimes if r["template"] == template), None)
    return str(known["protocol"]) if known else "REST"


def connection_of(secret: str, snapshot: Snapshot) -> dict[str, str] | None:
    """The data connection of a model."""
    if not secret:
        return None
    found = snapshot.get(kinds.SECRET, secret)
    return {"name": secret, "displayName": display_of(found) if found else secret}


def named_size(settings: Settings, name: str) -> Size | None:
    """A size that is offered for servers."""
    return next((size for size in settings.model_sizes if size.name == name), None)
