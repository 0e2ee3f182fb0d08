"""Which changes ask for a pass over all Routes."""

from __future__ import annotations

import kopf

from controllers.route.reconcile import publisher, reconcile_routes
from lab_ground.kubernetes.reconciler import Reconciler
from lab_ground.kubernetes.watching import constant_key, watch
from lab_ground.settings import get_settings

EVERY_ROUTE = "all"

routes = Reconciler("router", reconcile_routes, workers=1)
_all = constant_key(EVERY_ROUTE)

for _group, _version, _plural in (
    ("route.openshift.io", "v1", "routes"),
    ("", "v1", "services"),
    ("", "v1", "namespaces"),
    ("discovery.k8s.io", "v1", "endpointslices"),
):
    watch(routes, _group, _version, _plural, key=_all, delay=0.05)

if get_settings().plays_since("3.0"):
    for _version, _plural in (
        ("v1", "gatewayclasses"),
        ("v1", "gateways"),
        ("v1", "httproutes"),
        ("v1beta1", "referencegrants"),
    ):
        watch(routes, "gateway.networking.k8s.io", _version, _plural, key=_all, delay=0.05)


@kopf.on.startup()
async def begin(**_: object) -> None:
    """Make the configuration once even where there is no Route yet."""
    publisher.changed = lambda: routes.enqueue(None, EVERY_ROUTE)
    routes.enqueue(None, EVERY_ROUTE)
