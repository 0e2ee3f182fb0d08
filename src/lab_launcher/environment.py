"""Looks at the variables that the shell brings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab_launcher.catalogue import Catalogue
from lab_launcher.errors import WordError, listed, meant

# What ./lab reads; a name that is almost one of them was meant to be it.
READ = (
    "LAB_INVENTORY",
    "LAB_CACHE",
    "LAB_PYTHON",
    "LAB_BASE_DOMAIN",
    "LAB_CA_CERTIFICATE",
)
DOMAIN = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+"
)
# Commands that ask a cluster; the status does too, and says itself what it lacks.
ASKING = frozenset({"up", "reset", "class"})
# Playbooks that ask none, and options with which none is asked.
ALONE = frozenset({"create-cluster", "remove-cluster", "check-inventory", "build-images",
                   "install-nightly", "remove-nightly", "run-nightly"})  # fmt: skip
ONLY_TELLING = frozenset(
    {"--help", "--version", "--syntax-check", "--list-tasks", "--list-tags", "--list-hosts"}
)


def check(environment: Mapping[str, str], catalogue: Catalogue) -> None:
    """Compare the environment with what the launcher reads.

    Raises:
        WordError: a variable is misspelt, or its value cannot be used.
    """
    for name in environment:
        if name.startswith("LAB_") and name not in READ and (hint := meant(name, READ)):
            close = hint.split('"')[1]
            if len(name) == len(close) or abs(len(name) - len(close)) == 1:
                raise WordError(f"nothing reads the variable {name}{hint}")
    inventory = environment.get("LAB_INVENTORY", "embedded")
    if inventory not in catalogue.inventories:
        raise WordError(
            f'there is no inventory "{inventory}" (LAB_INVENTORY)'
            f"{meant(inventory, catalogue.inventories)}; it is {listed(catalogue.inventories)}"
        )
    cache = environment.get("LAB_CACHE", "/")
    if not cache.startswith("/"):
        raise WordError(f'LAB_CACHE is the path of a directory, from "/" on, not "{cache}"')
    domain = environment.get("LAB_BASE_DOMAIN", "")
    if domain and not DOMAIN.fullmatch(domain):
        raise WordError(
            f'LAB_BASE_DOMAIN is a domain with a point in it, as apps.example.com, not "{domain}"'
        )
    authority = environment.get("LAB_CA_CERTIFICATE", "")
    if authority and not Path(authority).is_file():
        raise WordError(f"LAB_CA_CERTIFICATE: there is no file {authority}")


def asks(command: str, words: Sequence[str]) -> bool:
    """Tell whether a call asks a cluster; ``words`` begin with the playbook's name for `run`."""
    if not ONLY_TELLING.isdisjoint(words):
        return False
    return command in ASKING or (command == "run" and words[0] not in ALONE)


def check_kubeconfig(environment: Mapping[str, str]) -> None:
    """See that there is a kubeconfig, where the cluster is not this machine's own.

    Raises:
        WordError: there is none.
    """
    inventory = environment.get("LAB_INVENTORY", "embedded")
    if inventory == "embedded":
        return
    told = environment.get("KUBECONFIG", "")
    paths = [Path(part).expanduser() for part in (told or "~/.kube/config").split(":") if part]
    if not any(path.is_file() for path in paths):
        where = told or "~/.kube/config, since KUBECONFIG is not set"
        raise WordError(
            f"there is no kubeconfig at {where}: the inventory {inventory} needs that of its "
            "cluster; set KUBECONFIG to its path"
        )
