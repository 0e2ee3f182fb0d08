"""From Routes to the router's rules: who is admitted, and what Traefik is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab_platform.kubernetes.conditions import set_condition
from lab_platform.route.annotations import read_options

Manifest = dict[str, Any]
Key = tuple[str, str]

HTTP_ENTRY, HTTPS_ENTRY = "web", "websecure"
REDIRECT = "redirect-to-https"
NOWHERE = "not-available"
FUNCTION_LABEL = "serving.knative.dev/service"
HOST_GENERATED = "openshift.io/host.generated"
_FORBIDDEN = ("`", "\n", "\r", "\\")


@dataclass(frozen=True)
class Admission:
    """Whether the router serves a Route, under which host, and why not."""

    host: str
    admitted: bool
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class Backend:
    """The addresses (``host:port``) behind one Service of a Route, and its share.

    ``host`` is what the Service must be called by, if that is not the Route's own host.
    """

    service: str
    addresses: tuple[str, ...]
    weight: int
    host: str | None = None


def key_of(manifest: Mapping[str, Any]) -> Key:
    """Return an object's namespace and name."""
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]


def wanted_host(route: Mapping[str, Any], base_domain: str) -> str:
    """Return the host a Route asks for, or the one generated from its name."""
    spec = route["spec"]
    if spec.get("host"):
        return str(spec["host"]).lower()
    namespace, name = key_of(route)
    if spec.get("subdomain"):
        return f"{spec['subdomain']}.{base_domain}".lower()
    return f"{name}-{namespace}.{base_domain}".lower()


def _problem(route: Mapping[str, Any], host: str) -> str | None:
    """Return what is wrong with a Route that the schema cannot tell."""
    path = route["spec"].get("path") or ""
    if any(character in path for character in _FORBIDDEN):
        return "spec.path: has characters that a path cannot have"
    if len(host) > 253 or any(not label or len(label) > 63 for label in host.split(".")):
        return f"spec.host: {host!r} is not a host name: a label has 1 to 63 characters"
    tls = route["spec"].get("tls") or {}
    for name in ("certificate", "caCertificate", "destinationCACertificate"):
        if tls.get(name):
            try:
                x509.load_pem_x509_certificates(tls[name].encode())
            except ValueError:
                return f"spec.tls.{name}: is not a certificate in PEM"
    if tls.get("key"):
        try:
            key = serialization.load_pem_private_key(tls["key"].encode(), None)
        except (ValueError, TypeError):
            return "spec.tls.key: is not a private key in PEM"
        certificate = x509.load_pem_x509_certificate(tls.get("certificate", "").encode())
        if certificate.public_key() != key.public_key():
            return "spec.tls.key: is not the key of spec.tls.certificate"
    return None


def _was_admitted(route: Mapping[str, Any], host: str) -> bool:
    """Say whether the Route's status says that it has this host."""
    return any(
        entry.get("host") == host
        and condition.get("type") == "Admitted"
        and condition.get("status") == "True"
        for entry in (route.get("status") or {}).get("ingress") or []
        for condition in entry.get("conditions") or []
    )


def admit(routes: Iterable[Mapping[str, Any]], base_domain: str) -> dict[Key, Admission]:
    """Decide for every Route; the oldest of a host has it, and shares it in its own namespace.

    Times are in whole seconds, so a newcomer can look as old as the holder: the one whose status
    says that it was admitted keeps the host.
    """
    owners: dict[str, str] = {}
    paths: dict[tuple[str, str], str] = {}
    result: dict[Key, Admission] = {}

    def age(route: Mapping[str, Any]) -> tuple[str, bool, str]:
        metadata = route["metadata"]
        newcomer = not _was_admitted(route, wanted_host(route, base_domain))
        return metadata.get("creationTimestamp") or "", newcomer, metadata.get("uid") or ""

    for route in sorted(routes, key=age):
        namespace, name = key_of(route)
        host = wanted_host(route, base_domain)
        problem = _problem(route, host)
        if problem:
            result[namespace, name] = Admission(host, False, "ExtendedValidationFailed", problem)
            continue
        owner = owners.setdefault(host, namespace)
        path = route["spec"].get("path") or "/"
        holder = paths.get((host, path))
        if owner != namespace:
            message = f"a route in another namespace holds host {host}"
            result[namespace, name] = Admission(host, False, "HostAlreadyClaimed", message)
        elif holder is not None:
            message = f"route {holder} already exposes {host}{'' if path == '/' else path}"
            result[namespace, name] = Admission(host, False, "HostAlreadyClaimed", message)
        else:
            paths[host, path] = name
            result[namespace, name] = Admission(host, True)
    return result


def build_status(
    route: Mapping[str, Any], admission: Admission, router_name: str, base_domain: str
) -> Manifest:
    """Build a Route's status; what other routers wrote there stays."""
    ingress = list((route.get("status") or {}).get("ingress") or [])
    ours: Mapping[str, Any] = next(
        (entry for entry in ingress if entry.get("routerName") == router_name), {}
    )
    conditions = set_condition(
        ours.get("conditions"),
        "Admitted",
        admission.admitted,
        admission.reason or "Admitted",
        admission.message,
    )
    entry = {
        "host": admission.host,
        "routerName": router_name,
        "routerCanonicalHostname": f"router-{router_name}.{base_domain}",
        "wildcardPolicy": "None",
        "conditions": conditions,
    }
    others = [other for other in ingress if other.get("routerName") != router_name]
    return {"ingress": [entry, *others]}


