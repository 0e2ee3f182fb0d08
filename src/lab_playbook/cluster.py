"""The cluster of a kubeconfig, and what is to be said of an object that is not as it should be."""

from __future__ import annotations

from kubernetes import client as official
from kubernetes import config as official_config

from lab_diagnosis import Evidence, Finding, diagnose
from lab_diagnosis.collect import collect, connect, explain_error
from lab_ground.kubernetes.client import KubernetesClient


def open_cluster(kubeconfig: str = "") -> KubernetesClient:
    """Return a client for a kubeconfig's path, or for the environment's.

    Raises:
        kubernetes.config.ConfigException: there is no usable kubeconfig.
    """
    configuration = official.Configuration()
    official_config.load_kube_config(kubeconfig or None, client_configuration=configuration)
    return KubernetesClient(configuration)


def explain_object(
    kind: str,
    name: str,
    namespace: str,
    api_version: str = "",
    *,
    step: str = "",
    kubeconfig: str = "",
) -> Finding:
    """Say in a sentence why an object is not as it should be; never raises."""
    try:
        evidence = collect(connect(kubeconfig), kind, name, namespace, api_version)
    except Exception as error:
        evidence = Evidence(kind, name, namespace, trouble=explain_error(error))
    return diagnose(evidence, step)
