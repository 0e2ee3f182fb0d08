"""What a function is made of: a Deployment that may have no pods, and two Services.

``<name>`` leads callers to the activator, ``<name>-private`` names the pods to it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from activator.scaling import SERVICE_LABEL, InvalidFunctionError, read_scaling
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import restricted_pod_security_context, standard_labels

ACTIVATOR = "lab-activator"
DEFAULT_PORT = 8080
# A pod that is told to end goes on answering until nobody sends to it any more.
_DRAIN_SECONDS = 2


def find_port(function: Mapping[str, Any]) -> int:
    """Return the port that the function listens on."""
    template = (function.get("spec") or {}).get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or []
    if not containers:
        raise InvalidFunctionError("spec.template.spec.containers is empty")
    ports = containers[0].get("ports") or []
    if len(ports) > 1:
        raise InvalidFunctionError("the first container has more than one port")
    return int(ports[0]["containerPort"]) if ports else DEFAULT_PORT


def identity(function: Mapping[str, Any]) -> tuple[str, str]:
    return function["metadata"]["namespace"], function["metadata"]["name"]


def _metadata(function: Mapping[str, Any], name: str) -> Manifest:
    namespace, function_name = identity(function)
    labels = {SERVICE_LABEL: function_name, **standard_labels(function_name, "function")}
    return {"name": name, "namespace": namespace, "labels": labels}


def build_deployment(function: Mapping[str, Any]) -> Manifest:
    """Build the Deployment. It names no replicas: their number is the activator's."""
    _, name = identity(function)
    port = find_port(function)
    read_scaling(function)
    template = function["spec"]["template"]
    labels = {
        **((template.get("metadata") or {}).get("labels") or {}),
        SERVICE_LABEL: name,
        "app": name,
    }
    annotations = dict((template.get("metadata") or {}).get("annotations") or {})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(function, f"{name}-deployment"),
        "spec": {
            "selector": {"matchLabels": {SERVICE_LABEL: name}},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
            },
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": _pod(function, port),
            },
        },
    }


def _pod(function: Mapping[str, Any], port: int) -> Manifest:
    """The pod as it was written, without what is Knative's, under ``restricted``."""
    spec: Manifest = copy.deepcopy(function["spec"]["template"]["spec"])
    for key in (
        "containerConcurrency",
        "timeoutSeconds",
        "responseStartTimeoutSeconds",
        "idleTimeoutSeconds",
    ):
        spec.pop(key, None)
    _complete(spec["containers"][0], port, identity(function)[1])
    for container in spec["containers"]:
        security = container.setdefault("securityContext", {})
        security.setdefault("allowPrivilegeEscalation", False)
        security.setdefault("capabilities", {"drop": ["ALL"]})
    spec["securityContext"] = {
        **restricted_pod_security_context(),
        **(spec.get("securityContext") or {}),
    }
    spec.setdefault("enableServiceLinks", False)
    return spec


def _complete(main: Manifest, port: int, name: str) -> None:
    """Add what Knative gives the container that answers, where it does not say otherwise."""
    main.setdefault("name", "user-container")
    if not main.get("image"):
        raise InvalidFunctionError(f"container {main['name']} has no image")
    main.setdefault("imagePullPolicy", "IfNotPresent")
    main["ports"] = [{"name": "user-port", "containerPort": port, "protocol": "TCP"}]
    environment = main.setdefault("env", [])
    known = {variable["name"] for variable in environment}
    wanted = {"PORT": str(port), "K_SERVICE": name, "K_CONFIGURATION": name}
    environment += [{"name": k, "value": v} for k, v in wanted.items() if k not in known]
    probe = main.setdefault("readinessProbe", {})
    probe.setdefault("periodSeconds", 1)
    kind = next((k for k in ("httpGet", "tcpSocket", "grpc", "exec") if k in probe), None)
    if kind is None:
        probe["tcpSocket"] = {"port": port}
    elif kind in ("httpGet", "tcpSocket") and not probe[kind].get("port"):
        probe[kind]["port"] = port
    main.setdefault("lifecycle", {}).setdefault("preStop", {"sleep": {"seconds": _DRAIN_SECONDS}})


def build_private_service(function: Mapping[str, Any]) -> Manifest:
    """Build the Service by whose endpoints the activator finds the pods."""
    _, name = identity(function)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(function, f"{name}-private"),
        "spec": {
            "clusterIP": "None",
            "selector": {SERVICE_LABEL: name},
            "ports": [
                {
                    "name": "http",
                    "port": 80,
                    "targetPort": find_port(function),
                    "protocol": "TCP",
                }
            ],
        },
    }


def build_service(
    function: Mapping[str, Any], platform_namespace: str, cluster_domain: str
) -> Manifest:
    """Build the Service that callers use: another name of the activator."""
    _, name = identity(function)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(function, name),
        "spec": {
            "type": "ExternalName",
            "externalName": f"{ACTIVATOR}.{platform_namespace}.svc.{cluster_domain}",
            "ports": [{"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP"}],
        },
    }
