"""Whatever is said to the launcher, ansible-playbook understands it or a sentence answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible.cli.playbook import PlaybookCLI
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_class.record import write_file
from lab_class.roster import ClassError, Roster, Seat, find
from lab_launcher import environment, variables, words
from lab_launcher.__main__ import resolve, seats_of
from lab_launcher.catalogue import Catalogue
from lab_launcher.errors import WordError
from lab_launcher.options import ANSIBLE, OWN, Option, options_of

PROJECT = Path(__file__).resolve().parents[3]
CATALOGUE = Catalogue(PROJECT)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@cache
def ansible() -> Any:
    """Ansible's own parser."""
    cli = PlaybookCLI(["ansible-playbook"])
    cli.init_parser()
    return cli.parser


def understood(command: str, given_words: list[str]) -> dict[str, Any]:
    """What ansible-playbook reads in the words that the launcher gives it."""
    resolved = resolve(command, given_words, CATALOGUE, str(PROJECT))
    if command == "run":
        del resolved[0]
    return vars(ansible().parse_args(["site.yml", *resolved]))


def answer(act: Callable[[], object]) -> str | None:
    """The sentence that a wrong call is answered with, or None."""
    try:
        act()
    except WordError as error:
        return str(error)
    return None


def test_the_table_of_options_is_ansibles() -> None:
    theirs = {
        (
            tuple(action.option_strings),
            action.nargs != 0 and type(action).__name__ != "_CountAction",
        )
        for action in ansible()._actions
        if action.option_strings
    }
    assert {(option.names, bool(option.takes)) for option in ANSIBLE} == theirs


# Words that mean something, in any spelling, each whole.
GROUPS = st.sampled_from([
    ["--check"], ["-C"], ["--diff"], ["-D"], ["-v"], ["-vvv"], ["-CD"], ["--chec"],
    ["--tags", "workbench"], ["--tags=data,always"], ["-t", "project"], ["-tproject"],
    ["--forks", "3"], ["-e", "lab_serving_mode=raw"], ["-elab_serving_mode=raw"],
    ["--extra-vars", '{"lab_seats": ["mnist-1", "mnist-2"]}'], ["--limit=localhost"],
    ["-e", "lab_pip_index_url='a b' lab_workbench_state=stopped"], ["--step"], ["--tags", ""],
])  # fmt: skip


