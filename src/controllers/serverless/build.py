"""What a function is made of: a Deployment that may have no pods, and two Services.

``<name>`` leads callers to the activator, ``<name>-private`` names the pods to it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab_ground.kubernetes.conditions import get_condition, set_condition
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import restricted_pod_security_context, standard_labels
from lab_ground.kubernetes.pods import find_trouble as pod_trouble

ACTIVATOR = "lab-activator"
SERVICE_LABEL = "serving.knative.dev/service"
_PREFIX = "autoscaling.knative.dev/"
DEFAULT_PORT = 8080
DEFAULT_WINDOW = 60.0
DEFAULT_TARGET = 100
DEFAULT_TIMEOUT = 300.0
# A pod that is told to end goes on answering until nobody sends to it any more.
_DRAIN_SECONDS = 2


class InvalidFunctionError(ValueError):
    """The function cannot be made; the message says what is wrong in it."""


@dataclass(frozen=True)
class Scaling:
    """How many pods a function may have, and when."""

    minimum: int = 0
    maximum: int = 0
    target: float = DEFAULT_TARGET
    concurrency: int = 0
    window: float = DEFAULT_WINDOW
    timeout: float = DEFAULT_TIMEOUT

    def wanted(self, concurrency: float) -> int:
        """Return how many pods this many requests at once need."""
        need = -(-int(concurrency) // max(1, int(self.target))) if concurrency > 0 else 0
        need = max(need, self.minimum)
        return min(need, self.maximum) if self.maximum else need


def _number(annotations: Mapping[str, str], name: str, default: float) -> float:
    value = annotations.get(_PREFIX + name)
    if value is None:
        return default
    try:
        number = float(value)
    except ValueError as error:
        raise InvalidFunctionError(f"{_PREFIX}{name}: {value!r} is not a number") from error
    if number < 0:
        raise InvalidFunctionError(f"{_PREFIX}{name}: {value!r} is negative")
    return number


def _seconds(annotations: Mapping[str, str], name: str, default: float) -> float:
    value = annotations.get(_PREFIX + name)
    if value is None:
        return default
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    for unit, factor in units.items():
        number = value.removesuffix(unit)
        if number != value and number.replace(".", "", 1).isdigit():
            return float(number) * factor
    raise InvalidFunctionError(f"{_PREFIX}{name}: {value!r} is not a time such as 30s or 5m")


def read_scaling(function: Mapping[str, Any]) -> Scaling:
    """Read the scaling from the template's annotations and container concurrency."""
    template = function["spec"]["template"]
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    minimum = int(_number(annotations, "min-scale", 0))
    maximum = int(_number(annotations, "max-scale", 0))
    if maximum and minimum > maximum:
        raise InvalidFunctionError(f"min-scale {minimum} is larger than max-scale {maximum}")
    concurrency = int(template["spec"].get("containerConcurrency") or 0)
    target = _number(annotations, "target", concurrency or DEFAULT_TARGET)
    if concurrency:
        target = min(target, concurrency)
    return Scaling(
        minimum=minimum,
        maximum=maximum,
        target=max(1.0, target),
        concurrency=concurrency,
        window=_seconds(annotations, "window", DEFAULT_WINDOW)
        + _seconds(annotations, "scale-to-zero-pod-retention-period", 0.0),
        timeout=float(template["spec"].get("timeoutSeconds") or DEFAULT_TIMEOUT),
    )


def find_port(function: Mapping[str, Any]) -> int:
    """Return the port that the function listens on."""
    containers = function["spec"]["template"]["spec"].get("containers") or []
    if not containers:
        raise InvalidFunctionError("spec.template.spec.containers is empty")
    ports = containers[0].get("ports") or []
    if len(ports) > 1:
        raise InvalidFunctionError("the first container has more than one port")
    return int(ports[0]["containerPort"]) if ports else DEFAULT_PORT


def _identity(function: Mapping[str, Any]) -> tuple[str, str]:
    return function["metadata"]["namespace"], function["metadata"]["name"]


def _metadata(function: Mapping[str, Any], name: str) -> Manifest:
    namespace, function_name = _identity(function)
    labels = {SERVICE_LABEL: function_name, **standard_labels(function_name, "function")}
    return {"name": name, "namespace": namespace, "labels": labels}


def build_deployment(function: Mapping[str, Any]) -> Manifest:
    """Build the Deployment. It names no replicas: their number is the activator's."""
    _, name = _identity(function)
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
    _complete(spec["containers"][0], port, _identity(function)[1])
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
    _, name = _identity(function)
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
    _, name = _identity(function)
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


def find_trouble(
    deployment: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]
) -> tuple[str, str] | None:
    """Return why the pods of a function do not start."""
    failure = get_condition((deployment.get("status") or {}).get("conditions"), "ReplicaFailure")
    if failure is not None and failure.get("status") == "True":
        return str(failure.get("reason")), str(failure.get("message"))
    for pod in pods:
        trouble = pod_trouble(pod)
        if trouble is not None:
            return trouble
    progressing = get_condition((deployment.get("status") or {}).get("conditions"), "Progressing")
    if progressing is not None and progressing.get("status") == "False":
        return str(progressing.get("reason")), str(progressing.get("message"))
    return None


def build_status(
    function: Mapping[str, Any],
    deployment: Mapping[str, Any] | None,
    pods: Sequence[Mapping[str, Any]],
    cluster_domain: str,
) -> Manifest:
    """Build the status: ready when a pod of this template has been, also while there is none."""
    namespace, name = _identity(function)
    status = function.get("status") or {}
    generation = function["metadata"].get("generation", 1)
    revision = f"{name}-{generation:05d}"
    url = f"http://{name}.{namespace}.svc.{cluster_domain}"
    state = (deployment or {}).get("status") or {}
    current = state.get("observedGeneration", 0) >= (
        ((deployment or {}).get("metadata") or {}).get("generation", 1)
    )
    up = (
        current
        and state.get("availableReplicas", 0) >= 1
        and state.get("updatedReplicas", 0) == state.get("replicas", 0)
    )
    proven = up or (status.get("latestReadyRevisionName") == revision and not state.get("replicas"))
    trouble = None if proven else find_trouble(deployment or {}, pods)
    if proven:
        verdict: tuple[bool | str, str, str] = (True, "Ready", "")
    elif trouble is not None:
        verdict = (False, *trouble)
    else:
        verdict = ("Unknown", "Deploying", "the first pod of this revision starts")
    conditions = status.get("conditions")
    for type_ in ("ConfigurationsReady", "RoutesReady", "Ready"):
        conditions = set_condition(conditions, type_, *verdict)
    result: Manifest = {
        "observedGeneration": generation,
        "url": url,
        "address": {"url": url},
        "latestCreatedRevisionName": revision,
        "conditions": conditions,
    }
    if proven:
        result["latestReadyRevisionName"] = revision
        result["traffic"] = [{"latestRevision": True, "percent": 100, "revisionName": revision}]
    return result


def build_invalid_status(function: Mapping[str, Any], message: str) -> Manifest:
    """Build the status of a function that cannot be made."""
    conditions = (function.get("status") or {}).get("conditions")
    for type_ in ("ConfigurationsReady", "Ready"):
        conditions = set_condition(conditions, type_, False, "InvalidSpec", message)
    return {
        "observedGeneration": function["metadata"].get("generation", 1),
        "conditions": conditions,
    }
