"""Prints the status and ends with it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from embedded_cluster.layout import Layout, project_directory
from lab_class.roster import ClassError
from lab_ground.streams import outlive_readers
from lab_status.lines import NONE, Line
from lab_status.links import link_lines, running_workbenches
from lab_status.look import adopt, find_kubectl, look, read_tables
from lab_status.sections import sections

DESCRIPTION = """\
Tells in two seconds what of the lab is up, what is down and why, what has not been made yet and by
which command, where the pages are, and links that sign a browser in to a workbench."""
EPILOG = """\
exit code: 0 when nothing is down (a lab that was reset to an earlier step is not down, what a
learner has yet to make is told as "none"); 1 when something is down; 2 for a wrong argument."""


def verdict(lines: Sequence[Line]) -> str:
    """Sum it up in one sentence."""
    down = sum(not line.well for line in lines)
    if down:
        return (
            f"{down} {'part is' if down == 1 else 'parts are'} down: see the lines that say DOWN."
        )
    if any(line.mark == NONE for line in lines):
        return "What is made is up; the lines that say none are not made yet."
    return "Everything is up."


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the status; the exit code is 0 when nothing is down."""
    argparse.ArgumentParser(
        prog="./lab status",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    layout, project = Layout(), project_directory()
    kubectl = find_kubectl(layout, project)
    state = project / ".lab"
    try:
        if kubectl:
            adopt(kubectl, state)
        tables = read_tables(state)
    except ClassError as error:
        print(f"lab: {error}.", file=sys.stderr)
        return 2
    snapshot = look(layout, kubectl, [str(table["namespace"]) for table in tables])
    said: list[Line] = []
    for heading, lines in sections(snapshot, tables):
        print(heading)
        print("\n".join(map(str, lines)))
        said += lines
    # On OpenShift a learner signs in with an account of the cluster's own.
    workbenches = running_workbenches(snapshot.resources)
    if kubectl and workbenches and snapshot.own_platform:
        print("Sign in to a workbench (each link works once, within ten minutes)", flush=True)
        for line in link_lines(kubectl, workbenches, state / "ca.crt"):
            print(line)
    if kubectl:
        print(f"kubeconfig: {kubectl.kubeconfig}")
    print(verdict(said))
    return 0 if all(line.well for line in said) else 1


if __name__ == "__main__":
    outlive_readers()
    sys.exit(main())
