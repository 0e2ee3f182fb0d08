"""The task ``lab_seat_lease``: the Leases of seats, for as long as a playbook runs."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence

from lab_ground.processes import Watched, start_time
from lab_playbook.outcome import Arguments, Result, TaskError
from lab_reset import cluster as clusters
from lab_reset import keeper, lease

# What the keeper says when all is well.
HELD = "held"


def leases_of(arguments: Arguments, identity: str) -> list[lease.Lease]:
    """Return the seats' Leases, in one order for everybody, with connections of their own."""
    seats = [
        clusters.open_seat(arguments["kubeconfig"], namespace, arguments["namespace_labels"])
        for namespace in sorted(set(arguments["namespaces"]))
    ]
    return [lease.Lease(seat.client, seat.namespace, identity) for seat in seats]


def take_all(leases: Sequence[lease.Lease], timeout: float) -> None:
    """Take every Lease, or none.

    Raises:
        LeaseHeldError: another reset held one of them all the time.
    """
    end = time.monotonic() + timeout
    for position, held in enumerate(leases):
        try:
            held.take(max(0, end - time.monotonic()))
        except lease.LeaseHeldError:
            for earlier in leases[:position]:
                earlier.release()
            raise


def hold(arguments: Arguments, identity: str, report: Callable[[str], None]) -> None:
    """Take the Leases, report "held" or why not, and keep them while the holder lives."""
    watched = Watched(arguments["pid"])
    try:
        leases = leases_of(arguments, identity)
        kept = all(held.holder() == identity for held in leases)
        take_all(leases, arguments["timeout"])
    except Exception as error:
        report(told(error))
        return
    report(HELD)
    if not kept:
        keeper.keep(leases, watched)


def give_back(arguments: Arguments, identity: str) -> str:
    """Give the Leases back; return what went wrong."""
    try:
        leases = leases_of(arguments, identity)
        lost = [held.namespace for held in leases if not held.release()]
    except Exception as error:
        return told(error)
    if not lost:
        return ""
    return (
        f"while this ran, another reset took over {', '.join(lost)}: this one had not been able "
        "to renew its Lease. Run it again"
    )


def told(error: Exception) -> str:
    """Return an error as a sentence."""
    if isinstance(error, clusters.ResetError | lease.LeaseHeldError):
        return str(error)
    return f"the seats' Leases cannot be written ({type(error).__name__}: {error})"


def look(arguments: Arguments, identity: str) -> str:
    """Only see whether the seats are a lab's; return what is wrong."""
    try:
        leases_of(arguments, identity)
    except Exception as error:
        return told(error)
    return ""


def lease_seats(arguments: Arguments, check_mode: bool) -> Result:
    """Take the seats' Leases for a process, or give them back; in check mode only look.

    Raises:
        TaskError: they are held by another reset, or are not a lab's, or cannot be written.
    """
    pid = arguments["pid"]
    started = start_time(pid)
    if started is None:
        raise TaskError(f"there is no process {pid} that could hold the Leases")
    identity = f"{socket.gethostname()}-{pid}-{started}"
    if check_mode:
        wrong = look(arguments, identity)
    elif arguments["state"] == "free":
        wrong = give_back(arguments, identity)
    else:
        said = keeper.detach(lambda report: hold(arguments, identity, report))
        wrong = "" if said == HELD else said or "the process that keeps the Leases did not start"
    if wrong:
        raise TaskError(wrong)
    return {"identity": identity}
