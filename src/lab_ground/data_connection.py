"""The project's bucket, reached with what its data connection says."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from lab_ground.bucket import Bucket


def read_data_connection(namespace: str, name: str) -> dict[str, str]:
    """Return the values of a data connection's Secret, from the cluster of KUBECONFIG."""
    from kubernetes import client, config

    config.load_kube_config()
    secret = client.CoreV1Api().read_namespaced_secret(name, namespace)
    return {key: base64.b64decode(value).decode() for key, value in (secret.data or {}).items()}


def read_config_map(namespace: str, name: str) -> dict[str, str]:
    """Return a ConfigMap's data; nothing where there is none."""
    from kubernetes import client, config
    from kubernetes.client.exceptions import ApiException

    config.load_kube_config()
    try:
        return client.CoreV1Api().read_namespaced_config_map(name, namespace).data or {}
    except ApiException as error:
        if error.status == 404:
            return {}
        raise


def open_bucket(params: Mapping[str, Any]) -> Bucket:
    """Return the bucket that a module's parameters describe."""
    connection = read_data_connection(params["namespace"], params["data_connection"])
    keys = connection["AWS_ACCESS_KEY_ID"], connection["AWS_SECRET_ACCESS_KEY"]
    region = connection.get("AWS_DEFAULT_REGION") or "us-east-1"
    name, ca = connection["AWS_S3_BUCKET"], params["ca_certificate"]
    return Bucket(params["url"], name, keys, ca, region)


def bucket_arguments() -> dict[str, dict[str, Any]]:
    """Return the arguments with which a module reaches a bucket."""
    return {
        "url": {"type": "str", "required": True},
        "namespace": {"type": "str", "required": True},
        "data_connection": {"type": "str", "default": "aws-connection-s3-creds"},
        "ca_certificate": {"type": "str", "default": ""},
    }
