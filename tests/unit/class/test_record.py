"""The cluster's list counts; a checkout follows it, and gives a new cluster its own."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from memory_cluster import MemoryCluster

from embedded_cluster.layout import Layout
from lab_class import adoption, record
from lab_class.roster import ClassError, Roster, Seat
from lab_playbook.adopting import adopt

ADA = Seat("mnist-1", "ada", "Ada", "workbench")


def grow(*seats: Seat):
    return lambda roster: roster.with_seats(seats)


@pytest.fixture
def kept(cluster: MemoryCluster, tmp_path: Path) -> record.Record:
    return record.Record(cluster, tmp_path / "one")


def test_a_second_checkout_has_the_same_list(
    kept: record.Record, cluster: MemoryCluster, tmp_path: Path
) -> None:
    kept.change(grow(ADA))
    second = record.Record(cluster, tmp_path / "two")
    assert second.read() == Roster((ADA,)) == record.read_file(second.state)
    second.change(lambda roster: roster.without(["mnist-1"]))
    assert kept.read() == Roster()
    assert not (kept.state / record.FILE).exists()


def test_the_file_is_for_its_owner(kept: record.Record) -> None:
    kept.change(grow(ADA))
    assert (kept.state / record.FILE).stat().st_mode & 0o777 == 0o600


def test_the_instructors_seat_stays_in_the_list(
    kept: record.Record, cluster: MemoryCluster
) -> None:
    cluster.add({"apiVersion": "v1", "kind": "Namespace",
                 "metadata": {"name": "mnist", "labels": record.PART_OF_LAB}})  # fmt: skip
    assert kept.change(grow(ADA)).seats == (Seat("mnist", step="complete"), ADA)


def test_a_new_cluster_is_given_the_checkouts_list(kept: record.Record, tmp_path: Path) -> None:
    kept.change(grow(ADA))
    anew = record.Record(MemoryCluster(), kept.state)
    assert anew.read() == Roster((ADA,))
    assert anew.change(grow(Seat("mnist-2"))).seats == (ADA, Seat("mnist-2"))


def test_what_another_changes_at_the_same_time_is_kept(
    kept: record.Record, cluster: MemoryCluster, tmp_path: Path
) -> None:
    kept.change(grow(ADA))
    other = record.Record(cluster, tmp_path / "other")
    calls = []

    def meanwhile(roster: Roster) -> Roster:
        if not calls:
            other.change(grow(Seat("mnist-2")))
        calls.append(1)
        return roster.with_seats([Seat("mnist-3")])

    names = [seat.namespace for seat in kept.change(meanwhile).seats]
    assert names == ["mnist-1", "mnist-2", "mnist-3"]
    assert len(calls) == 2


def test_a_file_that_is_no_list_says_what_to_do(kept: record.Record) -> None:
    kept.state.mkdir()
    (kept.state / record.FILE).write_text("{")
    with pytest.raises(ClassError, match="remove it, and the cluster's is taken"):
        kept.read()


def objects(certificate: bytes = b"-----BEGIN CERTIFICATE-----\n") -> list[dict]:
    data = {"tls.crt": base64.b64encode(certificate).decode()}
    return [
        {"kind": "Secret", "metadata": {"name": "lab-ca"}, "data": data},
        {"kind": "ConfigMap", "metadata": {"name": "lab-class"},
         "data": {"seats.json": Roster((ADA,)).to_json()}},
    ]  # fmt: skip


def test_a_fresh_checkout_takes_certificate_and_seats_once(tmp_path: Path) -> None:
    authority = tmp_path / "state/ca.crt"
    assert len(adoption.adopt_objects(objects(), tmp_path / "state", authority)) == 2
    assert authority.read_text().startswith("-----BEGIN")
    assert adoption.adopt_objects(objects(), tmp_path / "state", authority) == []
    anew = adoption.adopt_objects(objects(b"another"), tmp_path / "state", authority)
    assert anew == [str(authority)]


def test_what_signs_a_certificate_from_elsewhere_comes_before_the_labs_own(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    data = {"ca.crt": base64.b64encode(b"-----BEGIN theirs\n").decode()}
    own = {"kind": "Secret", "metadata": {"name": "lab-own-certificate"}, "data": data}
    found = [own, *objects(b"-----BEGIN ours\n")]
    wanted = [name for _, kind, name in adoption.WANTED if kind == "Secret"]
    assert wanted == ["lab-own-certificate", "lab-ca"], "it is read in this order"
    assert str(authority) in adoption.adopt_objects(found, tmp_path, authority)
    assert authority.read_text() == "-----BEGIN theirs\n-----BEGIN ours\n"
    adoption.adopt_objects(found[1:], tmp_path, authority)
    assert authority.read_text() == "-----BEGIN ours\n"


def test_the_base_domain_is_followed(tmp_path: Path) -> None:
    def operators(domain: str) -> dict:
        env = [{"name": "OTHER"}, {"name": "LAB_BASE_DOMAIN", "value": domain}]
        pod = {"spec": {"containers": [{"name": "operators", "env": env}]}}
        return {"kind": "Deployment", "metadata": {"name": "lab-operators"},
                "spec": {"template": pod}}  # fmt: skip

    kept = tmp_path / "base-domain"
    authority = tmp_path / "ca.crt"
    for domain in ("apps.mnist-lab.localhost", "10-0-0-1.sslip.io"):
        assert adoption.adopt_objects([operators(domain)], tmp_path, authority) == [str(kept)]
        assert adoption.adopt_objects([operators(domain)], tmp_path, authority) == []
        assert kept.read_text() == f"{domain}\n"
    assert adoption.adopt_objects([operators("")], tmp_path, authority) == []


def test_where_the_certificate_is_others_affair_it_is_not_kept(tmp_path: Path) -> None:
    adopted = adoption.adopt_objects(objects(), tmp_path, None)
    assert adopted == [str(tmp_path / "seats.json")]


def test_the_kubeconfig_of_this_machines_cluster_is_taken(tmp_path: Path) -> None:
    layout, target = Layout(tmp_path / "machine"), tmp_path / "checkout/kubeconfig"
    arguments = {"kubeconfig": str(target), "own_machine": True, "state": str(target.parent),
                 "ca_certificate": ""}  # fmt: skip
    assert adopt(arguments, False, layout)["adopted"] == []
    layout.admin_kubeconfig.parent.mkdir(parents=True)
    layout.admin_kubeconfig.write_text("clusters:\n- cluster:\n    server: https://10.0.0.1:1\n")
    assert adopt({**arguments, "own_machine": False}, False, layout)["adopted"] == []
    assert adopt(arguments, True, layout)["adopted"] == []
    assert adopt(arguments, False, layout) == {"changed": True, "adopted": [str(target)]}
    assert target.stat().st_mode & 0o777 == 0o600
    assert adopt(arguments, False, layout)["changed"] is False
    # An instructor's own, named with -e lab_kubeconfig, never becomes the administrator's.
    other = tmp_path / "checkout/instructor-kubeconfig"
    other.write_text("an instructor's")
    assert adopt({**arguments, "kubeconfig": str(other)}, False, layout)["adopted"] == []
    assert other.read_text() == "an instructor's"
