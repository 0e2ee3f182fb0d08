"""From admitted Routes to the router's rules: what Traefik is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controllers.route.build.annotations import read_options
from controllers.route.build.backends import Backend
from controllers.route.build.claims import key_of
from lab_ground.kubernetes.manifest import Manifest

HTTP_ENTRY, HTTPS_ENTRY = "web", "websecure"
REDIRECT = "redirect-to-https"
NOWHERE = "not-available"
API, API_SERVER_NAME = "kubernetes-api", "kubernetes.default.svc"


def build_rule(host: str, path: str) -> str:
    """Build a rule: the host, and below a path only whole segments."""
    rule = f"Host(`{host}`)"
    path = path.rstrip("/")
    if path:
        rule += f" && (Path(`{path}`) || PathPrefix(`{path}/`))"
    return rule


class Rules:
    """What one Route adds, or several; Traefik refuses empty sections, so these are left out."""

    def __init__(self) -> None:
        self.http: dict[str, dict[str, Any]] = {"routers": {}, "services": {}, "middlewares": {}}
        self.http["serversTransports"] = {}
        self.tcp: dict[str, dict[str, Any]] = {"routers": {}, "services": {}, "middlewares": {}}
        self.certificates: list[dict[str, str]] = []

    def add(self, other: Rules) -> None:
        """Take in what another Route adds."""
        for mine, more in ((self.http, other.http), (self.tcp, other.tcp)):
            for name, part in more.items():
                mine[name] |= part
        self.certificates += other.certificates

    def build(self, default: Mapping[str, str]) -> Manifest:
        """Return the whole configuration."""
        self.http["services"][NOWHERE] = {"loadBalancer": {"servers": []}}
        self.http["routers"][NOWHERE] = _catch_all({})
        self.http["routers"][f"{NOWHERE}-tls"] = _catch_all({"tls": {}})
        self.http["middlewares"][REDIRECT] = {
            "redirectScheme": {"scheme": "https", "permanent": False}
        }
        result: Manifest = {
            "http": {name: part for name, part in self.http.items() if part},
            "tls": {
                "stores": {"default": {"defaultCertificate": dict(default)}},
                "options": {"default": {"minVersion": "VersionTLS12"}},
            },
        }
        if self.tcp["routers"]:
            result["tcp"] = {name: part for name, part in self.tcp.items() if part}
        if self.certificates:
            result["tls"]["certificates"] = self.certificates
        return result


def _catch_all(extra: Mapping[str, Any]) -> Manifest:
    entry = HTTPS_ENTRY if extra else HTTP_ENTRY
    return {
        "rule": "PathPrefix(`/`)",
        "priority": 1,
        "entryPoints": [entry],
        "service": NOWHERE,
        **extra,
    }


def _add_services(
    target: dict[str, Any], name: str, backends: Sequence[Backend], one: Callable[[Backend], Any]
) -> None:
    if len(backends) == 1:
        target[name] = one(backends[0])
        return
    parts = []
    for index, backend in enumerate(backends):
        part = f"{name}_{index}"
        target[part] = one(backend)
        parts.append({"name": part, "weight": backend.weight})
    target[name] = {"weighted": {"services": parts}}


def _add_http(
    rules: Rules,
    route: Mapping[str, Any],
    host: str,
    backends: Sequence[Backend],
    authority: str,
    requests: int,
) -> None:
    name = "_".join(key_of(route))
    tls = route["spec"].get("tls")
    path = route["spec"].get("path") or ""

    def service(backend: Backend) -> Manifest:
        return _balancer(rules, route, backend, authority)

    _add_services(rules.http["services"], name, backends, service)
    common: Manifest = {"rule": build_rule(host, path), "priority": 10 + len(path), "service": name}
    middlewares = {
        f"{name}_{part}": one
        for part, one in read_options(route).middlewares(path, tls=bool(tls)).items()
    }
    if requests:
        middlewares[f"{name}_busy"] = _busy(requests)
    if backends[0].host:
        middlewares[name] = {"headers": {"customRequestHeaders": {"Host": backends[0].host}}}
    if middlewares:
        rules.http["middlewares"] |= middlewares
        common["middlewares"] = list(middlewares)
    routers = rules.http["routers"]
    if not tls:
        routers[name] = {**common, "entryPoints": [HTTP_ENTRY]}
        return
    routers[name] = {**common, "entryPoints": [HTTPS_ENTRY], "tls": {}}
    policy = tls.get("insecureEdgeTerminationPolicy") or "None"
    if policy == "Allow":
        routers[f"{name}_insecure"] = {**common, "entryPoints": [HTTP_ENTRY]}
    elif policy == "Redirect":
        routers[f"{name}_insecure"] = _redirect(common)


def _balancer(rules: Rules, route: Mapping[str, Any], backend: Backend, authority: str) -> Manifest:
    """How one Service of a Route is reached, over a transport of its own where that is asked."""
    namespace, name = key_of(route)
    tls = route["spec"].get("tls")
    reencrypt = bool(tls) and tls["termination"] == "reencrypt"
    options = read_options(route)
    scheme = "https" if reencrypt else "http"
    balancer: Manifest = {
        "servers": [{"url": f"{scheme}://{address}"} for address in backend.addresses],
        "passHostHeader": True,
    }
    if options.strategy:
        balancer["strategy"] = options.strategy
    settings = options.transport()
    own = bool(settings)
    if reencrypt:
        own = own or bool(tls.get("destinationCACertificate"))
        settings |= {
            "serverName": f"{backend.service}.{namespace}.svc",
            "rootCAs": [tls.get("destinationCACertificate") or authority],
        }
    if settings:
        # Routes that ask for the same share the connections to a Service.
        sharers = f"{namespace}_{name}" if own else namespace
        transport = f"{sharers}_{backend.service}"
        rules.http["serversTransports"][transport] = {
            **settings,
            "maxIdleConnsPerHost": 32,
        }
        balancer["serversTransport"] = transport
    return {"loadBalancer": balancer}


def _redirect(common: Mapping[str, Any]) -> Manifest:
    return {
        **common,
        "entryPoints": [HTTP_ENTRY],
        "middlewares": [REDIRECT],
        "service": NOWHERE,
    }


def _add_passthrough(
    rules: Rules,
    route: Mapping[str, Any],
    host: str,
    backends: Sequence[Backend],
) -> None:
    name = "_".join(key_of(route))

    def service(backend: Backend) -> Manifest:
        return {
            "loadBalancer": {"servers": [{"address": address} for address in backend.addresses]}
        }

    _add_services(rules.tcp["services"], name, backends, service)
    rules.tcp["routers"][name] = {
        "rule": f"HostSNI(`{host}`)",
        "entryPoints": [HTTPS_ENTRY],
        "service": name,
        "tls": {"passthrough": True},
    }
    allowed = read_options(route).allowed
    if allowed is not None:
        rules.tcp["middlewares"][name] = {"ipAllowList": {"sourceRange": list(allowed)}}
        rules.tcp["routers"][name]["middlewares"] = [name]
    if route["spec"]["tls"].get("insecureEdgeTerminationPolicy") == "Redirect":
        rules.http["routers"][f"{name}_insecure"] = _redirect(
            {"rule": build_rule(host, ""), "priority": 10}
        )


def _busy(requests: int) -> dict[str, Any]:
    """The middleware that refuses (429) what is more at once than a Route may have under way."""
    return {"inFlightReq": {"amount": requests, "sourceCriterion": {"requestHost": True}}}


class UnusableError(Exception):
    """No rules can be made of a Route; the message says why."""


def rules_of(
    route: Mapping[str, Any],
    host: str,
    backends: Sequence[Backend],
    authority: str,
    requests: int = 0,
) -> Rules:
    """Make the rules of one Route, apart from all others.

    Args:
        route: the Route.
        host: under which it is served.
        backends: where it leads.
        authority: certificate of the cluster's own authority, PEM.
        requests: how many requests may be under way by it at once, sockets among them; 0: any.

    Raises:
        UnusableError: none can be made of it.
    """
    rules = Rules()
    try:
        _add_route(rules, route, host, backends, authority, requests)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        told = f"no rules can be made of it ({type(error).__name__}: {error})"
        raise UnusableError(told) from error
    return rules


def _add_route(
    rules: Rules,
    route: Mapping[str, Any],
    host: str,
    backends: Sequence[Backend],
    authority: str,
    requests: int,
) -> None:
    tls = route["spec"].get("tls") or {}
    if tls.get("termination") == "passthrough":
        _add_passthrough(rules, route, host, backends)
        return
    _add_http(rules, route, host, backends, authority, requests)
    if tls.get("certificate") and tls.get("key"):
        chain = "\n".join(
            part.strip() for part in (tls["certificate"], tls.get("caCertificate")) if part
        )
        rules.certificates.append({"certFile": chain, "keyFile": tls["key"]})


@dataclass(frozen=True)
class ApiServer:
    """The API server, as clients outside reach it: a host, where it is, and who signs for it."""

    host: str
    address: str
    authority: str

    def rules(self) -> Rules:
        """Return the rules of its host; tokens are the API server's to check."""
        rules = Rules()
        rules.http["routers"][API] = {
            "rule": build_rule(self.host, ""),
            "priority": 10,
            "entryPoints": [HTTPS_ENTRY],
            "tls": {},
            "service": API,
        }
        balancer = {
            "servers": [{"url": f"https://{self.address}"}],
            "passHostHeader": True,
            "serversTransport": API,
        }
        rules.http["services"][API] = {"loadBalancer": balancer}
        rules.http["serversTransports"][API] = {
            "serverName": API_SERVER_NAME,
            "rootCAs": [self.authority],
            "maxIdleConnsPerHost": 32,
        }
        return rules


def build_configuration(
    rules: Iterable[Rules],
    *,
    default_certificate: Mapping[str, str],
    extra_certificates: Iterable[Mapping[str, str]] = (),
    api: ApiServer | None = None,
) -> Manifest:
    """Build Traefik's dynamic configuration from the rules of the Routes that are admitted."""
    whole = Rules()
    for part in rules:
        whole.add(part)
    if api is not None:
        whole.add(api.rules())
    whole.certificates += [dict(pair) for pair in extra_certificates]
    return whole.build(default_certificate)
