"""`./lab class`: who sits where."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from lab_class import capacity, courses, handout, kept, looking, removal
from lab_class.accounts import Accounts
from lab_class.record import Record
from lab_class.roster import ClassError, Roster, Seat, find, in_order
from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.kubernetes.errors import ApiError
from lab_ground.streams import outlive_readers

PROJECT = Path(__file__).resolve().parents[2]
STATE = PROJECT / ".lab"
# What a class is planned for, whatever is asked.
CLASS = 30
NOT_ON_LAPTOPS = (
    "The base domain ends in .localhost, which every laptop takes for itself: these addresses open "
    "on this machine alone. Set LAB_BASE_DOMAIN to a domain that leads here (its wildcard too), "
    "for example ADDRESS.sslip.io, and run ./lab up again."
)


class Parser(argparse.ArgumentParser):
    """A parser that answers a wrong word in one sentence."""

    def error(self, message: str) -> NoReturn:
        """End with the sentence."""
        said = "".join(sign if sign.isprintable() else " " for sign in message)
        self.exit(2, f"lab: {said.rstrip('.')}; {self.prog} --help tells more.\n")


def build_parser() -> Parser:
    """Return the parser of the command."""
    parser = Parser(prog="./lab class", description=__doc__, allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=Parser)
    add = verbs.add_parser("add", help="more seats: a number of them, or one for each of a course")
    add.add_argument("count", nargs="?", type=int, metavar="N")
    add.add_argument("--from", dest="course", type=Path, metavar="COURSE.csv",
                     help="a file whose first line names the columns user, name")  # fmt: skip
    add.add_argument("--stopped", action="store_true",
                     help="workbenches stand still until their learners start them")  # fmt: skip
    add.add_argument("--check", action="store_true", help="only tell what would be done")
    listing = verbs.add_parser("list", help="the seats, their learners, and whether they are there")
    listing.add_argument("--json", action="store_true")
    remove = verbs.add_parser("remove", help="take seats away with all that is in them")
    remove.add_argument("seats", nargs="+", metavar="SEAT", help="number, namespace or user")
    remove.add_argument("--check", action="store_true", help="only tell what would be removed")
    pages = verbs.add_parser("handout", help="a page to print for each seat, in .lab/handout")
    pages.add_argument("seats", nargs="*", metavar="SEAT")
    pages.add_argument("--new-passwords", action="store_true", help="give these seats new ones")
    password = verbs.add_parser("password", help="give learners new passwords, shown once")
    password.add_argument("seats", nargs="+", metavar="SEAT", help="number, namespace or user")
    board = verbs.add_parser("board", help="how far each seat is, what is wrong, what it takes")
    board.add_argument("--follow", action="store_true", help="look again until Ctrl-C")
    board.add_argument("--json", action="store_true")
    message = verbs.add_parser("message", help="a banner in the dashboard of seats, or of all")
    message.add_argument("text", nargs="?", default="", metavar="TEXT")
    message.add_argument("seats", nargs="*", metavar="SEAT", help="number, namespace or user")
    message.add_argument("--clear", action="store_true", help="take it away")
    return parser


class Command:
    """The verbs, on one cluster."""

    def __init__(self, client: KubernetesClient, *, own_users: bool) -> None:
        self.client = client
        self.record = Record(client, STATE)
        self.accounts = Accounts(client, own_users=own_users)

    def add(self, arguments: argparse.Namespace) -> int:
        """Make more seats, once they fit."""
        roster = self.record.read()
        seats, already = new_seats(arguments, roster)
        for learner in already:
            print(f"{learner} has a seat already.")
        if not seats:
            print("There is nothing to add.")
            return 0
        self.refuse_what_does_not_fit(len(seats), stopped=arguments.stopped)
        names = [seat.namespace for seat in seats]
        if arguments.check:
            print(f"Would add {', '.join(f'{s.namespace} ({s.learner})' for s in seats)}.")
            return 0

        def grown(now: Roster) -> Roster:
            taken = {seat.namespace for seat in now.seats}
            if met := sorted(taken & set(names)):
                raise ClassError(f"{met[0]} was added by somebody else meanwhile; try again")
            return now.with_seats(seats)

        self.record.change(grown)
        state = "stopped" if arguments.stopped else "running"
        run_playbook("prepare-lab", "-e", json.dumps({"lab_seats": names}),
                     "-e", f"lab_workbench_state={state}")  # fmt: skip
        run_playbook("write-access")
        return self.hand_out(seats)

    def refuse_what_does_not_fit(self, count: int, *, stopped: bool) -> None:
        """Compare what seats take with what the nodes have.

        Raises:
            ClassError: they do not fit.
        """
        nodes = capacity.measure(
            self.client.list_objects("v1", "Node"),
            self.client.list_objects("v1", "Pod"),
            [seat.namespace for seat in self.record.read().seats],
        )
        step = "project" if stopped else "workbench"
        room = capacity.fitting(nodes, step)
        for line in capacity.report(nodes, step, max(CLASS, count)):
            print(f"  {line}")
        if count > room:
            hint = "" if stopped else f"; with --stopped {capacity.fitting(nodes, 'project')}"
            raise ClassError(
                f"{count} more seats do not fit: {capacity.cost_of(step)} each, and there is room "
                f"for {room}{hint}. Nothing was changed"
            )

    def hand_out(self, seats: Sequence[Seat], *, renew: bool = False) -> int:
        """Give accounts, print new passwords once, and write the pages."""
        passwords = {}
        for seat in seats:
            fresh = self.accounts.give(seat)
            if renew and seat.learner and not fresh and not self.accounts.own_users:
                fresh = self.accounts.renew(seat.learner)
            passwords[seat.namespace] = fresh
        self.print_passwords(seats, passwords)
        pages = []
        for seat in seats:
            if not seat.learner:
                continue
            access = handout.read_access(STATE, seat.namespace)
            authority = access.get("ca_certificate") or ""
            pages.append(handout.Page(
                seat,
                handout.address_of(access),
                passwords[seat.namespace],
                handout.fingerprint(Path(authority)) if authority else "",
                own_users=self.accounts.own_users,
            ))  # fmt: skip
        self.keep_hashes()
        document = handout.write(STATE, pages)
        printed = handout.print_to_pdf(document)
        print(f"To print: {document}" + (f" and {printed}" if printed else ""))
        if any(page.address.split("/")[2].endswith(".localhost") for page in pages if page.address):
            print(NOT_ON_LAPTOPS)
        return 0

    def keep_hashes(self) -> None:
        """Keep the passwords' hashes here, so that a new cluster takes the same passwords."""
        if not self.accounts.own_users:
            kept.write(STATE, self.accounts.entries())

    @staticmethod
    def print_passwords(seats: Sequence[Seat], passwords: dict[str, str]) -> None:
        """Show the passwords that are new, for the only time."""
        new = [seat for seat in seats if passwords[seat.namespace]]
        if new:
            print("New passwords, shown this once and on the pages to hand out:")
        for seat in new:
            print(f"  {seat.namespace:12} {seat.learner:16} {passwords[seat.namespace]}")

    def list(self, arguments: argparse.Namespace) -> int:
        """Tell the seats."""
        roster = self.record.read()
        spaces = {
            space["metadata"]["name"]: (space.get("status") or {}).get("phase", "")
            for space in self.client.list_objects("v1", "Namespace")
        }
        known = self.accounts.known()
        rows = []
        for seat in in_order(roster.seats):
            there = {"Active": "there", "": "not made yet: ./lab run prepare-lab"}.get(
                spaces.get(seat.namespace, ""), "being removed"
            )
            account = seat.learner in known or (bool(seat.learner) and self.accounts.own_users)
            rows.append({**asdict(seat), "state": there, "account": account})
        if arguments.json:
            print(json.dumps(rows, indent=1))
            return 0
        if not rows:
            print("There is no class; ./lab class add makes one.")
        for row in rows:
            lacks = (
                "" if row["account"] or not row["learner"] else "; no account: ./lab class handout"
            )
            print(f"  {row['namespace']:12} {row['learner'] or '-':16} {row['name']:24} "
                  f"{row['state']}{lacks}")  # fmt: skip
        return 0

    def remove(self, arguments: argparse.Namespace) -> int:
        """Take seats away, and prove it."""
        seats = chosen(self.record.read(), arguments.seats)
        for seat in seats:
            removal.refuse_foreign(self.client, seat)
        named = ", ".join(
            f"{seat.namespace} ({seat.learner})" if seat.learner else seat.namespace
            for seat in seats
        )
        if arguments.check:
            print(f"Would remove {named} with everything in it, and what signs in to it.")
            return 0
        print(f"Removing {named} ...", flush=True)
        names = [seat.namespace for seat in seats]
        removal.remove(self.client, seats, self.accounts)
        self.record.change(lambda roster: roster.without(names).or_none())
        removal.remove_files(STATE, seats)
        self.keep_hashes()
        handout.print_to_pdf(handout.join(STATE / handout.DIRECTORY))
        print(f"Nothing of {named} is left.")
        return 0

    def handout(self, arguments: argparse.Namespace) -> int:
        """Write pages, and make accounts that are missing."""
        roster = self.record.read()
        seats = chosen(roster, arguments.seats) if arguments.seats else list(roster.seats)
        if not seats:
            raise ClassError("there is no class; ./lab class add makes one")
        there = {space["metadata"]["name"] for space in self.client.list_objects("v1", "Namespace")}
        if missing := [seat.namespace for seat in seats if seat.namespace not in there]:
            raise ClassError(f"{missing[0]} is not made yet; ./lab run prepare-lab makes it")
        if any(not handout.read_access(STATE, seat.namespace) for seat in seats):
            run_playbook("write-access")
        return self.hand_out(seats, renew=arguments.new_passwords)

    def board(self, arguments: argparse.Namespace) -> int:
        """Tell how far everybody is."""
        return looking.show_board(self.client, as_json=arguments.json, follow=arguments.follow)

    def message(self, arguments: argparse.Namespace) -> int:
        """Write to seats, or take it away."""
        words = [word for word in (arguments.text, *arguments.seats) if word]
        text = "" if arguments.clear else "".join(words[:1])
        if not text and not arguments.clear:
            raise ClassError('class message takes a text in quotes, or --clear: "Ten minutes left"')
        roster = self.record.read()
        seats = chosen(roster, words if arguments.clear else words[1:]) or list(roster.seats)
        if not seats:
            raise ClassError("there is no class to write to; ./lab class add makes one")
        return looking.send(self.client, [seat.namespace for seat in seats], text)

    def password(self, arguments: argparse.Namespace) -> int:
        """Give new passwords."""
        if self.accounts.own_users:
            raise ClassError("this cluster has users of its own; their passwords are changed there")
        seats = chosen(self.record.read(), arguments.seats)
        if nobody := [seat.namespace for seat in seats if not seat.learner]:
            raise ClassError(f"{nobody[0]} is the instructor's own seat and has no learner")
        return self.hand_out(seats, renew=True)


