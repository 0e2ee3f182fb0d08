"""The gateway since 3.0: HTTPRoutes on its one host, as rules of the same router; pure.

Of the Gateway API there is what workbenches use: an HTTPRoute of the namespaces that the listener
lets in, whole path segments, and one Service behind each rule, which another namespace has to
permit by a ReferenceGrant. What is beyond that is refused in the HTTPRoute's status, in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controllers.route.build.claims import Key, key_of
from lab_ground.kubernetes.conditions import set_condition
from lab_ground.kubernetes.manifest import Manifest

GROUP = "gateway.networking.k8s.io"
HTTP_ROUTE = (f"{GROUP}/v1", "HTTPRoute")
GATEWAY = (f"{GROUP}/v1", "Gateway")
GATEWAY_CLASS = (f"{GROUP}/v1", "GatewayClass")
REFERENCE_GRANT = (f"{GROUP}/v1beta1", "ReferenceGrant")
CONTROLLER = "lab.opendatahub.io/router"
_PATH = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*", re.ASCII)
# No object of Kubernetes can be called so: in the rules it is nobody's Route.
_ON_GATEWAY = "ON-GATEWAY"


class RefusedError(Exception):
    """What is wrong with an HTTPRoute at a gateway; with the reason of the Gateway API."""

    def __init__(self, reason: str, message: str, *, condition: str = "Accepted") -> None:
        super().__init__(message)
        self.reason, self.message, self.condition = reason, message, condition


@dataclass
class Attachment:
    """An HTTPRoute at one of its parents: what it comes to, or why it comes to nothing."""

    http_route: Mapping[str, Any]
    parent: Mapping[str, Any]
    gateway: Key
    routes: list[Manifest] = field(default_factory=list)
    """As Routes, each in the namespace of its Service."""
    refused: RefusedError | None = None


def hosts_of(gateways: Iterable[Mapping[str, Any]]) -> dict[str, Key]:
    """The hosts that gateways listen on: no Route may have one of them."""
    return {
        str(listener["hostname"]).lower(): key_of(gateway)
        for gateway in gateways
        for listener in gateway["spec"].get("listeners") or []
        if listener.get("hostname")
    }


def attach(
    http_routes: Iterable[Mapping[str, Any]],
    gateways: Iterable[Mapping[str, Any]],
    grants: Sequence[Mapping[str, Any]],
    services: Mapping[Key, Mapping[str, Any]],
) -> list[Attachment]:
    """Look at each HTTPRoute apart, at each of the gateways that it names and that are there."""
    known = {key_of(gateway): gateway for gateway in gateways}
    found = []
    for http_route in http_routes:
        namespace, _ = key_of(http_route)
        for parent in http_route["spec"].get("parentRefs") or []:
            key = parent.get("namespace") or namespace, parent["name"]
            kind = parent.get("group", GROUP), parent.get("kind", "Gateway")
            if kind != (GROUP, "Gateway") or key not in known:
                continue
            one = Attachment(http_route, parent, key)
            try:
                host = _host(http_route, parent, known[key])
                one.routes = list(_routes(http_route, host, grants, services))
            except RefusedError as error:
                one.refused = error
            found.append(one)
    return found


def _host(
    http_route: Mapping[str, Any], parent: Mapping[str, Any], gateway: Mapping[str, Any]
) -> str:
    """The host of the listener that lets the HTTPRoute in."""
    namespace, _ = key_of(http_route)
    home, _ = key_of(gateway)
    listeners = [
        listener
        for listener in gateway["spec"].get("listeners") or []
        if listener.get("hostname") and parent.get("sectionName") in (None, listener["name"])
    ]
    allowed = [one for one in listeners if _lets_in(one, home, namespace)]
    if not allowed:
        raise RefusedError(
            "NotAllowedByListeners",
            f"gateway {'/'.join(key_of(gateway))} takes no HTTPRoute of namespace {namespace}",
        )
    host = str(allowed[0]["hostname"])
    wanted = http_route["spec"].get("hostnames") or [host]
    if host not in wanted:
        raise RefusedError(
            "NoMatchingListenerHostname", f"the gateway's host is {host}, not {', '.join(wanted)}"
        )
    return host


def _lets_in(listener: Mapping[str, Any], home: str, namespace: str) -> bool:
    allowed = (listener.get("allowedRoutes") or {}).get("namespaces") or {}
    source = allowed.get("from", "Same")
    if source == "Selector":
        label = "kubernetes.io/metadata.name"
        selector = allowed.get("selector") or {}
        names = {(selector.get("matchLabels") or {}).get(label)}
        for expression in selector.get("matchExpressions") or []:
            if (expression["key"], expression["operator"]) == (label, "In"):
                names.update(expression.get("values") or [])
        return namespace in names
    return source == "All" or (source == "Same" and namespace == home)


def _routes(
    http_route: Mapping[str, Any],
    host: str,
    grants: Sequence[Mapping[str, Any]],
    services: Mapping[Key, Mapping[str, Any]],
) -> Iterable[Manifest]:
    number = 0
    for rule in http_route["spec"].get("rules") or []:
        if rule.get("filters") or rule.get("timeouts"):
            raise RefusedError("UnsupportedValue", "a rule's filters and timeouts are not played")
        service, port = _backend(http_route, rule, grants, services)
        for match in rule.get("matches") or [{}]:
            number += 1
            name = f"{http_route['metadata']['name']}-{number}-{_ON_GATEWAY}"
            yield {
                "metadata": {"namespace": service[0], "name": name},
                "spec": {
                    "host": host,
                    "path": _path(match),
                    "to": {"kind": "Service", "name": service[1], "weight": 100},
                    "port": {"targetPort": port},
                    # The gateway's listener ends TLS; behind it, as a workbench's Route, is TLS.
                    "tls": {
                        "termination": "reencrypt",
                        "insecureEdgeTerminationPolicy": "Redirect",
                    },
                },
            }


def _path(match: Mapping[str, Any]) -> str:
    beyond = sorted(set(match) - {"path"})
    path = match.get("path") or {}
    value = str(path.get("value", "/"))
    if beyond or path.get("type", "PathPrefix") != "PathPrefix":
        told = f"a match by {', '.join(beyond)}" if beyond else f"a path of type {path['type']}"
        raise RefusedError("UnsupportedValue", f"{told} is not played: name a PathPrefix alone")
    if not _PATH.fullmatch(value):
        raise RefusedError("UnsupportedValue", f"{value!r} has characters that a path cannot have")
    return value


def _backend(
    http_route: Mapping[str, Any],
    rule: Mapping[str, Any],
    grants: Sequence[Mapping[str, Any]],
    services: Mapping[Key, Mapping[str, Any]],
) -> tuple[Key, int]:
    home, _ = key_of(http_route)
    references = rule.get("backendRefs") or []
    if len(references) != 1 or references[0].get("filters"):
        raise RefusedError(
            "UnsupportedValue", f"a rule has {len(references)} backends; one is played, unfiltered"
        )
    (reference,) = references
    if (reference.get("group", ""), reference.get("kind", "Service")) != ("", "Service"):
        raise RefusedError(
            "InvalidKind", f"a backend is a {reference['kind']}", condition="ResolvedRefs"
        )
    key = reference.get("namespace") or home, reference["name"]
    if key[0] != home and not any(_permits(grant, home, key) for grant in grants):
        raise RefusedError(
            "RefNotPermitted",
            f"no ReferenceGrant of namespace {key[0]} lets HTTPRoutes of {home} lead to its "
            f"Service {key[1]}",
            condition="ResolvedRefs",
        )
    ports = [port["port"] for port in (services.get(key, {}).get("spec") or {}).get("ports") or []]
    if reference.get("port") not in ports:
        has = f"has the ports {ports}" if key in services else "is not there"
        raise RefusedError(
            "BackendNotFound",
            f"port {reference.get('port')} of Service {'/'.join(key)} is named, which {has}",
            condition="ResolvedRefs",
        )
    return key, int(reference["port"])


def _permits(grant: Mapping[str, Any], home: str, service: Key) -> bool:
    """Whether a ReferenceGrant lets HTTPRoutes of a namespace lead to a Service of its own."""
    spec = grant["spec"]
    return (
        grant["metadata"]["namespace"] == service[0]
        and any(
            (one["group"], one["kind"], one["namespace"]) == (GROUP, "HTTPRoute", home)
            for one in spec.get("from") or []
        )
        and any(
            (one["group"], one["kind"]) == ("", "Service") and one.get("name") in (None, service[1])
            for one in spec.get("to") or []
        )
    )


def build_status(http_route: Mapping[str, Any], attachments: Iterable[Attachment]) -> Manifest:
    """Build an HTTPRoute's status; what other controllers wrote there stays."""
    known = (http_route.get("status") or {}).get("parents") or []
    parents = [one for one in known if one.get("controllerName") != CONTROLLER]
    for attachment in attachments:
        before: Mapping[str, Any] = next(
            (
                one
                for one in known
                if one.get("controllerName") == CONTROLLER and one["parentRef"] == attachment.parent
            ),
            {},
        )
        conditions = before.get("conditions")
        for type_, well in (("Accepted", "Accepted"), ("ResolvedRefs", "ResolvedRefs")):
            refused = attachment.refused
            wrong = refused if refused is not None and refused.condition == type_ else None
            conditions = set_condition(
                conditions,
                type_,
                wrong is None,
                wrong.reason if wrong else well,
                wrong.message if wrong else "",
                observed_generation=http_route["metadata"].get("generation"),
            )
        parents.append(
            {
                "parentRef": dict(attachment.parent),
                "controllerName": CONTROLLER,
                "conditions": conditions,
            }
        )
    return {"parents": parents}


def build_gateway_status(gateway: Mapping[str, Any], attached: int) -> Manifest:
    """Build a gateway's status: it is served, with so many HTTPRoutes."""
    status = gateway.get("status") or {}
    generation = gateway["metadata"].get("generation")
    conditions = status.get("conditions")
    for type_ in ("Accepted", "Programmed"):
        conditions = set_condition(conditions, type_, True, type_, observed_generation=generation)
    known = {one["name"]: one for one in status.get("listeners") or []}
    listeners = []
    for listener in gateway["spec"].get("listeners") or []:
        of_listener = known.get(listener["name"], {}).get("conditions")
        for type_ in ("Accepted", "Programmed", "ResolvedRefs"):
            of_listener = set_condition(
                of_listener, type_, True, type_, observed_generation=generation
            )
        listeners.append(
            {
                "name": listener["name"],
                "attachedRoutes": attached,
                "supportedKinds": [{"group": GROUP, "kind": "HTTPRoute"}],
                "conditions": of_listener,
            }
        )
    return {"conditions": conditions, "listeners": listeners}
