"""What one project's model servers are made of in ModelMesh mode."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from controllers.model_serving.build import common
from controllers.model_serving.build.common import TOKEN_VOLUME, policy_port, service_port
from controllers.model_serving.build.containers import (
    build_puller_container,
    build_server_container,
    build_token_mount,
    build_token_volume,
    build_volumes,
)
from controllers.model_serving.specs import Model, Runtime
from lab_ground.kubernetes import peers
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import MANAGED_BY
from lab_ground.serving import constants


def labels(name: str) -> dict[str, str]:
    """Labels of everything this controller makes."""
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": "modelmesh-controller",
        constants.COMPONENT_LABEL: constants.COMPONENT,
        "app.kubernetes.io/managed-by": MANAGED_BY,
    }


def deployment_name(runtime: str) -> str:
    """`modelmesh-serving-<runtime>`."""
    return f"{constants.SERVICE}-{runtime}"


def models_config_map_name(runtime: str) -> str:
    """The ConfigMap that tells a runtime's pods which models they serve."""
    return f"{deployment_name(runtime)}-models"


def build_service_account(namespace: str) -> Manifest:
    """The pods' service account."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(constants.SERVICE_ACCOUNT, namespace),
    }


def build_role(namespace: str, runtimes: Iterable[str]) -> Manifest:
    """All that the pods may read: their orders and the data connections."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": _metadata(constants.SERVICE_ACCOUNT, namespace),
        "rules": [
            {
                "apiGroups": [""],
                "resources": ["configmaps"],
                "resourceNames": sorted(models_config_map_name(name) for name in runtimes),
                "verbs": ["get", "list", "watch"],
            },
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "resourceNames": [constants.STORAGE_CONFIG],
                "verbs": ["get"],
            },
        ],
    }


def build_role_binding(namespace: str) -> Manifest:
    """The role, given to the pods' service account."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": _metadata(constants.SERVICE_ACCOUNT, namespace),
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": constants.SERVICE_ACCOUNT,
        },
        "subjects": [
            {
                "kind": "ServiceAccount",
                "name": constants.SERVICE_ACCOUNT,
                "namespace": namespace,
            }
        ],
    }


def build_service(namespace: str) -> Manifest:
    """The headless Service of all the project's runtimes."""
    ports = {
        "grpc": constants.GRPC_PORT,
        "http": constants.REST_PORT,
        "https": constants.PROXY_PORT,
        "prometheus": constants.METRICS_PORT,
    }
    metadata = _metadata(constants.SERVICE, namespace)
    metadata["labels"][constants.POD_LABEL] = constants.SERVICE
    metadata["annotations"] = {
        "service.beta.openshift.io/serving-cert-secret-name": constants.TLS_SECRET
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "clusterIP": "None",
            "selector": {constants.POD_LABEL: constants.SERVICE},
            "ports": [service_port(name, port) for name, port in ports.items()],
        },
    }


def build_models_config_map(
    namespace: str, runtime: Runtime, models: Iterable[Model], storage_version: str
) -> Manifest:
    """The runtime's orders; their hash is the generation that the pods report on."""
    text = json.dumps([model.wanted() for model in sorted(models, key=lambda item: item.name)])
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(models_config_map_name(runtime.name), namespace),
        "data": {
            constants.MODELS_KEY: text,
            "generation": hashlib.sha256(text.encode()).hexdigest()[:16],
            "storageVersion": storage_version,
        },
    }


