"""A new cluster: the learners of the list have their accounts and passwords again."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from memory_cluster import MemoryCluster

from lab_class import kept, record
from lab_class.accounts import ACCOUNTS, PASSWORDS, Accounts
from lab_class.record import NAMESPACE, PART_OF_LAB
from lab_class.roster import Roster, Seat
from lab_playbook.learners import restore
from lab_playbook.outcome import TaskError

SEATS = (Seat("mnist", step="complete"), Seat("mnist-1", "ada"), Seat("mnist-2", "bob"))


def fresh() -> MemoryCluster:
    cluster = MemoryCluster()
    for seat in SEATS:
        cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": seat.namespace, "labels": PART_OF_LAB}})  # fmt: skip
    return cluster


def asked(state: Path, **more: object) -> dict[str, object]:
    names = [seat.namespace for seat in SEATS]
    return {"namespaces": names, "state": str(state), "own_users": False, **more}


@pytest.fixture
def former(tmp_path: Path) -> dict[str, str]:
    """What the checkout keeps of a class that was handed out."""
    record.write_file(tmp_path, Roster(SEATS))
    cluster = fresh()
    accounts = Accounts(cluster)
    for seat in SEATS:
        accounts.give(seat)
    kept.write(tmp_path, accounts.entries())
    return accounts.entries()


def test_a_new_cluster_takes_the_passwords_that_were_handed_out(
    tmp_path: Path, former: dict[str, str]
) -> None:
    cluster = fresh()
    told = restore(asked(tmp_path), False, cluster)
    assert (told["changed"], told["restored"], told["unknown"]) == (True, ["ada", "bob"], [])
    assert cluster.get("v1", "Secret", PASSWORDS, NAMESPACE)["data"] == former
    assert cluster.get("v1", "ServiceAccount", "ada", ACCOUNTS) is not None
    writes = len(cluster.writes)
    assert restore(asked(tmp_path), False, cluster)["changed"] is False
    assert len(cluster.writes) == writes


def test_check_mode_tells_and_touches_nothing(tmp_path: Path, former: dict[str, str]) -> None:
    cluster = fresh()
    assert restore(asked(tmp_path), True, cluster)["restored"] == ["ada", "bob"]
    assert cluster.writes == []


def test_who_has_no_kept_password_is_named(tmp_path: Path, former: dict[str, str]) -> None:
    kept.write(tmp_path, {"ada": former["ada"]})
    told = restore(asked(tmp_path), False, fresh())
    assert (told["restored"], told["unknown"]) == (["ada"], ["bob"])


def test_only_the_seats_that_are_prepared_are_looked_at(
    tmp_path: Path, former: dict[str, str]
) -> None:
    told = restore(asked(tmp_path, namespaces=["mnist-2"]), False, fresh())
    assert told["restored"] == ["bob"]


def test_a_password_that_was_changed_meanwhile_stays_and_is_kept(
    tmp_path: Path, former: dict[str, str]
) -> None:
    cluster = fresh()
    restore(asked(tmp_path), False, cluster)
    Accounts(cluster).renew("ada")
    restore(asked(tmp_path), False, cluster)
    now = cluster.get("v1", "Secret", PASSWORDS, NAMESPACE)["data"]
    assert now["ada"] != former["ada"]
    assert kept.read(tmp_path) == now


def test_a_cluster_with_users_of_its_own_gets_the_bindings_alone(
    tmp_path: Path, former: dict[str, str]
) -> None:
    cluster = fresh()
    told = restore(asked(tmp_path, own_users=True), False, cluster)
    assert told["restored"] == ["ada", "bob"]
    assert cluster.get("v1", "Secret", PASSWORDS, NAMESPACE) is None


def test_the_hashes_are_for_their_owner_alone(tmp_path: Path, former: dict[str, str]) -> None:
    assert stat.S_IMODE((tmp_path / kept.FILE).stat().st_mode) == 0o600
    (tmp_path / kept.FILE).write_text("nonsense")
    assert kept.read(tmp_path) == {}


def test_a_list_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / record.FILE).write_text("[]")
    with pytest.raises(TaskError, match="cannot be made"):
        restore(asked(tmp_path), False, fresh())


def test_a_namespace_that_the_platform_has_made_is_left_to_it() -> None:
    cluster = fresh()
    cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ACCOUNTS}})
    Accounts(cluster).give(SEATS[1])
    assert not [key for key in cluster.writes if "Namespace" in str(key)]
