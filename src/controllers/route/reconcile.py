"""One pass over all Routes: what is admitted, what the router is told, what their status says."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from controllers.route.build import claims
from controllers.route.build import configuration as builders
from controllers.route.build.backends import backends_of, foreign, mixed, targets_of
from controllers.route.gateways import look_at_gateways
from controllers.route.publisher import PORT, Publisher
from controllers.route.status import build_status
from controllers.serving_certificate.build.authority import KeyPair, needs_renewal, sign
from controllers.serving_certificate.store import get_authority
from lab_ground.connections import secret_texts
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.errors import ApiError, ConflictError, NotFoundError
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import standard_labels
from lab_ground.settings import get_settings

ROUTE = ("route.openshift.io/v1", "Route")
TOKEN_SECRET = "lab-router-token"  # noqa: S105 - a name
API_AUTHORITY = Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
# A certificate from elsewhere, which the role has looked at and stored.
GIVEN_CERTIFICATE = "lab-own-certificate"
_LOOK_AGAIN = 3600.0
# Its rules stay among those that the router is told, which tries them again.
_NOT_TAKEN = {
    "reason": "ExtendedValidationFailed",
    "message": "the router does not take the rules that are made of it, and goes on without them",
}
_RETRY = 15.0

logger = logging.getLogger(__name__)
publisher = Publisher()
_certificates: dict[str, KeyPair] = {}
_starting = threading.Lock()
_started = False


def ensure_token() -> str:
    """Return the router's token; make it if there is none yet."""
    client = kubernetes.get_client()
    namespace = get_settings().router_namespace
    for _ in range(2):
        secret = client.get("v1", "Secret", TOKEN_SECRET, namespace)
        if secret is not None:
            return secret_texts(secret)["token"]
        try:
            client.create(
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {
                        "name": TOKEN_SECRET,
                        "namespace": namespace,
                        "labels": standard_labels(TOKEN_SECRET, "router"),
                    },
                    "type": "Opaque",
                    "stringData": {"token": secrets.token_urlsafe(32)},
                }
            )
        except ConflictError:
            continue
    raise RuntimeError(f"the Secret {TOKEN_SECRET} comes and goes")


def start_publisher() -> None:
    """Begin to serve the configuration."""
    global _started
    settings = get_settings()
    name = f"lab-operators.{settings.platform_namespace}.svc"
    hosts = [name, f"{name}.{settings.cluster_domain}"]
    with _starting:
        if _started:
            publisher.secure(get_authority(), hosts)
            return
        port = int(os.environ.get("LAB_ROUTER_CONFIGURATION_PORT", PORT))
        publisher.start(get_authority(), hosts, ensure_token(), port)
        _started = True


def _certificate(*hosts: str) -> dict[str, str]:
    """Return a certificate of the lab's authority for these hosts, from memory while it is good."""
    authority = get_authority()
    pair = _certificates.get(hosts[0])
    if pair is None or needs_renewal(pair.certificate, authority, hosts):
        pair = _certificates[hosts[0]] = sign(authority, hosts)
    return {"certFile": pair.certificate, "keyFile": pair.key}


def _default_certificate() -> dict[str, str]:
    """Return the certificate of all hosts right below the base domain: one given, or our own."""
    settings = get_settings()
    given = kubernetes.get_client().get(
        "v1", "Secret", GIVEN_CERTIFICATE, settings.platform_namespace
    )
    if given is not None:
        texts = secret_texts(given)
        return {"certFile": texts["tls.crt"], "keyFile": texts["tls.key"]}
    return _certificate(f"*.{settings.base_domain}", settings.base_domain)


def _own_certificates(
    routes: list[Manifest], admissions: Mapping[claims.Key, claims.Admission]
) -> list[dict[str, str]]:
    """Return certificates for hosts that the wildcard does not cover and the authority may sign."""
    suffix = f".{get_settings().base_domain}"
    hosts = set()
    for route in routes:
        admission = admissions[claims.key_of(route)]
        tls = route["spec"].get("tls") or {}
        if admission.admitted and tls and not tls.get("certificate"):
            left = admission.host.removesuffix(suffix)
            if admission.host.endswith(suffix) and "." in left:
                hosts.add(admission.host)
    return [_certificate(host) for host in sorted(hosts)]


def _set_host(route: Manifest, host: str) -> None:
    """Write a generated host into the Route, as OpenShift's API server does."""
    namespace, name = claims.key_of(route)
    patch = {
        "metadata": {"annotations": {claims.HOST_GENERATED: "true"}},
        "spec": {"host": host},
    }
    with contextlib.suppress(NotFoundError):
        kubernetes.get_client().patch(*ROUTE, name, patch, namespace)


def _attempt(route: Manifest, write: Callable[[], object]) -> bool:
    """Write something into a Route; one that the API server refuses must not keep the others."""
    try:
        write()
    except ApiError as error:
        logger.warning("route %s/%s: %s", *claims.key_of(route), error)
        return False
    return True


