"""Checks a call of the launcher; prints what ansible-playbook is to be given, as shell words.

Usage: ``python -m lab_launcher COMMAND WORDS...``; the exit code is 2 for a wrong call, whose
sentence is on standard error. Where help was asked for it prints ``help``.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab_class.record import read_file
from lab_class.roster import STEM, ClassError, find
from lab_launcher import environment, variables, words
from lab_launcher.catalogue import SPECIAL_HOSTS, Catalogue
from lab_launcher.errors import WordError, listed, meant
from lab_launcher.options import OWN
from lab_launcher.words import Said

# Options whose value is a path, which may be given from where the caller stands.
PATHS = frozenset(
    {"--private-key", "--connection-password-file", "--become-password-file",
     "--vault-password-file", "--module-path"}
)  # fmt: skip


def from_here(path: str, directory: str) -> str:
    """Return a path that is right in any directory, where it names something from this one."""
    whole = Path(directory, Path(path).expanduser())
    return str(whole) if whole.exists() else path


def placed(said: Said, directory: str) -> Said:
    """Return an option whose path is right in any directory."""
    text = said.text
    if said.name == "--extra-vars" and text.startswith("@"):
        return Said(said.name, f"@{from_here(text[1:], directory)}")
    if said.name in PATHS or (said.name == "--inventory" and "," not in text):
        return Said(said.name, from_here(text, directory))
    return said


def check_names(said: Sequence[Said], catalogue: Catalogue) -> None:
    """Compare what was said with what the checkout has.

    Raises:
        WordError: there are no such tags, hosts, inventory or variables.
    """
    foreign = any(option.name == "--inventory" for option in said)
    for option in said:
        if option.name in ("--tags", "--skip-tags"):
            for tag in filter(None, option.text.replace(" ", "").split(",")):
                if tag not in catalogue.tags:
                    raise WordError(
                        f'no task has the tag "{tag}"{meant(tag, catalogue.tags)}; '
                        f"there are {', '.join(sorted(catalogue.tags))}"
                    )
        elif option.name == "--limit" and not foreign:
            for host in filter(None, option.text.lstrip("!").replace(":", ",").split(",")):
                if host.lstrip("!&") not in SPECIAL_HOSTS and not host.startswith(("~", "@")):
                    raise WordError(
                        f'the inventory has no host "{host}"{meant(host, SPECIAL_HOSTS)}; '
                        f"it has {listed(SPECIAL_HOSTS)}"
                    )
        elif option.name == "--inventory":
            if "," not in option.text and not Path(option.text).exists():
                raise WordError(f"there is no inventory at {option.text}")
        elif option.name == "--extra-vars":
            variables.check_file(option.text)
            variables.check(variables.read(option.text), catalogue)


def playbook_of(said: list[Said], catalogue: Catalogue) -> str:
    """Take the playbook's name out of what was said to `run`.

    Raises:
        WordError: it is missing, unknown, or followed by another plain word.
    """
    plain = [option.text for option in said if not option.name]
    known = ", ".join(catalogue.playbooks)
    if not plain:
        raise WordError(f"run needs the name of a playbook: {known}")
    name = Path(plain[0]).name.removesuffix(".yml")
    if name not in catalogue.playbooks:
        raise WordError(
            f'there is no playbook "{name}" in playbooks/{meant(name, catalogue.playbooks)}; '
            f"there are {known}"
        )
    said.remove(Said("", plain[0]))
    return name


def seats_of(said: list[Said], state: Path) -> list[str]:
    """Return the namespaces of the seats that were named to `reset`.

    In a class one is meant by its number, its namespace or its end, or its learner; without one a
    number is that of a seat made by hand. ``state`` is the checkout's, with the list.

    Raises:
        WordError: they were named in two ways.
        ClassError: the class has no such seat.
    """
    seats = [option.text for option in said if option.name == "--seat"]
    if seats:
        set_too = {
            name
            for option in said
            if option.name == "--extra-vars"
            for name in variables.read(option.text)
        } & {"lab_seats", "lab_namespace", "lab_reset_namespaces"}
        if set_too:
            raise WordError(f"--seat and -e {sorted(set_too)[0]} both name seats; use one of them")
    roster = read_file(state)
    if roster.seats:
        return [find(roster, seat).namespace for seat in seats]
    return [f"{STEM}{seat}" if seat.isdecimal() else seat for seat in seats]


def resolve(command: str, given: Sequence[str], catalogue: Catalogue, directory: str) -> list[str]:
    """Return the words for ansible-playbook, the playbook's name first for `run`.

    Raises:
        WordError: something that was said cannot be meant.
    """
    said = [placed(option, directory) for option in words.read(command, given)]
    if any(option.name == "--help" for option in said):
        return ["--help"]
    first = [playbook_of(said, catalogue)] if command == "run" else []
    words.check_values(said)
    if extra := [option.text for option in said if not option.name]:
        raise WordError(f'./lab {command} does not know what to do with "{extra[0]}"')
    check_names(said, catalogue)
    if command == "reset":
        steps = [option.text for option in said if option.name == "--to"]
        first += ["-e", f"lab_reset_to={steps[-1] if steps else 'project'}"]
        if seats := seats_of(said, catalogue.project / ".lab"):
            first += ["-e", json.dumps({"lab_namespace": seats[0], "lab_seats": seats})]
        said = [option for option in said if option.name not in ("--seat", "--to")]
    return [*first, *words.spoken(said)]


def main(arguments: Sequence[str], shell: Mapping[str, str], directory: str) -> int:
    """Check one call and print the answer for the launcher."""
    command, given = arguments[0], list(arguments[1:])
    # Not resolved: a checkout's src/ may be a link, and its playbooks are still its own.
    catalogue = Catalogue(Path(__file__).absolute().parents[2])
    try:
        environment.check(shell, catalogue)
        resolved = resolve(command, given, catalogue, directory) if command in OWN else given
        if environment.asks(command, resolved):
            environment.check_kubeconfig(shell)
    except (WordError, ClassError) as error:
        print(f"lab: {error}{'' if str(error).endswith('.') else '.'}", file=sys.stderr)
        return 2
    if resolved[:1] == ["--help"] and command in OWN:
        print("help")
    else:
        print(shlex.join(["set", "--", *resolved]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, str(Path.cwd())))
