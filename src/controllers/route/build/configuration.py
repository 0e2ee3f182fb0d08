"""From admitted Routes to the router's rules: what Traefik is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from controllers.route.build.annotations import read_options
from controllers.route.build.backends import Backend
from controllers.route.build.claims import Admission, Key, key_of
from lab_ground.kubernetes.manifest import Manifest

HTTP_ENTRY, HTTPS_ENTRY = "web", "websecure"
REDIRECT = "redirect-to-https"
NOWHERE = "not-available"


def build_rule(host: str, path: str) -> str:
    """Build a rule: the host, and below a path only whole segments."""
    rule = f"Host(`{host}`)"
    path = path.rstrip("/")
    if path:
        rule += f" && (Path(`{path}`) || PathPrefix(`{path}/`))"
    return rule


class _Configuration:
    """Collects what the Routes add; Traefik refuses empty sections, so these are left out."""

    def __init__(self) -> None:
        self.http: dict[str, dict[str, Any]] = {"routers": {}, "services": {}, "middlewares": {}}
        self.http["serversTransports"] = {}
        self.tcp: dict[str, dict[str, Any]] = {"routers": {}, "services": {}, "middlewares": {}}
        self.certificates: list[dict[str, str]] = []

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
    configuration: _Configuration,
    route: Mapping[str, Any],
    host: str,
    backends: Sequence[Backend],
    authority: str,
) -> None:
    name = "_".join(key_of(route))
    tls = route["spec"].get("tls")
    path = route["spec"].get("path") or ""

    def service(backend: Backend) -> Manifest:
        return _balancer(configuration, route, backend, authority)

    _add_services(configuration.http["services"], name, backends, service)
    common: Manifest = {"rule": build_rule(host, path), "priority": 10 + len(path), "service": name}
    middlewares = {
        f"{name}_{part}": one
        for part, one in read_options(route).middlewares(path, tls=bool(tls)).items()
    }
    if backends[0].host:
        middlewares[name] = {"headers": {"customRequestHeaders": {"Host": backends[0].host}}}
    if middlewares:
        configuration.http["middlewares"] |= middlewares
        common["middlewares"] = list(middlewares)
    routers = configuration.http["routers"]
    if not tls:
        routers[name] = {**common, "entryPoints": [HTTP_ENTRY]}
        return
    routers[name] = {**common, "entryPoints": [HTTPS_ENTRY], "tls": {}}
    policy = tls.get("insecureEdgeTerminationPolicy") or "None"
    if policy == "Allow":
        routers[f"{name}_insecure"] = {**common, "entryPoints": [HTTP_ENTRY]}
    elif policy == "Redirect":
        routers[f"{name}_insecure"] = _redirect(common)


def _balancer(
    configuration: _Configuration, route: Mapping[str, Any], backend: Backend, authority: str
) -> Manifest:
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
        configuration.http["serversTransports"][transport] = {
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
    configuration: _Configuration,
    route: Mapping[str, Any],
    host: str,
    backends: Sequence[Backend],
) -> None:
    name = "_".join(key_of(route))

    def service(backend: Backend) -> Manifest:
        return {
            "loadBalancer": {"servers": [{"address": address} for address in backend.addresses]}
        }

    _add_services(configuration.tcp["services"], name, backends, service)
    configuration.tcp["routers"][name] = {
        "rule": f"HostSNI(`{host}`)",
        "entryPoints": [HTTPS_ENTRY],
        "service": name,
        "tls": {"passthrough": True},
    }
    allowed = read_options(route).allowed
    if allowed is not None:
        configuration.tcp["middlewares"][name] = {"ipAllowList": {"sourceRange": list(allowed)}}
        configuration.tcp["routers"][name]["middlewares"] = [name]
    if route["spec"]["tls"].get("insecureEdgeTerminationPolicy") == "Redirect":
        configuration.http["routers"][f"{name}_insecure"] = _redirect(
            {"rule": build_rule(host, ""), "priority": 10}
        )


def _add_route(
    configuration: _Configuration,
    route: Mapping[str, Any],
    host: str,
    backends: Sequence[Backend],
    authority: str,
) -> None:
    tls = route["spec"].get("tls") or {}
    if tls.get("termination") == "passthrough":
        _add_passthrough(configuration, route, host, backends)
        return
    _add_http(configuration, route, host, backends, authority)
    if tls.get("certificate") and tls.get("key"):
        chain = "\n".join(
            part.strip() for part in (tls["certificate"], tls.get("caCertificate")) if part
        )
        configuration.certificates.append({"certFile": chain, "keyFile": tls["key"]})


def unusable(
    route: Mapping[str, Any], host: str, backends: Sequence[Backend], authority: str
) -> str | None:
    """Why no rules can be made of a Route, tried apart from all others; None where they can."""
    try:
        _add_route(_Configuration(), route, host, backends, authority)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        return f"no rules can be made of it ({type(error).__name__}: {error})"
    return None


def build_configuration(
    routes: Iterable[Mapping[str, Any]],
    admissions: Mapping[Key, Admission],
    backends: Callable[[Mapping[str, Any]], Sequence[Backend]],
    *,
    authority: str,
    default_certificate: Mapping[str, str],
    extra_certificates: Iterable[Mapping[str, str]] = (),
) -> Manifest:
    """Build Traefik's dynamic configuration from the Routes that are admitted."""
    configuration = _Configuration()
    for route in sorted(routes, key=key_of):
        admission = admissions[key_of(route)]
        if admission.admitted:
            _add_route(configuration, route, admission.host, backends(route), authority)
    configuration.certificates += [dict(pair) for pair in extra_certificates]
    return configuration.build(default_certificate)
