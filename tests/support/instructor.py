"""An instructor who is no administrator: the rights of docs/instructor, in a kubeconfig."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cluster_accounts
import yaml

from lab_ground.kubernetes.client import KubernetesClient, open_client

ROOT = Path(__file__).resolve().parents[2]
RIGHTS = ROOT / "docs" / "instructor" / "rights.yml"
NAME = "mnist-lab-instructor"
HOME = "lab-instructors"


@dataclass(frozen=True)
class Instructor:
    """Who works in the seats: as a subject of a RoleBinding, and as a kubeconfig."""

    subject: dict[str, str]
    kubeconfig: Path

    def client(self) -> KubernetesClient:
        """Comes as the instructor."""
        return open_client(str(self.kubeconfig))


@contextmanager
def instructor(admin: KubernetesClient, admins: Path, directory: Path) -> Iterator[Instructor]:
    """An account with what rights.yml gives, bound as the document says; all gone afterwards."""
    subject = {"kind": "ServiceAccount", "name": "instructor", "namespace": HOME}
    admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}})
    admin.apply(cluster_accounts.account("instructor", HOME))
    whole, images = yaml.safe_load_all(RIGHTS.read_text())
    place = {"namespace": images["metadata"]["namespace"]}
    made = [
        whole,
        images,
        _binding("ClusterRoleBinding", whole, subject, {}),
        _binding("RoleBinding", images, subject, place),
    ]
    for manifest in made:
        admin.apply(manifest)
    path = directory / "instructor-kubeconfig"
    path.touch(mode=0o600)
    path.write_text(_kubeconfig(admin, admins))
    try:
        yield Instructor(subject, path)
    finally:
        for manifest in reversed(made):
            metadata = manifest["metadata"]
            admin.delete(manifest["apiVersion"], manifest["kind"], NAME, metadata.get("namespace"))
        admin.delete("v1", "Namespace", HOME)


def _binding(
    kind: str, role: dict[str, Any], subject: dict[str, str], place: dict[str, str]
) -> dict[str, Any]:
    return {
        "apiVersion": f"{cluster_accounts.RBAC}/v1",
        "kind": kind,
        "metadata": {"name": NAME, **place},
        "roleRef": {"apiGroup": cluster_accounts.RBAC, "kind": role["kind"], "name": NAME},
        "subjects": [subject],
    }


def _kubeconfig(admin: KubernetesClient, admins: Path) -> str:
    """The administrator's cluster, with the instructor's token."""
    config: dict[str, Any] = yaml.safe_load(admins.read_text())
    token = cluster_accounts.token_of(admin, HOME, "instructor", 7200)
    config["users"] = [{"name": "instructor", "user": {"token": token}}]
    for context in config["contexts"]:
        context["context"]["user"] = "instructor"
    return json.dumps(config)


def rules_in(client: KubernetesClient, namespace: str) -> list[dict[str, Any]]:
    """Every rule that a client has in a namespace, as `kubectl auth can-i --list` asks for them."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    answer = client.request("POST", path, body=review)
    found: list[dict[str, Any]] = answer["status"]["resourceRules"]
    return found
