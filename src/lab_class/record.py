"""Where the list of seats is kept: a ConfigMap of the cluster, and a file of each checkout.

The cluster's word counts. A cluster without one, a new one, is given the checkout's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab_class.roster import ClassError, Roster, Seat, parse
from lab_ground.files import write_whole
from lab_ground.kubernetes.errors import ConflictError
from lab_ground.kubernetes.manifest import Manifest

if TYPE_CHECKING:
    # Not for who only reads the file: a bare machine has no client yet.
    from lab_ground.kubernetes.client import KubernetesClient

NAMESPACE = "lab-platform"
NAME = "lab-class"
KEY = "seats.json"
FILE = "seats.json"
PART_OF_LAB = {"app.kubernetes.io/part-of": "mnist-lab"}
# The seat that `./lab up` makes where there is no class: the instructor's own.
OWN = "mnist"
TRIES = 5


def read_file(state: Path) -> Roster:
    """Return the list of a checkout; an empty one where it has none.

    Raises:
        ClassError: the file is not such a list.
    """
    path = state / FILE
    try:
        return parse(path.read_text(encoding="utf-8")) if path.exists() else Roster()
    except ClassError as error:
        raise ClassError(f"{path}: {error}; remove it, and the cluster's is taken") from error


def write_file(state: Path, roster: Roster) -> bool:
    """Give a checkout the list; return whether it changed."""
    path, text = state / FILE, roster.to_json()
    if not roster.seats:
        if not path.exists():
            return False
        path.unlink()
        return True
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    write_whole(path, text, 0o600)
    return True


def of_config_map(found: Manifest | None) -> Roster | None:
    """Return the list in a cluster's ConfigMap; None where there is none."""
    return None if found is None else parse((found.get("data") or {}).get(KEY, ""))


@dataclass(frozen=True)
class Record:
    """The list in the cluster, with a checkout's copy."""

    client: KubernetesClient
    state: Path

    def _found(self) -> Manifest | None:
        return self.client.get("v1", "ConfigMap", NAME, NAMESPACE)

    def read(self) -> Roster:
        """Return the cluster's list, else the checkout's; the checkout has it then.

        Raises:
            ClassError: it cannot be read.
        """
        kept = of_config_map(self._found())
        if kept is None:
            return read_file(self.state)
        write_file(self.state, kept)
        return kept

    def change(self, by: Callable[[Roster], Roster]) -> Roster:
        """Change the list for everybody; another checkout's change in between is kept.

        Raises:
            ClassError: it cannot be read, or others change it all the time.
        """
        for _ in range(TRIES):
            found = self._found()
            kept = of_config_map(found)
            changed = by(self._begun() if kept is None else kept)
            try:
                self._write(found, changed)
            except ConflictError:
                continue
            write_file(self.state, changed)
            return changed
        raise ClassError("others change the list of seats at the same time; try again")

    def _begun(self) -> Roster:
        """Return what a class begins with: the checkout's list, else the seat that is there."""
        if (kept := read_file(self.state)).seats:
            return kept
        own = self.client.get("v1", "Namespace", OWN)
        labels = (own or {"metadata": {}})["metadata"].get("labels") or {}
        ours = all(labels.get(key) == value for key, value in PART_OF_LAB.items())
        return Roster((Seat(OWN, step="complete"),)) if ours else Roster()

    def _write(self, found: Manifest | None, roster: Roster) -> None:
        if found is not None:
            self.client.replace({**found, "apiVersion": "v1", "kind": "ConfigMap"}
                                | {"data": {KEY: roster.to_json()}})  # fmt: skip
            return
        if self.client.get("v1", "Namespace", NAMESPACE) is None:
            metadata = {"name": NAMESPACE, "labels": {"app.kubernetes.io/part-of": "lab-platform"}}
            self.client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        self.client.create({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": {
                "app.kubernetes.io/part-of": "lab-platform"}},
            "data": {KEY: roster.to_json()},
        })  # fmt: skip
