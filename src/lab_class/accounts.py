"""What learners sign in as: a service account each, with a project admin's rights in one seat.

A password is kept as a hash only, in a Secret of the platform; the login service compares it and
asks the API server for a token of the account. Where the cluster has users of its own (OpenShift),
they are bound by their names instead, and there is no password of ours.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lab_class.record import NAMESPACE
from lab_class.roster import Seat
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ConflictError, NotFoundError
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.passwords import generate_password, hash_password

ACCOUNTS = "lab-learners"
PASSWORDS = "lab-learners"
BINDING = "lab-learner"
ROLE = "admin"
RBAC = "rbac.authorization.k8s.io"
LABELS = {"app.kubernetes.io/part-of": "mnist-lab", "app.kubernetes.io/component": "learner"}


def build_namespace() -> Manifest:
    """Build the namespace of the learners' accounts; no pod may run in it."""
    labels = {**LABELS, "app.kubernetes.io/part-of": "lab-platform",
              "pod-security.kubernetes.io/enforce": "restricted"}  # fmt: skip
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": ACCOUNTS, "labels": labels}}  # fmt: skip


def build_quota() -> Manifest:
    """Build the quota that keeps pods out of the accounts' namespace."""
    return {"apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "no-pods", "namespace": ACCOUNTS, "labels": LABELS},
            "spec": {"hard": {"pods": "0"}}}  # fmt: skip


def build_account(learner: str) -> Manifest:
    """Build a learner's service account."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
        "name": learner, "namespace": ACCOUNTS, "labels": LABELS}}  # fmt: skip


def build_binding(seat: Seat, *, own_users: bool) -> Manifest:
    """Build what makes a learner the admin of a seat."""
    subject = (
        {"kind": "User", "apiGroup": RBAC, "name": seat.learner}
        if own_users
        else {"kind": "ServiceAccount", "name": seat.learner, "namespace": ACCOUNTS}
    )
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": BINDING, "namespace": seat.namespace, "labels": LABELS},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": ROLE},
        "subjects": [subject],
    }


def build_entry(password: str) -> str:
    """Build what the Secret holds of a password, in base64."""
    entry = {
        "hash": hash_password(password),
        "changed": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return base64.b64encode(json.dumps(entry).encode()).decode()


@dataclass(frozen=True)
class Accounts:
    """The learners' accounts in a cluster; ``own_users`` where it has users itself."""

    client: KubernetesClient
    own_users: bool = False

    def _kept(self) -> Mapping[str, str]:
        found = self.client.get("v1", "Secret", PASSWORDS, NAMESPACE)
        return (found or {}).get("data") or {}

    def entries(self) -> dict[str, str]:
        """Return what is kept of each learner's password."""
        return dict(self._kept())

    def is_given(self, seat: Seat) -> bool:
        """Say whether a seat's learner has account, password and rights."""
        wanted = build_binding(seat, own_users=self.own_users)
        found = self.client.get(f"{RBAC}/v1", "RoleBinding", BINDING, seat.namespace) or {}
        if any(found.get(key) != wanted[key] for key in ("roleRef", "subjects")):
            return False
        if self.own_users:
            return True
        account = self.client.get("v1", "ServiceAccount", seat.learner, ACCOUNTS)
        return account is not None and seat.learner in self._kept()

    def restore(self, seat: Seat, entry: str) -> None:
        """Give a learner account and rights again, with the password of which ``entry`` is kept.

        A password that the cluster has stays.

        Raises:
            ApiError: the cluster refuses; a seat's namespace must be there.
        """
        if not self.own_users and entry and seat.learner not in self._kept():
            self._keep(seat.learner, entry)
        self.give(seat)

    def known(self) -> set[str]:
        """Return who has a password."""
        return set(self._kept())

    def give(self, seat: Seat) -> str:
        """Give a seat's learner account and rights; return the password if it is a new one.

        Raises:
            ApiError: the cluster refuses; a seat's namespace must be there.
        """
        if not seat.learner:
            return ""
        if not self.own_users:
            self.make(seat.learner)
        self._bind(seat)
        if self.own_users or seat.learner in self._kept():
            return ""
        return self.renew(seat.learner)

    def make(self, learner: str) -> None:
        """Make a learner's account, with rights nowhere yet.

        Raises:
            ApiError: the cluster refuses.
        """
        # Where the platform's role has made the namespace, it is that role's.
        if self.client.get("v1", "Namespace", ACCOUNTS) is None:
            self.client.apply(build_namespace())
        for manifest in (build_quota(), build_account(learner)):
            self.client.apply(manifest)

    def _bind(self, seat: Seat) -> None:
        wanted = build_binding(seat, own_users=self.own_users)
        found = self.client.get(f"{RBAC}/v1", "RoleBinding", BINDING, seat.namespace)
        if found and found.get("roleRef") != wanted["roleRef"]:
            # What is bound cannot be changed in place.
            self.client.delete(f"{RBAC}/v1", "RoleBinding", BINDING, seat.namespace)
        self.client.apply(wanted)

    def renew(self, learner: str) -> str:
        """Give a learner a new password and return it, for the only time."""
        password = generate_password()
        self._keep(learner, build_entry(password))
        return password

    def _keep(self, learner: str, entry: str) -> None:
        try:
            self.client.patch("v1", "Secret", PASSWORDS, {"data": {learner: entry}}, NAMESPACE)
        except NotFoundError:
            labels = {**LABELS, "app.kubernetes.io/part-of": "lab-platform"}
            metadata = {"name": PASSWORDS, "namespace": NAMESPACE, "labels": labels}
            try:
                self.client.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata,
                                    "type": "Opaque", "data": {learner: entry}})  # fmt: skip
            except ConflictError:
                self._keep(learner, entry)

    def take(self, learner: str) -> None:
        """Take account and password away: who is signed in with them is out at once."""
        if not learner:
            return
        self.client.delete("v1", "ServiceAccount", learner, ACCOUNTS)
        if learner in self._kept():
            self.client.patch("v1", "Secret", PASSWORDS, {"data": {learner: None}}, NAMESPACE)

    def left(self, learner: str) -> list[str]:
        """Name what is left of a learner's account."""
        left = []
        if learner and self.client.get("v1", "ServiceAccount", learner, ACCOUNTS) is not None:
            left.append(f"ServiceAccount {ACCOUNTS}/{learner}")
        if learner in self._kept():
            left.append(f"the password of {learner} in Secret {NAMESPACE}/{PASSWORDS}")
        return left