def new_seats(arguments: argparse.Namespace, roster: Roster) -> tuple[list[Seat], list[str]]:
    """Return the seats that are asked for, and who has one already.

    Raises:
        ClassError: neither or both of a number and a course are given, or one cannot be used.
    """
    if (arguments.count is None) == (arguments.course is None):
        raise ClassError("class add takes a number of seats, or --from with a course's file")
    if arguments.count is not None:
        return courses.numbered(roster, arguments.count, "workbench"), []
    path = Path(os.environ.get("LAB_CALLED_FROM", "."), arguments.course)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ClassError(f"the course {path} cannot be read: {error}") from error
    return courses.of_course(roster, text, "workbench")


def chosen(roster: Roster, words: Sequence[str]) -> list[Seat]:
    """Return the seats that are named, each once.

    Raises:
        ClassError: a word names none.
    """
    return list(dict.fromkeys(find(roster, word) for word in words))


def run_playbook(name: str, *options: str) -> None:
    """Run one of the suite's playbooks.

    Raises:
        ClassError: it failed; its own words are above.
    """
    done = subprocess.run([str(PROJECT / "lab"), "run", name, *options], check=False)
    if done.returncode:
        raise ClassError(
            f"{name} failed, as it says above. The seats are in the list: run ./lab run "
            "prepare-lab again, then ./lab class handout; or ./lab class remove takes them away"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; 2 is for what cannot be meant or done."""
    parsed = build_parser().parse_args(arguments)
    try:
        client = open_client()
        command = Command(client, own_users=os.environ.get("LAB_INVENTORY") == "openshift")
        verb: Callable[[argparse.Namespace], int] = getattr(command, parsed.verb)
        return verb(parsed)
    except ClassError as error:
        sentence = str(error)
    except ApiError as error:
        sentence = f"the cluster does not do it: {error}; ./lab status says how it is"
    except Exception as error:
        if type(error).__name__ != "ConfigException":
            raise
        sentence = (
            "there is no kubeconfig that can be used: ./lab run create-cluster makes the cluster "
            "of this machine or adopts it; for another cluster set KUBECONFIG"
        )
    print(f"lab: {sentence.rstrip('.')}.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    outlive_readers()
    sys.exit(main())