@given(groups=st.lists(GROUPS, max_size=5), order=st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_order_means_nothing(groups: list[list[str]], order: Any) -> None:
    """Of options that do not override one another, every order is read alike."""
    once = list({group[0].split("=")[0]: group for group in groups}.values())
    shuffled = list(once)
    order.shuffle(shuffled)

    def read(parts: list[list[str]]) -> list[tuple[str, str | None]]:
        said = words.read("reset", [word for part in parts for word in part])
        return sorted((option.name, option.value) for option in said)

    assert read(once) == read(shuffled)
    understood("reset", [word for part in shuffled for word in part])


@given(groups=st.lists(GROUPS, max_size=4), where=st.integers(0, 4), seat=st.integers(1, 99),
       step=st.sampled_from(["project", "trained", "complete"]))  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_own_options_stand_anywhere(
    groups: list[list[str]], where: int, seat: int, step: str
) -> None:
    groups = [group for group in groups if "lab_seats" not in group[-1]]
    for own in (["--seat", str(seat)], [f"--to={step}"]):
        groups.insert(min(where, len(groups)), own)
    read = understood("reset", [word for group in groups for word in group])
    told = [json.loads(text) for text in read["extra_vars"] if text.startswith("{")]
    assert {"lab_namespace": f"mnist-{seat}", "lab_seats": [f"mnist-{seat}"]} in told
    assert f"lab_reset_to={step}" in read["extra_vars"]


WORDS = st.one_of(
    TEXT,
    TEXT.map(lambda text: f"-{text}"),
    TEXT.map(lambda text: f"--{text}"),
    st.sampled_from([name for option in (*ANSIBLE, *OWN["reset"]) for name in option.names]),
    st.sampled_from([name[:-2] for option in ANSIBLE for name in option.names if len(name) > 6]),
    TEXT.map(lambda text: f"--seat={text}"),
    TEXT.map(lambda text: f"-e{text}"),
    st.sampled_from(["lab_seats=x", "{", "[]", "@x", "a=b", "--", "-", "''", "-1", "project"]),
)


@pytest.mark.parametrize("command", sorted(OWN))
@given(said=st.lists(WORDS, max_size=5))
@settings(max_examples=300, deadline=None)
def test_anything_is_understood_or_answered(command: str, said: list[str]) -> None:
    """Never Ansible's usage, which its parser ends the process with, and never a traceback."""
    sentence = answer(lambda: resolve(command, said, CATALOGUE, str(PROJECT)))
    if sentence is not None:
        assert sentence.isprintable()
        assert len(sentence) > 10
        return
    resolved = resolve(command, said, CATALOGUE, str(PROJECT))
    if resolved != ["--help"] and "--version" not in resolved:
        understood(command, said)


@pytest.mark.parametrize("option", [option for option in ANSIBLE if option.takes], ids=str)
def test_a_value_that_lacks_is_asked_for(option: Option) -> None:
    for name in option.names:
        for rest in ([], ["--check"]):
            with pytest.raises(WordError, match=f"{name} needs {option.takes.split()[0]}"):
                words.read("up", [name, *rest])


def test_every_variable_of_the_house_is_known() -> None:
    assert CATALOGUE.variables >= set(CATALOGUE.types)
    for name in ("lab_seats", "lab_serving_mode", "lab_base_domain", "kube_version"):
        assert name in CATALOGUE.variables
    assert CATALOGUE.types["lab_seats"]["type"] == "list"
    assert CATALOGUE.types["lab_serving_mode"]["choices"] == ["modelmesh", "raw"]


# For each type, values that are none of it.
WRONG = {
    "list": st.one_of(TEXT.filter(lambda text: "{{" not in text), st.integers()),
    "dict": st.one_of(TEXT.filter(lambda text: "{{" not in text), st.lists(st.integers())),
    "int": st.sampled_from(["", "many", "1.5", "0x1"]),
    "float": st.sampled_from(["", "many"]),
    "bool": st.sampled_from(["maybe", "2", ""]),
}
TYPED = sorted(name for name, told in CATALOGUE.types.items() if told.get("type") in WRONG)


@given(name=st.sampled_from(TYPED), data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_value_of_another_type_is_refused(name: str, data: st.DataObject) -> None:
    value = data.draw(WRONG[CATALOGUE.types[name]["type"]])
    with pytest.raises(WordError, match=name):
        variables.check({name: value}, CATALOGUE)


@given(name=st.sampled_from(sorted(CATALOGUE.variables)), change=st.integers(0, 60))
def test_a_misspelt_variable_is_told_with_the_one_that_was_meant(name: str, change: int) -> None:
    at = 5 + change % max(1, len(name) - 5)
    wrong = name[:at] + "qq" + name[at:]
    if wrong.startswith(("lab_", "kube_", "platform_")):
        with pytest.raises(WordError, match="nothing reads it"):
            variables.check({wrong: "x"}, CATALOGUE)


@pytest.mark.parametrize("seat", ["Walk", "a_b", "-a", "a.b", "a" * 64, "", 5, None])
def test_a_seat_is_named_as_a_namespace_may_be(seat: object) -> None:
    with pytest.raises(WordError, match="cannot be the name of a seat"):
        variables.check({"lab_seats": ["mnist", seat]}, CATALOGUE)


def test_a_path_is_meant_from_where_the_caller_stands(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text("lab_serving_mode: raw\n")
    given_words = ["-e", "@mine.yml"]
    assert resolve("up", given_words, CATALOGUE, str(tmp_path)) == [
        f"--extra-vars=@{tmp_path}/mine.yml"
    ]
    with pytest.raises(WordError, match="there is no file"):
        resolve("up", ["-e", "@other.yml"], CATALOGUE, str(tmp_path))


@given(st.dictionaries(st.sampled_from([*environment.READ, "LAB_INVENTRY", "LAB_CASHE"]), TEXT))
@settings(max_examples=200, deadline=None)
def test_any_environment_is_fine_or_answered(shell: dict[str, str]) -> None:
    def check() -> None:
        environment.check(shell, CATALOGUE)
        environment.check_kubeconfig(shell)

    sentence = answer(check)
    assert sentence is None or any(name in sentence for name in (*shell, "KUBECONFIG"))


def test_a_seat_of_a_class_is_meant_by_its_learner_or_its_end(tmp_path: Path) -> None:
    said = words.read("reset", ["--seat", "ada", "--seat=walk", "--seat", "3"])
    with pytest.raises(ClassError, match="no class"):
        find(Roster(), "ada")
    write_file(tmp_path, Roster((Seat("mnist-1", "ada"), Seat("mnist-walk", "bob"))))
    assert seats_of(said[:2], tmp_path) == ["mnist-1", "mnist-walk"]
    with pytest.raises(ClassError, match='no seat of the class is "3"; there are mnist-1'):
        seats_of(said, tmp_path)


def test_an_option_may_be_of_every_command() -> None:
    assert (
        set(options_of("up")) == set(options_of("run")) == set(ANSIBLE) < set(options_of("reset"))
    )
