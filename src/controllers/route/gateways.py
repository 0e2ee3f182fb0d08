"""The gateway's part of a pass over all Routes: what HTTPRoutes add, and what their status says."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from controllers.route.build import configuration as builders
from controllers.route.build import gateway
from controllers.route.build.backends import backends_of, foreign
from controllers.route.build.claims import Key, key_of, wanted_host
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.settings import get_settings


@dataclass
class Gateways:
    """What a pass found of gateways; nothing where the version that is played has none."""

    gateways: list[Manifest] = field(default_factory=list)
    http_routes: list[Manifest] = field(default_factory=list)
    attachments: list[gateway.Attachment] = field(default_factory=list)
    rules: list[builders.Rules] = field(default_factory=list)
    hosts: dict[str, Key] = field(default_factory=dict)

    def refuse(self, routes: Sequence[Manifest]) -> dict[Key, str]:
        """Why Routes may not have the host that they want: it is a gateway's."""
        domain = get_settings().base_domain
        taken = ((key_of(one), self.hosts.get(wanted_host(one, domain))) for one in routes)
        return {
            key: f"the host is that of gateway {'/'.join(owner)}" for key, owner in taken if owner
        }

    def tell(self) -> None:
        """Write the status of gateways, their class and HTTPRoutes."""
        client = kubernetes.get_client()
        for one in self.http_routes:
            mine = [each for each in self.attachments if key_of(each.http_route) == key_of(one)]
            if mine:
                client.patch_status(one, gateway.build_status(one, mine))
        for one in self.gateways:
            served = [
                each
                for each in self.attachments
                if each.gateway == key_of(one) and each.refused is None
            ]
            client.patch_status(one, gateway.build_gateway_status(one, len(served)))


def look_at_gateways(
    services: Mapping[Key, Manifest],
    slices: Mapping[Key, Sequence[Manifest]],
    nodes: Container[str],
    activator: str,
    authority: str,
) -> Gateways:
    """Read gateways and HTTPRoutes, and make the rules of those that are served."""
    settings, found = get_settings(), Gateways()
    if not settings.plays_since("3.0"):
        return found
    client = kubernetes.get_client()
    ours = {
        one["metadata"]["name"]
        for one in client.list_objects(*gateway.GATEWAY_CLASS)
        if one["spec"]["controllerName"] == gateway.CONTROLLER
    }
    found.gateways = [
        one
        for one in client.list_objects(*gateway.GATEWAY)
        if one["spec"]["gatewayClassName"] in ours
    ]
    found.http_routes = [
        one
        for one in client.list_objects(*gateway.HTTP_ROUTE)
        if not one["metadata"].get("deletionTimestamp")
    ]
    found.hosts = gateway.hosts_of(found.gateways)
    grants = client.list_objects(*gateway.REFERENCE_GRANT)
    found.attachments = gateway.attach(found.http_routes, found.gateways, grants, services)
    for attachment in found.attachments:
        for route in attachment.routes:
            key = route["metadata"]["namespace"], route["spec"]["to"]["name"]
            problem = foreign(services.get(key), slices.get(key, ()), activator, nodes)
            if problem is not None:
                attachment.refused = gateway.RefusedError("UnsupportedValue", problem)
        if attachment.refused is None:
            found.rules += [
                builders.rules_of(
                    route, route["spec"]["host"], backends_of(route, services, slices), authority
                )
                for route in attachment.routes
            ]
    return found