def build_deployment(namespace: str, runtime: Runtime) -> Manifest:
    """The runtime's pods: the model server, the puller and, where asked for, the token proxy."""
    name = deployment_name(runtime.name)
    pod_labels = {
        **labels(name),
        constants.POD_LABEL: constants.SERVICE,
        constants.RUNTIME_LABEL: runtime.name,
        "name": name,
    }
    pod: Manifest = {
        "serviceAccountName": constants.SERVICE_ACCOUNT,
        "terminationGracePeriodSeconds": 30,
        "containers": [
            build_server_container(
                runtime.manifest, models_dir=constants.MODELS_DIR, readiness_path="/v2/health/live"
            ),
            _puller(namespace, runtime),
        ],
        "volumes": [
            *build_volumes(),
            build_token_volume(TOKEN_VOLUME),
            *(runtime.manifest["spec"].get("volumes") or []),
        ],
    }
    if runtime.auth:
        review = {
            "verb": "get",
            "group": "",
            "resource": "services",
            "name": "",
            "namespace": namespace,
        }
        for key, more in common.build_token_proxy(review, constants.TLS_SECRET).items():
            pod[key] += more
    metadata = _metadata(name, namespace)
    metadata["labels"][constants.RUNTIME_LABEL] = runtime.name
    return common.build_deployment(
        metadata,
        replicas=runtime.replicas,
        selector=_selector(name),
        labels=pod_labels,
        annotations={
            "prometheus.io/path": "/metrics",
            "prometheus.io/port": str(constants.METRICS_PORT),
            "prometheus.io/scheme": "http",
            "prometheus.io/scrape": "true",
        },
        pod=pod,
    )


def _puller(namespace: str, runtime: Runtime) -> Manifest:
    container = build_puller_container(
        runtime.manifest,
        name="puller",
        models_dir=constants.MODELS_DIR,
        environment={
            "LAB_PULLER_NAMESPACE": namespace,
            "LAB_PULLER_CONFIG_MAP": models_config_map_name(runtime.name),
        },
        mounts=[build_token_mount(TOKEN_VOLUME)],
    )
    container["ports"] = [
        {"name": "puller", "containerPort": constants.PULLER_PORT, "protocol": "TCP"}
    ]
    probe = {"port": constants.PULLER_PORT}
    container["readinessProbe"] = {
        "httpGet": {"path": "/ready", **probe},
        "periodSeconds": 1,
        "timeoutSeconds": 3,
    }
    container["livenessProbe"] = {
        "httpGet": {"path": "/live", **probe},
        "initialDelaySeconds": 10,
        "periodSeconds": 10,
        "timeoutSeconds": 5,
    }
    return container


def build_network_policy(namespace: str, runtime: Runtime) -> Manifest:
    """Who may reach which port; the puller is for the controller."""
    name = deployment_name(runtime.name)
    monitoring = {
        "namespaceSelector": {"matchLabels": {"network.openshift.io/policy-group": "monitoring"}}
    }
    return common.build_network_policy(
        _metadata(name, namespace),
        _selector(name),
        authorised=runtime.auth,
        rules=[
            {"ports": [policy_port(constants.PULLER_PORT)], "from": [peers.operators()]},
            common.metrics_rule(monitoring),
        ],
    )


def build_route(model: Model, runtime: Runtime) -> Manifest:
    """The Route of one model, for a runtime that asks for one."""
    metadata = _metadata(model.name, model.namespace)
    metadata["labels"]["inferenceservice-name"] = model.name
    path = f"/v2/models/{model.name}"
    return common.build_route(metadata, constants.SERVICE, secured=runtime.auth, path=path)


def urls(namespace: str, runtime: Runtime) -> dict[str, str]:
    """Where a model of this runtime is reached inside the cluster."""
    host = f"{constants.SERVICE}.{namespace}"
    # The serving certificate has the name with ".svc", so that is the one to call by.
    rest = (
        f"https://{host}.svc:{constants.PROXY_PORT}"
        if runtime.auth
        else f"http://{host}:{constants.REST_PORT}"
    )
    grpc = f"grpc://{host}:{constants.GRPC_PORT}"
    return {"url": grpc, "grpcUrl": grpc, "restUrl": rest}


def _metadata(name: str, namespace: str) -> Manifest:
    return {"name": name, "namespace": namespace, "labels": labels(name)}


def _selector(name: str) -> dict[str, str]:
    return {constants.POD_LABEL: constants.SERVICE, "name": name}
