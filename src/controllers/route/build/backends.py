"""Where a Route leads: the addresses behind its Services, and which Services it may lead to.

The router reaches every pod of the cluster, so a Route may lead to pods of its own project only. A
Service without a selector, or one of type ExternalName, leads wherever its maker writes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from activator.scaling import SERVICE_LABEL
from controllers.route.build.claims import Key, key_of

ACTIVATOR_PORT = 80
# Who makes the slices of a Service that has a selector; it takes away what others write into them.
_SLICES_MADE_BY = "endpointslice-controller.k8s.io"
_OWN_PODS = "a Route leads to pods of its own project only"
_MADE_BY = "endpointslice.kubernetes.io/managed-by"


@dataclass(frozen=True)
class Backend:
    """The addresses (``host:port``) behind one Service of a Route, and its share.

    ``host`` is what the Service must be called by, if that is not the Route's own host.
    """

    service: str
    addresses: tuple[str, ...]
    weight: int
    host: str | None = None


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


def foreign(
    service: Mapping[str, Any] | None,
    slices: Iterable[Mapping[str, Any]],
    activator: str,
    nodes: Container[str] = (),
) -> str | None:
    """What is wrong with a Service as the target of a Route of its own namespace; None is well.

    Args:
        service: the Service, or None where it is not there (yet), which is nobody's fault.
        slices: its EndpointSlices.
        activator: the only external name that a function's Service may have.
        nodes: the nodes' own addresses, which a pod on the host network has too.
    """
    if service is None:
        return None
    name, spec = service["metadata"]["name"], service["spec"]
    if spec.get("type") == "ExternalName":
        labels = service["metadata"].get("labels") or {}
        ports = {port["port"] for port in spec.get("ports") or []}
        if (
            SERVICE_LABEL in labels
            and spec["externalName"] == activator
            and ports == {ACTIVATOR_PORT}
        ):
            return None
        return f"Service {name} is of type ExternalName ({spec.get('externalName')}): {_OWN_PODS}"
    if not spec.get("selector"):
        return f"Service {name} has no selector, so anybody writes its endpoints: {_OWN_PODS}"
    for part in slices:
        metadata = part["metadata"]
        if (metadata.get("labels") or {}).get(_MADE_BY) != _SLICES_MADE_BY:
            slice_name = metadata["name"]
            return f"EndpointSlice {slice_name} of Service {name} is written by hand: {_OWN_PODS}"
        for address in _addresses_of(part):
            if address in nodes or not _of_a_pod(address):
                return (
                    f"Service {name} leads to {address}, which is no address of a pod: {_OWN_PODS}"
                )
        for entry in part.get("endpoints") or []:
            target = entry.get("targetRef") or {}
            if (target.get("kind"), target.get("namespace")) != ("Pod", metadata["namespace"]):
                return (
                    f"EndpointSlice {metadata['name']} of Service {name} names no pod: {_OWN_PODS}"
                )
    return None


def _addresses_of(part: Mapping[str, Any]) -> Iterable[str]:
    return (str(one) for entry in part.get("endpoints") or [] for one in entry["addresses"])


def _of_a_pod(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
    )


def targets_of(route: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The Services that a Route names, the main one first."""
    spec = route["spec"]
    return [spec["to"], *(spec.get("alternateBackends") or [])]


def mixed(route: Mapping[str, Any], services: Mapping[Key, Mapping[str, Any]]) -> str | None:
    """Why a Route cannot lead to what it names together; None where it can.

    The activator tells functions apart by the host that a request is for, and the router gives all
    requests of a Route the same: beside a function there is no room for another Service.
    """
    namespace, _ = key_of(route)
    names = {str(target["name"]) for target in targets_of(route)}
    functions = sorted(name for name in names if _called_host(services.get((namespace, name))))
    if functions and len(names) > 1:
        others = ", ".join(sorted(names - {functions[0]}))
        return (
            f"Service {functions[0]} is a function's, which shares no Route with others ({others})"
        )
    return None


def _called_host(service: Mapping[str, Any] | None) -> str | None:
    """Return the host of a function: its activator tells functions apart by it."""
    labels = (service or {}).get("metadata", {}).get("labels") or {}
    if service is None or SERVICE_LABEL not in labels:
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
    for target in targets_of(route):
        weight = target.get("weight")
        weight = 100 if weight is None else int(weight)
        if weight == 0:
            continue
        key = (namespace, target["name"])
        service = services.get(key)
        addresses = find_addresses(service, wanted, slices.get(key, ()))
        result.append(Backend(target["name"], addresses, weight, _called_host(service)))
    return result or [Backend(spec["to"]["name"], (), 1)]