def find_port(service: Mapping[str, Any], wanted: Any) -> Mapping[str, Any] | None:
    """Return the Service's port that ``spec.port.targetPort`` means; the first without it."""
    ports: Sequence[Mapping[str, Any]] = service["spec"].get("ports") or []
    if wanted in (None, ""):
        return ports[0] if ports else None
    for port in ports:
        if wanted == port.get("name") or str(wanted) == str(port.get("targetPort")):
            return port
    return next((port for port in ports if str(port["port"]) == str(wanted)), None)


def find_addresses(
    service: Mapping[str, Any] | None, wanted: Any, slices: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Return where a Service answers: its cluster address, its pods', or its external name."""
    if service is None:
        return ()
    port = find_port(service, wanted)
    if port is None:
        return ()
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return (f"{spec['externalName']}:{port['port']}",)
    address = spec.get("clusterIP")
    if address and address != "None":
        return (f"[{address}]:{port['port']}" if ":" in address else f"{address}:{port['port']}",)
    found = []
    for part in slices:
        numbers = [p["port"] for p in part.get("ports") or [] if p.get("name") == port.get("name")]
        for endpoint in part.get("endpoints") or []:
            if (endpoint.get("conditions") or {}).get("ready", True) and numbers:
                found += [f"{one}:{numbers[0]}" for one in endpoint["addresses"]]
    return tuple(sorted(found))


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
    namespace, _ = key_of(route)
    name = "_".join(key_of(route))
    tls = route["spec"].get("tls")
    path = route["spec"].get("path") or ""
    reencrypt = bool(tls) and tls["termination"] == "reencrypt"
    common: Manifest = {"rule": build_rule(host, path), "priority": 10 + len(path), "service": name}
    options = read_options(route)

    def service(backend: Backend) -> Manifest:
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
            transport = f"{name}_{backend.service}" if own else f"{namespace}_{backend.service}"
            configuration.http["serversTransports"][transport] = {
                **settings,
                "maxIdleConnsPerHost": 32,
            }
            balancer["serversTransport"] = transport
        return {"loadBalancer": balancer}

    _add_services(configuration.http["services"], name, backends, service)
    routers = configuration.http["routers"]
    middlewares = {
        f"{name}_{part}": one for part, one in options.middlewares(path, tls=bool(tls)).items()
    }
    if backends[0].host:
        middlewares[name] = {"headers": {"customRequestHeaders": {"Host": backends[0].host}}}
    if middlewares:
        configuration.http["middlewares"] |= middlewares
        common["middlewares"] = list(middlewares)
    if not tls:
        routers[name] = {**common, "entryPoints": [HTTP_ENTRY]}
        return
    routers[name] = {**common, "entryPoints": [HTTPS_ENTRY], "tls": {}}
    policy = tls.get("insecureEdgeTerminationPolicy") or "None"
    if policy == "Allow":
        routers[f"{name}_insecure"] = {**common, "entryPoints": [HTTP_ENTRY]}
    elif policy == "Redirect":
        routers[f"{name}_insecure"] = _redirect(common)


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
        if not admission.admitted:
            continue
        found = backends(route)
        tls = route["spec"].get("tls") or {}
        if tls.get("termination") == "passthrough":
            _add_passthrough(configuration, route, admission.host, found)
            continue
        _add_http(configuration, route, admission.host, found, authority)
        if tls.get("certificate") and tls.get("key"):
            chain = "\n".join(
                part.strip() for part in (tls["certificate"], tls.get("caCertificate")) if part
            )
            configuration.certificates.append({"certFile": chain, "keyFile": tls["key"]})
    configuration.certificates += [dict(pair) for pair in extra_certificates]
    return configuration.build(default_certificate)


def _called_host(service: Mapping[str, Any] | None) -> str | None:
    """Return the host of a function: its activator tells functions apart by it."""
    labels = (service or {}).get("metadata", {}).get("labels") or {}
    if service is None or FUNCTION_LABEL not in labels:
        return None
    namespace, name = key_of(service)
    return f"{name}.{namespace}.svc"


def backends_of(
    route: Mapping[str, Any],
    services: Mapping[Key, Mapping[str, Any]],
    slices: Mapping[Key, Sequence[Mapping[str, Any]]],
) -> list[Backend]:
    """Return the backends of a Route, the main one first; a weight of zero gets nothing."""
    spec = route["spec"]
    namespace, _ = key_of(route)
    wanted = (spec.get("port") or {}).get("targetPort")
    result = []
    for target in [spec["to"], *(spec.get("alternateBackends") or [])]:
        weight = target.get("weight")
        weight = 100 if weight is None else int(weight)
        if weight == 0:
            continue
        key = (namespace, target["name"])
        service = services.get(key)
        addresses = find_addresses(service, wanted, slices.get(key, ()))
        result.append(Backend(target["name"], addresses, weight, _called_host(service)))
    return result or [Backend(spec["to"]["name"], (), 1)]
