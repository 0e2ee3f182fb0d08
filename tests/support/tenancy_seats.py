"""Seats with a learner each, who has a project admin's rights in it and nothing else."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass

import cluster_accounts
from kubernetes import client as official
from kubernetes import config

from lab_ground.kubernetes.client import KubernetesClient

LEARNER = "learner"


@dataclass(frozen=True)
class Seat:
    """A project with a learner, who has a project admin's rights in it and nothing else."""

    namespace: str
    client: KubernetesClient
    """Comes as the learner."""
    token: str


def make_seat(client: KubernetesClient, name: str) -> Seat:
    """Make a project as the lab's are, and its learner."""
    namespace = f"{name}-{uuid.uuid4().hex[:6]}"
    labels = {
        "opendatahub.io/dashboard": "true",
        "pod-security.kubernetes.io/enforce": "restricted",
    }
    client.create(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "labels": labels},
        }
    )
    client.create(cluster_accounts.account(LEARNER, namespace))
    client.create(cluster_accounts.binding(LEARNER, namespace, role="admin"))
    token = cluster_accounts.token_of(client, namespace, LEARNER)
    return Seat(namespace, client_of(token), token)


def client_of(token: str) -> KubernetesClient:
    """A client that comes with a token and nothing else."""
    configuration = official.Configuration()
    config.load_kube_config(
        config_file=os.environ["KUBECONFIG"], client_configuration=configuration
    )
    configuration.cert_file = configuration.key_file = None
    configuration.api_key = {"authorization": f"Bearer {token}"}
    return KubernetesClient(configuration)
