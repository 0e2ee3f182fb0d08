"""The project's bucket, reached through its Route with the keys of its data connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_ground import connections
from lab_ground.s3 import Bucket, Kind, StoreError

TIMES = {"connect_timeout": 5, "attempts": 3}


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
    """Return the bucket that a module's parameters describe.

    Raises:
        StoreError: the data connection, or the address, cannot be right; names the field.
    """
    from kubernetes import client, config

    config.load_kube_config()
    name = params["data_connection"]
    secret = client.CoreV1Api().read_namespaced_secret(name, params["namespace"])
    values, faults = connections.decode_secret({"data": secret.data})
    try:
        if wrong := {key: faults[key] for key in connections.FIELDS if key in faults}:
            raise connections.DataConnectionError(name, wrong)
        # From here the store is reached by its Route; the Secret has its address in the cluster.
        connection = connections.read_connection(
            {**values, connections.ENDPOINT: params["url"]},
            name=name,
            called={connections.ENDPOINT: "url"},
        )
    except connections.DataConnectionError as error:
        raise StoreError(Kind.OTHER, str(error), "(no request was made)") from None
    return Bucket(connection, ca=params["ca_certificate"], **TIMES)


def bucket_arguments() -> dict[str, dict[str, Any]]:
    """Return the arguments with which a module reaches a bucket."""
    return {
        "url": {"type": "str", "required": True},
        "namespace": {"type": "str", "required": True},
        "data_connection": {"type": "str", "default": "aws-connection-s3-creds"},
        "ca_certificate": {"type": "str", "default": ""},
    }
