"""Accounts, removal and pages: what is kept, what is shown once, and what nobody may read."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_cluster import MemoryCluster

from lab_class import handout, removal
from lab_class.__main__ import Command, build_parser
from lab_class.accounts import ACCOUNTS, BINDING, PASSWORDS, Accounts
from lab_class.record import NAMESPACE, PART_OF_LAB, Record
from lab_class.roster import ClassError, Roster, Seat
from lab_ground.kubernetes.errors import ApiError
from lab_ground.passwords import SHORTEST, PasswordError, check_password, hash_password, is_password

ADA = Seat("mnist-1", "ada", "Ada <Lovelace>")
BOB = Seat("mnist-2", "bob")


def space(name: str, **labels: str) -> dict:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": name, "labels": labels or PART_OF_LAB}, "status": {"phase": "Active"}}  # fmt: skip


@pytest.fixture
def accounts(cluster: MemoryCluster) -> Accounts:
    for seat in (ADA, BOB):
        cluster.add(space(seat.namespace))
    return Accounts(cluster)


def kept(cluster: MemoryCluster, learner: str) -> dict:
    secret = cluster.get("v1", "Secret", PASSWORDS, NAMESPACE)
    return json.loads(base64.b64decode(secret["data"][learner]))


def test_a_learner_gets_an_account_with_rights_in_one_seat(
    accounts: Accounts, cluster: MemoryCluster
) -> None:
    password = accounts.give(ADA)
    assert is_password(password, kept(cluster, "ada")["hash"])
    bindings = [key for key in cluster.objects if key[0] == "RoleBinding"]
    assert bindings == [("RoleBinding", "mnist-1", BINDING)]
    binding = cluster.objects[bindings[0]]
    assert binding["roleRef"]["name"] == "admin"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "ada", "namespace": ACCOUNTS}]
    quota = cluster.get("v1", "ResourceQuota", "no-pods", ACCOUNTS)
    assert quota["spec"]["hard"] == {"pods": "0"}


def test_nothing_in_the_cluster_is_the_password(accounts: Accounts, cluster: MemoryCluster) -> None:
    password = accounts.give(ADA)
    assert password not in json.dumps(list(cluster.objects.values()))
    assert base64.b64encode(password.encode()).decode() not in json.dumps(
        list(cluster.objects.values())
    )


def test_giving_again_changes_nothing_and_shows_nothing(
    accounts: Accounts, cluster: MemoryCluster
) -> None:
    accounts.give(ADA)
    writes = len(cluster.writes)
    assert accounts.give(ADA) == ""
    assert len(cluster.writes) == writes


def test_a_new_password_ends_the_old_one_and_touches_no_other(
    accounts: Accounts, cluster: MemoryCluster
) -> None:
    first, other = accounts.give(ADA), accounts.give(BOB)
    second = accounts.renew("ada")
    assert not is_password(first, kept(cluster, "ada")["hash"])
    assert is_password(second, kept(cluster, "ada")["hash"])
    assert is_password(other, kept(cluster, "bob")["hash"])


def test_a_clusters_own_users_are_bound_by_name(cluster: MemoryCluster) -> None:
    cluster.add(space("mnist-1"))
    assert Accounts(cluster, own_users=True).give(ADA) == ""
    binding = cluster.get("rbac.authorization.k8s.io/v1", "RoleBinding", BINDING, "mnist-1")
    assert [subject["kind"] for subject in binding["subjects"]] == ["User"]
    assert {key[0] for key in cluster.objects} == {"Namespace", "RoleBinding"}


def test_a_removed_seat_leaves_nothing(accounts: Accounts, cluster: MemoryCluster) -> None:
    accounts.give(ADA), accounts.give(BOB)
    removal.remove(cluster, [ADA], accounts, seconds=0)
    assert accounts.known() == {"bob"}
    assert cluster.get("v1", "Namespace", "mnist-1") is None
    assert cluster.get("v1", "ServiceAccount", "ada", ACCOUNTS) is None
    assert cluster.get("v1", "ServiceAccount", "bob", ACCOUNTS) is not None


def test_what_is_left_behind_is_named(accounts: Accounts, cluster: MemoryCluster) -> None:
    cluster.add({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "forgotten"}, "roleRef": {"name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "mnist-1"}],
    })  # fmt: skip
    with pytest.raises(ClassError, match="left behind: ClusterRoleBinding/forgotten"):
        removal.remove(cluster, [ADA], accounts, seconds=0)


def test_anothers_namespace_is_not_touched(cluster: MemoryCluster) -> None:
    cluster.add(space("mnist-1", team="other"))
    with pytest.raises(ClassError, match="is not a lab's"):
        removal.refuse_foreign(cluster, ADA)


# --- pages ---


def page(password: str = "k4mp-x7wd-9hnc") -> handout.Page:
    return handout.Page(ADA, "https://dashboard.example.com/", password, "AB:CD")


def test_a_page_has_what_a_learner_needs(tmp_path: Path) -> None:
    document = handout.write(tmp_path, [page()])
    text = document.read_text()
    for told in ("https://dashboard.example.com/", "k4mp-x7wd-9hnc", "<svg", "AB:CD", "ada"):
        assert told in text
    assert "Ada &lt;Lovelace&gt;" in text
    assert "<script" not in text


def test_pages_are_for_their_owner_alone(tmp_path: Path) -> None:
    handout.write(tmp_path, [page()])
    directory = tmp_path / "handout"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_a_page_whose_password_is_not_known_any_more_stays(tmp_path: Path) -> None:
    handout.write(tmp_path, [page()])
    assert "k4mp-x7wd-9hnc" in handout.write(tmp_path, [page("")]).read_text()
    removal.remove_files(tmp_path, [ADA])
    assert "as handed out before" in handout.write(tmp_path, [page("")]).read_text()


def test_a_removed_seats_access_file_goes_and_no_others(tmp_path: Path) -> None:
    for name, namespace in (("access", "mnist"), ("access-mnist-1", "mnist-1")):
        (tmp_path / f"{name}.json").write_text(json.dumps({"namespace": namespace}))
    removal.remove_files(tmp_path, [ADA])
    assert [path.name for path in tmp_path.glob("*.json")] == ["access.json"]
    (tmp_path / "access.json").write_text(json.dumps({"namespace": "mnist-1"}))
    removal.remove_files(tmp_path, [ADA])
    assert list(tmp_path.glob("*.json")) == []


# --- the command ---


@pytest.fixture
def command(cluster: MemoryCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr("lab_class.__main__.STATE", tmp_path)
    monkeypatch.setattr(handout, "print_to_pdf", lambda document: None)
    return Command(cluster, own_users=False)


def run(command: Command, *words: str) -> int:
    parsed = build_parser().parse_args(words)
    return getattr(command, parsed.verb)(parsed)


def test_what_does_not_fit_is_refused_with_numbers_and_changes_nothing(
    command: Command, cluster: MemoryCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.add({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "one"}, "spec": {},
        "status": {"allocatable": {"cpu": "1", "memory": "4Gi", "pods": "110"},
                   "conditions": [{"type": "Ready", "status": "True"}]},
    })  # fmt: skip
    refusal = (
        "7 more seats do not fit: 0.16 cores and 0.65 GiB each, and there is room for 6; "
        "with --stopped 9. Nothing was changed"
    )
    with pytest.raises(ClassError, match=re.escape(refusal)):
        run(command, "add", "7")
    assert "30 seats need 4.80 cores" in capsys.readouterr().out
    assert cluster.writes == []
    assert run(command, "add", "6", "--check") == 0
    assert "Would add mnist-1 (user1), mnist-2 (user2)" in capsys.readouterr().out
    assert cluster.writes == []


def test_list_and_remove(
    command: Command, cluster: MemoryCluster, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cluster.add(space("mnist-1"))
    Record(cluster, tmp_path).change(lambda _: Roster((ADA, BOB)))
    run(command, "list")
    told = capsys.readouterr().out
    assert "no account: ./lab class handout" in told
    assert "not made yet: ./lab run prepare-lab" in told
    run(command, "remove", "--check", "ada")
    assert cluster.get("v1", "Namespace", "mnist-1") is not None
    run(command, "remove", "1", "bob")
    assert "Nothing of mnist-1 (ada), mnist-2 (bob) is left." in capsys.readouterr().out
    assert Record(cluster, tmp_path).read() == Roster()


def test_a_password_is_shown_once_and_never_again(
    command: Command, cluster: MemoryCluster, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cluster.add(space("mnist-1"))
    access = {"namespace": "mnist-1", "workbench": {"url": "https://notebook.lab.localhost/x"}}
    (tmp_path / "access-mnist-1.json").write_text(json.dumps(access))
    Record(cluster, tmp_path).change(lambda _: Roster((ADA,)))
    run(command, "handout")
    first = capsys.readouterr().out
    assert "shown this once" in first
    assert "every laptop takes for itself" in first
    run(command, "handout")
    assert "shown this once" not in capsys.readouterr().out
    run(command, "password", "ada")
    assert "shown this once" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["ad"], ["add", "x"], ["remove"], ["list", "--jsno"], []])
def test_a_wrong_word_is_answered_in_a_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("lab: ")
    assert said.count("\n") == 1


# --- passwords ---


@given(st.text(st.characters(codec="utf-8"), max_size=30))
@settings(max_examples=8, deadline=None)
def test_only_the_password_is_the_password(password: str) -> None:
    kept_hash = hash_password(password)
    assert kept_hash.startswith("$argon2id$v=19$m=7168,t=5,p=1$")
    assert is_password(password, kept_hash)
    assert not is_password(password + "x", kept_hash)


@given(st.text(max_size=30))
def test_what_is_no_hash_fits_no_password(kept_hash: str) -> None:
    assert not is_password("x", kept_hash)


@pytest.mark.parametrize("password", ["", "short", "x" * 257, "aaaaaaaaaaaa", "ada-lovelace"])
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    with pytest.raises(PasswordError):
        check_password(password, "ada-lovelace")
    assert len("correct horse") >= SHORTEST
    check_password("correct horse", "ada-lovelace")


def test_a_message_reaches_all_or_those_named_and_is_taken_away(
    command: Command, cluster: MemoryCluster, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def told() -> dict[str, str]:
        found = cluster.list_objects("v1", "ConfigMap", label_selector="lab.opendatahub.io/message")
        return {each["metadata"]["namespace"]: each["data"]["text"] for each in found}

    Record(cluster, tmp_path).change(lambda _: Roster((ADA, BOB)))
    run(command, "message", "Ten minutes left")
    assert told() == {"mnist-1": "Ten minutes left", "mnist-2": "Ten minutes left"}
    assert capsys.readouterr().out == "Told mnist-1, mnist-2.\n"
    run(command, "message", "Save your work", "bob")
    assert told() == {"mnist-1": "Ten minutes left", "mnist-2": "Save your work"}
    run(command, "message", "--clear", "ada")
    assert told() == {"mnist-2": "Save your work"}
    run(command, "message", "--clear")
    assert told() == {}


@pytest.mark.parametrize(("words", "refusal"), [
    (["message"], "takes a text in quotes"),
    (["message", "x" * 501], "501 characters; 500 are the most"),
    (["message", "Hello", "nobody"], "nobody"),
])  # fmt: skip
def test_what_is_no_message_is_refused_and_nothing_is_written(
    command: Command, cluster: MemoryCluster, tmp_path: Path, words: list[str], refusal: str
) -> None:
    Record(cluster, tmp_path).change(lambda _: Roster((ADA, BOB)))
    before = list(cluster.writes)
    with pytest.raises(ClassError, match=refusal):
        run(command, *words)
    assert cluster.writes == before


def test_the_board_for_who_may_not_see_it_says_so(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise ApiError(403, "Forbidden", "pods is forbidden")

    monkeypatch.setattr(command.client, "request", refused, raising=False)
    with pytest.raises(ClassError, match="may not see them all"):
        run(command, "board")
