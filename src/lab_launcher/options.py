"""What may be said to `./lab up`, `run` and `reset`: their own options and ansible-playbook's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

STEPS = ("project", "workbench", "trained", "served", "complete")


@dataclass(frozen=True)
class Option:
    """An option's names, the short one first, and what its value is; empty for one without."""

    names: tuple[str, ...]
    takes: str = ""

    @property
    def name(self) -> str:
        """The long name, or the only one."""
        return next((name for name in self.names if name.startswith("--")), self.names[0])


def _options(*lines: str) -> tuple[Option, ...]:
    parted = (line.partition(": ") for line in lines)
    return tuple(Option(tuple(names.split()), takes) for names, _, takes in parted)


# A test compares them with ansible-playbook's own parser.
ANSIBLE = _options(
    "-h --help",
    "--version",
    "-v --verbose",
    "--private-key --key-file: a file",
    "-u --user: a user",
    "-c --connection: a kind of connection",
    "-T --timeout: a number of seconds",
    "--ssh-common-args: arguments",
    "--sftp-extra-args: arguments",
    "--scp-extra-args: arguments",
    "--ssh-extra-args: arguments",
    "-k --ask-pass",
    "--connection-password-file --conn-pass-file: a file",
    "--force-handlers",
    "-b --become",
    "--become-method: a method",
    "--become-user: a user",
    "-K --ask-become-pass",
    "--become-password-file --become-pass-file: a file",
    "-t --tags: tags",
    "--skip-tags: tags",
    "-C --check",
    "-D --diff",
    "-i --inventory --inventory-file: an inventory",
    "--list-hosts",
    "-l --limit: hosts",
    "--flush-cache",
    "-e --extra-vars: variables, for example lab_serving_mode=raw",
    "--vault-id: a vault",
    "-J --ask-vault-password --ask-vault-pass",
    "--vault-password-file --vault-pass-file: a file",
    "-f --forks: a number",
    "-M --module-path: a directory",
    "--syntax-check",
    "--list-tasks",
    "--list-tags",
    "--step",
    "--start-at-task: the name of a task",
)
OWN = {
    "up": (),
    "run": (),
    "reset": _options(
        "--seat: the number or the namespace of a seat",
        f"--to: a step ({', '.join(STEPS)})",
    ),
}


def options_of(command: str) -> tuple[Option, ...]:
    """Return the options of a command that runs a playbook."""
    return (*OWN[command], *ANSIBLE)


def find(word: str, options: Iterable[Option]) -> list[Option]:
    """Return the options that ``word`` names, in full or by the beginning of a long name."""
    options = tuple(options)
    if exact := [option for option in options if word in option.names]:
        return exact
    if not word.startswith("--"):
        return []
    return [option for option in options if any(name.startswith(word) for name in option.names)]
