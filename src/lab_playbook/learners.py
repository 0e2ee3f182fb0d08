"""The task ``lab_learners``: the accounts of the class's learners, again after a new cluster."""

from __future__ import annotations

from pathlib import Path

from lab_class import kept, record
from lab_class.accounts import Accounts
from lab_class.roster import ClassError, Seat
from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.kubernetes.errors import ApiError
from lab_playbook.outcome import Arguments, Result, TaskError


def restore(
    arguments: Arguments, check_mode: bool, client: KubernetesClient | None = None
) -> Result:
    """Give learners whose accounts are not there the ones that they had, with their passwords.

    Whose password nobody keeps gets none here, where it would be shown to nobody: they are named.

    Raises:
        TaskError: the list of seats cannot be read, or the cluster refuses.
    """
    state = Path(arguments["state"])
    try:
        seats = [
            seat
            for seat in record.read_file(state).seats
            if seat.learner and seat.namespace in arguments["namespaces"]
        ]
        if not seats:
            return {"changed": False, "restored": [], "unknown": []}
        accounts = Accounts(client or open_client(), own_users=arguments["own_users"])
        return _restore(accounts, seats, state, check_mode)
    except (ApiError, ClassError) as error:
        raise TaskError(f"the learners' accounts cannot be made: {error}") from error


def _restore(accounts: Accounts, seats: list[Seat], state: Path, check_mode: bool) -> Result:
    entries, there = kept.read(state), accounts.entries()
    missing = [seat for seat in seats if not accounts.is_given(seat)]
    known = [
        seat
        for seat in missing
        if accounts.own_users or seat.learner in there or seat.learner in entries
    ]
    unknown = [seat.learner for seat in missing if seat not in known]
    if not check_mode:
        for seat in known:
            accounts.restore(seat, entries.get(seat.learner, ""))
        # What somebody changed meanwhile counts, and a learner of another cluster's is kept too.
        if not accounts.own_users:
            kept.write(state, {**entries, **accounts.entries()})
    return {
        "changed": bool(known),
        "restored": [seat.learner for seat in known],
        "unknown": unknown,
    }
