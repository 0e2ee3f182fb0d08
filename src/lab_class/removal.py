"""Takes a seat away for good, and proves that nothing of it is left."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lab_class.accounts import Accounts
from lab_class.handout import read_access
from lab_class.record import PART_OF_LAB
from lab_class.roster import ClassError, Seat
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.waiting import moments
from lab_reset.cluster import Cluster, cluster_leftovers

SECONDS = 180
# What the controllers take away themselves once a namespace is gone.
AFTER_SECONDS = 30
RBAC = "rbac.authorization.k8s.io/v1"


def refuse_foreign(client: KubernetesClient, seat: Seat) -> None:
    """Refuse a namespace that is not the lab's.

    Raises:
        ClassError: it is another's.
    """
    found = client.get("v1", "Namespace", seat.namespace)
    labels = (found or {"metadata": {}})["metadata"].get("labels") or {}
    if found is not None and any(labels.get(key) != value for key, value in PART_OF_LAB.items()):
        label = ", ".join(f"{key}={value}" for key, value in PART_OF_LAB.items())
        raise ClassError(
            f"namespace {seat.namespace} is not a lab's: it lacks the label {label}. "
            "Nothing was touched"
        )


def remove(
    client: KubernetesClient, seats: Iterable[Seat], accounts: Accounts, seconds: float = SECONDS
) -> None:
    """Remove seats side by side, with all that is in them and who signs in to them.

    Raises:
        ClassError: something is left; each thing is named.
    """
    seats = list(seats)
    for seat in seats:
        accounts.take(seat.learner)
        client.delete("v1", "Namespace", seat.namespace)
    hurried: set[str] = set()
    going = seats
    for _ in moments(seconds, 1.0):
        going = [
            seat for seat in going if client.get("v1", "Namespace", seat.namespace) is not None
        ]
        if not going:
            break
        for seat in going:
            hurry(Cluster(client, seat.namespace), hurried)
    if going:
        raise ClassError(
            f"after {seconds:g} s this is still there: {'; '.join(why_it_stays(client, going))}"
        )
    left: list[str] = []
    for _ in moments(min(seconds, AFTER_SECONDS), 1.0):
        if not (left := leftovers(client, seats, accounts)):
            return
    raise ClassError(f"this was left behind: {', '.join(left)}")


def hurry(cluster: Cluster, hurried: set[str]) -> None:
    """Let pods that are ending end at once, each asked once: nobody needs what they would do."""
    for pod in cluster.objects("v1", "Pod"):
        uid = pod["metadata"]["uid"]
        if uid not in hurried:
            hurried.add(uid)
            cluster.hurry(pod)


def why_it_stays(client: KubernetesClient, seats: Iterable[Seat]) -> list[str]:
    """Say of each namespace what the API server says holds it up."""
    told = []
    for seat in seats:
        found = client.get("v1", "Namespace", seat.namespace) or {}
        conditions = (found.get("status") or {}).get("conditions") or []
        reasons = [str(each["message"]) for each in conditions if each.get("status") == "True"]
        told.append(f"namespace {seat.namespace} ({' '.join(reasons) or 'no reason is given'})")
    return told


def leftovers(client: KubernetesClient, seats: Iterable[Seat], accounts: Accounts) -> list[str]:
    """Name everything of removed seats that is still in the cluster, outside their namespaces."""
    left = []
    bindings = client.list_objects(RBAC, "ClusterRoleBinding")
    for seat in seats:
        found = cluster_leftovers(Cluster(client, seat.namespace), served=False)
        names = {f"ClusterRoleBinding/{name}" for name in bound_to(bindings, seat.namespace)}
        left += sorted({*found, *names}) + accounts.left(seat.learner)
    return left


def bound_to(bindings: Iterable[Manifest], namespace: str) -> list[str]:
    """Return the names of bindings that only accounts of a namespace are subjects of."""
    return [
        binding["metadata"]["name"]
        for binding in bindings
        if (subjects := binding.get("subjects") or [])
        and all(subject.get("namespace") == namespace for subject in subjects)
    ]


def remove_files(state: Path, seats: Iterable[Seat]) -> None:
    """Take away what a checkout keeps of seats."""
    for seat in seats:
        for path in (
            state / f"access-{seat.namespace}.json",
            state / "handout" / f"{seat.namespace}.html",
        ):
            path.unlink(missing_ok=True)
        if read_access(state, seat.namespace):
            # The first seat's own file has no seat's name.
            (state / "access.json").unlink(missing_ok=True)
