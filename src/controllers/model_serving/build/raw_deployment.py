"""What one model's server is made of in KServe's RawDeployment mode."""

from __future__ import annotations

import json

from controllers.model_serving.build import common
from controllers.model_serving.build.common import service_port
from controllers.model_serving.build.containers import (
    build_puller_container,
    build_server_container,
    build_volumes,
)
from controllers.model_serving.specs import Model, Runtime
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import MANAGED_BY
from lab_ground.serving import constants
from lab_ground.settings import get_settings

INITIALIZER = "storage-initializer"


def labels(model: Model) -> dict[str, str]:
    """Labels of everything that belongs to the model."""
    return {
        "app": f"isvc.{name_of(model)}",
        "component": "predictor",
        constants.RAW_POD_LABEL: model.name,
        constants.COMPONENT_LABEL: constants.COMPONENT,
        "app.kubernetes.io/managed-by": MANAGED_BY,
    }


def name_of(model: Model) -> str:
    """`<isvc>-predictor`."""
    return f"{model.name}-predictor"


def service_account_of(model: Model) -> str:
    """The named service account, or one of the model's own."""
    # Not <model>-sa: that is the callers' account, made by the dashboard.
    return model.service_account or name_of(model)


def build_service_account(model: Model) -> Manifest:
    """The model's own service account, where none is named."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(model, service_account_of(model)),
    }


def build_service(model: Model) -> Manifest:
    """The model's Service: TLS with a token on 8443 and nothing else, or plain on 80 and gRPC."""
    ports = [
        service_port("http", 80, constants.REST_PORT),
        service_port("grpc", constants.GRPC_PORT),
    ]
    metadata = _metadata(model, name_of(model))
    if model.authorised:
        # As kserve's service_reconciler.go: no way round the token proxy.
        ports = [service_port("https", constants.PROXY_PORT)]
        metadata["annotations"] = {
            "service.beta.openshift.io/serving-cert-secret-name": _tls_secret(model)
        }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": _selector(model), "ports": ports},
    }


def build_deployment(model: Model, runtime: Runtime) -> Manifest:
    """The model's pods: the initializer fetches the model, the server serves it."""
    order = json.dumps(model.wanted(), sort_keys=True)
    server = build_server_container(
        runtime.manifest,
        models_dir=constants.RAW_MODEL_DIR,
        readiness_path=f"/v2/models/{model.name}/ready",
        load_at_start=True,
    )
    initializer = build_puller_container(
        runtime.manifest,
        name=INITIALIZER,
        models_dir=constants.RAW_MODEL_DIR,
        arguments=["--once"],
        environment={"LAB_PULLER_MODEL": order},
        mounts=[
            {"name": "storage-config", "mountPath": "/mnt/storage-config", "readOnly": True},
        ],
    )
    pod: Manifest = {
        "serviceAccountName": service_account_of(model),
        "initContainers": [initializer],
        "containers": [server],
        "volumes": [
            *build_volumes(),
            {
                "name": "storage-config",
                "secret": {
                    "secretName": constants.STORAGE_CONFIG,
                    "defaultMode": 0o444,
                    "items": [{"key": model.storage_key, "path": model.storage_key}],
                },
            },
            *(runtime.manifest["spec"].get("volumes") or []),
        ],
    }
    if model.authorised:
        review = {
            "verb": "get",
            "group": constants.GROUP,
            "resource": "inferenceservices",
            "name": model.name,
            "namespace": model.namespace,
        }
        for key, more in common.build_token_proxy(review, _tls_secret(model)).items():
            pod[key] += more
    return common.build_deployment(
        _metadata(model, name_of(model)),
        replicas=model.min_replicas,
        selector=_selector(model),
        labels=labels(model),
        annotations={"serving.kserve.io/storage-path": model.path},
        pod=pod,
    )


def build_network_policy(model: Model) -> Manifest:
    """Who may reach which port."""
    return common.build_network_policy(
        _metadata(model, name_of(model)),
        _selector(model),
        authorised=model.authorised,
        rules=[common.metrics_rule()],
    )


def build_route(model: Model) -> Manifest:
    """The model's Route, where it is to be seen from outside."""
    metadata = _metadata(model, model.name)
    metadata["labels"]["inferenceservice-name"] = model.name
    return common.build_route(metadata, name_of(model), secured=model.authorised)


def urls(model: Model) -> dict[str, str]:
    """Where the model is reached inside the cluster."""
    host = f"{name_of(model)}.{model.namespace}.svc.{get_settings().cluster_domain}"
    if model.authorised:
        rest = f"https://{host}:{constants.PROXY_PORT}"
        return {"url": rest, "restUrl": rest}
    rest = f"http://{host}"
    return {"url": rest, "grpcUrl": f"grpc://{host}:{constants.GRPC_PORT}", "restUrl": rest}


def _tls_secret(model: Model) -> str:
    return f"{name_of(model)}-serving-cert"


def _selector(model: Model) -> dict[str, str]:
    return {"app": f"isvc.{name_of(model)}"}


def _metadata(model: Model, name: str) -> Manifest:
    return {"name": name, "namespace": model.namespace, "labels": labels(model)}
