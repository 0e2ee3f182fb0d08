"""Chains and rules of packet filters that kube-proxy and the pods' network leave behind.

They bear the names of every Kubernetes: whose they are is for the caller to know.
"""

from __future__ import annotations

import shutil
import subprocess

CHAIN_PREFIXES = ("KUBE-", "CNI-")
FAMILIES = ("iptables", "ip6tables")


def tables(family: str) -> dict[str, list[str]]:
    """Lines of iptables-save, by table."""
    program = shutil.which(f"{family}-save", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        return {}
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    by_table: dict[str, list[str]] = {}
    table = ""
    for line in done.stdout.splitlines():
        if line.startswith("*"):
            table = line[1:]
            by_table[table] = []
        elif table and line[:1] in (":", "-"):
            by_table[table].append(line)
    return by_table


def is_own_rule(line: str) -> bool:
    """Whether a rule stands in a chain of ours, leads to one or is marked as ours."""
    words = line.split()
    if not line.startswith("-A "):
        return False
    targets = [words[i + 1] for i, word in enumerate(words[:-1]) if word in ("-j", "-g")]
    names = [words[1], *targets]
    return any(name.startswith(CHAIN_PREFIXES) for name in names) or (
        "--comment mnist-lab " in line + " "
    )


def chains() -> list[str]:
    """Chains of a cluster and rules that lead there, as `family table name`."""
    names = []
    for family in FAMILIES:
        for table, lines in tables(family).items():
            for line in lines:
                if line.startswith(":") and line[1:].startswith(CHAIN_PREFIXES):
                    names.append(f"{family} {table} {line[1:].split()[0]}")
                elif is_own_rule(line) and not line.split()[1].startswith(CHAIN_PREFIXES):
                    names.append(f"{family} {table} {line}")
    return names


def remove_chains() -> None:
    """Delete the chains and what leads to them; every other rule stays as it is."""
    for family in FAMILIES:
        restore = shutil.which(f"{family}-restore", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if restore is None:
            continue
        script = []
        for table, lines in tables(family).items():
            rules = [line for line in lines if is_own_rule(line)]
            chains = [
                line[1:].split()[0]
                for line in lines
                if line.startswith(":") and line[1:].startswith(CHAIN_PREFIXES)
            ]
            if rules or chains:
                outside = [r for r in rules if not r.split()[1].startswith(CHAIN_PREFIXES)]
                script += [f"*{table}", *("-D" + rule[2:] for rule in outside)]
                script += [f"-F {name}" for name in chains]
                script += [f"-X {name}" for name in chains]
                script.append("COMMIT")
        if script:
            subprocess.run(
                [restore, "--noflush"],
                input="\n".join(script) + "\n",
                text=True,
                check=False,
                stdout=subprocess.DEVNULL,
            )