def _tell(route: Manifest, admission: claims.Admission) -> bool:
    """Write into a Route what became of it; say whether that could be done."""
    settings = get_settings()
    status = build_status(route, admission, settings.router_name, settings.base_domain)
    named = True
    if admission.admitted and (route["spec"].get("host") or "").lower() != admission.host:
        named = _attempt(route, lambda: _set_host(route, admission.host))
    return _attempt(route, lambda: kubernetes.get_client().patch_status(route, status)) and named


Slices = Mapping[claims.Key, Sequence[Manifest]]
Services = Mapping[claims.Key, Manifest]


@dataclass
class Looked:
    """What each Route comes to by itself: its rules, or why it cannot be used."""

    rules: dict[claims.Key, builders.Rules] = field(default_factory=dict)
    refused: dict[claims.Key, str] = field(default_factory=dict)

    def admitted(self, admissions: Mapping[claims.Key, claims.Admission]) -> list[builders.Rules]:
        """The rules of the Routes that are admitted, in the order of their names."""
        return [self.rules[key] for key in sorted(self.rules) if admissions[key].admitted]


def _look_at(
    routes: Iterable[Manifest],
    services: Services,
    slices: Slices,
    nodes: Container[str],
    authority: str,
) -> Looked:
    """Look at each Route apart, so that one that cannot be used keeps no other from its own."""
    settings = get_settings()
    activator = _activator()
    looked = Looked()
    for route in routes:
        namespace, name = claims.key_of(route)
        keys = [(namespace, target["name"]) for target in targets_of(route)]
        problems = (
            foreign(services.get(key), slices.get(key, ()), activator, nodes) for key in keys
        )
        problem = next((problem for problem in problems if problem), None) or mixed(route, services)
        if problem is not None:
            looked.refused[namespace, name] = problem
            continue
        host = claims.wanted_host(route, settings.base_domain)
        backends = backends_of(route, services, slices)
        try:
            looked.rules[namespace, name] = builders.rules_of(
                route, host, backends, authority, settings.requests_of(namespace)
            )
        except builders.UnusableError as error:
            looked.refused[namespace, name] = str(error)
    return looked


def _api_server() -> builders.ApiServer | None:
    """The API server for clients outside; none where this process is in no cluster.

    Its host ends in the platform's namespace, so that it is no Route's of another.
    """
    settings = get_settings()
    address = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    if not address or not API_AUTHORITY.exists():
        return None
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    host = f"[{address}]" if ":" in address else address
    authority = API_AUTHORITY.read_text(encoding="utf-8")
    return builders.ApiServer(settings.api_host, f"{host}:{port}", authority)


def _activator() -> str:
    settings = get_settings()
    return f"lab-activator.{settings.platform_namespace}.svc.{settings.cluster_domain}"


def _node_addresses() -> set[str]:
    """The nodes' own addresses: no Route leads there."""
    return {
        str(entry["address"])
        for node in kubernetes.get_client().list_objects("v1", "Node")
        for entry in (node.get("status") or {}).get("addresses") or []
    }


def reconcile_routes(*_: str) -> float | None:
    """Read all Routes, tell the router, then write what changed into their status."""
    start_publisher()
    client = kubernetes.get_client()
    settings = get_settings()
    routes = [
        route
        for route in client.list_objects(*ROUTE)
        if not route["metadata"].get("deletionTimestamp")
    ]
    namespaces = {one["metadata"]["name"] for one in client.list_objects("v1", "Namespace")}
    services = {claims.key_of(s): s for s in client.list_objects("v1", "Service")}
    slices: dict[claims.Key, list[Manifest]] = defaultdict(list)
    for part in client.list_objects("discovery.k8s.io/v1", "EndpointSlice"):
        metadata = part["metadata"]
        service = (metadata.get("labels") or {}).get("kubernetes.io/service-name", "")
        slices[metadata["namespace"], service].append(part)
    authority = get_authority().certificate
    nodes = _node_addresses()
    looked = _look_at(routes, services, slices, nodes, authority)
    gateways = look_at_gateways(services, slices, nodes, _activator(), authority)
    looked.refused |= gateways.refuse(routes)
    admissions = claims.admit(
        routes,
        settings.base_domain,
        namespaces,
        looked.refused,
        settings.platform_namespaces,
    )
    publisher.publish(
        builders.build_configuration(
            [*looked.admitted(admissions), *gateways.rules],
            default_certificate=_default_certificate(),
            extra_certificates=_own_certificates(routes, admissions),
            api=_api_server(),
        )
    )
    for key in publisher.left_out & admissions.keys():
        admissions[key] = replace(admissions[key], admitted=False, **_NOT_TAKEN)
    gateways.tell()
    told = [_tell(route, admissions[claims.key_of(route)]) for route in routes]
    return _LOOK_AGAIN if all(told) else _RETRY
