"""Refuses a machine that cannot carry the cluster before the launcher changes anything on it.

Runs under the machine's bare Python, before there is an environment. The role `lab_preflight` looks
again, with the inventory's values; here only the defaults are known, so what one of its variables
may have lowered is left to it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from embedded_cluster.layout import Layout, project_directory
from embedded_cluster.preflight import (
    Machine,
    Requirements,
    check_cgroups,
    check_kubernetes,
    check_user,
    look,
    problems,
)

VARIABLES = "lab_preflight_"
# Ansible's options that only tell something, or that bring another inventory.
HARMLESS = ("--syntax-check", "--list-tasks", "--list-tags", "--list-hosts", "--version")
OTHER_INVENTORY = ("-i", "--inventory", "--inventory-file")


def concerns(arguments: Sequence[str]) -> bool:
    """Whether a call with these options would make the cluster of the suite's own inventory."""
    return not any(
        word in HARMLESS or word.partition("=")[0] in OTHER_INVENTORY for word in arguments
    )


def adjusted(arguments: Sequence[str], inventory: Path) -> bool:
    """Whether the call or the inventory may set other values than the role's defaults."""
    if any(VARIABLES in word or word.startswith(("@", "-e@")) for word in arguments):
        return True
    files = [path for path in inventory.rglob("*") if path.is_file()]
    return any(VARIABLES in path.read_text(errors="replace") for path in files)


def refusals(machine: Machine, *, adjusted: bool) -> list[str]:
    """Every reason that is certain already."""
    if not adjusted:
        return problems(machine, Requirements())
    checks: tuple[Callable[[Machine, Requirements], list[str]], ...] = (
        check_user,
        check_cgroups,
        check_kubernetes,
    )
    return [problem for check in checks for problem in check(machine, Requirements())]


def main() -> int:
    """Print the reasons; the exit code is 2 if there is one."""
    arguments = sys.argv[1:]
    if not concerns(arguments):
        return 0
    changed = adjusted(arguments, project_directory() / "inventories/embedded")
    reasons = refusals(look(Layout()), adjusted=changed)
    if not reasons:
        return 0
    print("lab: Nothing was changed. This machine cannot carry the cluster:", file=sys.stderr)
    for reason in reasons:
        print(f"  - {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
