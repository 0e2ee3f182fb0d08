"""InferenceServices, ServingRuntimes and data connections for tests."""

from __future__ import annotations

import base64
from typing import Any

from lab_ground.kubernetes.manifest import Manifest


def runtime(name: str = "model-server", **changes: Any) -> Manifest:
    """A ServingRuntime as the dashboard makes it."""
    spec = {
        "multiModel": True,
        "replicas": 1,
        "supportedModelFormats": [{"name": "onnx", "version": "1", "autoSelect": True}],
        "containers": [
            {
                "name": "mlserver",
                "image": "mnist-serving:1.0",
                "resources": {"limits": {"cpu": "1", "memory": "512Mi"}},
            }
        ],
        **changes.pop("spec", {}),
    }
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {
            "name": name,
            "namespace": "mnist",
            "uid": f"uid-of-{name}",
            "annotations": changes.pop("annotations", {"enable-auth": "true"}),
            **changes,
        },
        "spec": spec,
    }


def service(name: str = "mnist", **changes: Any) -> Manifest:
    """An InferenceService as the dashboard makes it."""
    model = {
        "modelFormat": {"name": "onnx", "version": "1"},
        "runtime": "model-server",
        "storage": {"key": "aws-connection-s3-creds", "path": "onnx/model-v2.onnx"},
        **changes.pop("model", {}),
    }
    mode = changes.pop("mode", "ModelMesh")
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": "mnist",
            "uid": f"uid-of-{name}",
            "generation": 1,
            "resourceVersion": "1",
            "annotations": {
                **({"serving.kserve.io/deploymentMode": mode} if mode else {}),
                **changes.pop("annotations", {}),
            },
            **changes.pop("metadata", {}),
        },
        "spec": changes.pop("spec", {"predictor": {"model": model}}),
        **changes,
    }


def connection(name: str = "aws-connection-s3-creds", **changes: str) -> Manifest:
    """A data connection as the dashboard makes it."""
    values = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_S3_ENDPOINT": "http://minio-ds-pipeline.mnist.svc.cluster.local:9000",
        "AWS_S3_BUCKET": "rhods",
        "AWS_DEFAULT_REGION": "us-east-1",
        **changes,
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": "mnist",
            "resourceVersion": "7",
            "labels": {"opendatahub.io/dashboard": "true", "opendatahub.io/managed": "true"},
        },
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }
