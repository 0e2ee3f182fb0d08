"""The task ``lab_reset``: seats brought back to a step, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lab_playbook.outcome import Arguments, Result, TaskError
from lab_reset import cluster as clusters
from lab_reset import planning
from lab_reset import seat as seats

# What was removed, kept, restored and left unused.
Lines = dict[str, list[str]]


def describe(plan: planning.Plan, keys: Sequence[str], rows: Sequence[Any]) -> Lines:
    """Return the plan as lines, for people and for the diff."""
    removed = [reference.told() for reference in plan.remove]
    removed += [f"{path} {name or identifier}" for path, identifier, name, _ in rows]
    removed += [f"s3 {key}" for key in keys]
    return {
        "removed": removed,
        "kept": [str(reference) for reference in plan.keep],
        "restored": [str(reference) for reference in plan.restore],
        "unused": [str(reference) for reference in plan.unused],
    }


def as_diff(lines: Lines) -> dict[str, str]:
    """Return Ansible's diff: what is there now against what will be.

    What is kept differs in both texts, since a diff leaves out most of what is the same.
    """
    present = [f"present  {line}" for line in [*lines["kept"], *lines["unused"], *lines["removed"]]]
    after = [f"keep     {line} (not of the lab)" for line in lines["kept"]]
    after += [f"keep     {line} (never used, still empty)" for line in lines["unused"]]
    after += [f"restored {line} (empty)" for line in lines["restored"]]
    return {"before": "\n".join(present) + "\n", "after": "\n".join(after) + "\n"}


def reset_seat(arguments: Arguments, cluster: clusters.Cluster, check_mode: bool) -> Lines:
    """Plan, and unless in check mode remove and prove; return the plan's lines."""
    seat = seats.Seat(arguments, cluster)
    parts = seat.plan()
    lines = describe(*parts)
    if check_mode:
        return lines
    if lines["removed"]:
        seat.apply(parts[0], parts[2])
    if leftovers := seat.settle():
        raise clusters.ResetError(
            f"{cluster.namespace} is not clean, this was left behind: {', '.join(leftovers)}"
        )
    return lines


def attempt(
    arguments: Arguments, cluster: clusters.Cluster, check_mode: bool
) -> tuple[Lines | None, str]:
    """Reset one seat; return its lines and, where it failed, the sentence that says why."""
    try:
        return reset_seat(arguments, cluster, check_mode), ""
    except (clusters.ResetError, planning.PlanError) as error:
        return None, str(error)
    except Exception as error:
        # A dropped connection or a refused call: the seat is named, the reset can be repeated.
        kind = type(error).__name__
        return None, f"reset of {cluster.namespace} stopped ({kind}: {error}); run it again"


def merge(namespaces: Sequence[str], outcomes: Sequence[tuple[Lines | None, str]]) -> Result:
    """Return one result for all seats; each line says which seat it speaks of."""
    lines: Lines = {"removed": [], "kept": [], "restored": [], "unused": []}
    for namespace, (seat_lines, _) in zip(namespaces, outcomes, strict=True):
        for key, values in (seat_lines or {}).items():
            lines[key] += [f"{namespace}: {value}" for value in values]
    return {"changed": bool(lines["removed"]), "diff": as_diff(lines), **lines}


def reset(arguments: Arguments, check_mode: bool) -> Result:
    """Reset every seat, or in check mode show the plan.

    Raises:
        TaskError: a namespace is no seat of a lab, or a seat could not be reset; what was done is
            among the details.
    """
    namespaces = arguments["namespaces"]
    try:
        opened = [
            clusters.open_seat(arguments["kubeconfig"], namespace, arguments["namespace_labels"])
            for namespace in namespaces
        ]
        rules = planning.read_rules(Path(arguments["roles"]))
    except (clusters.ResetError, planning.PlanError) as error:
        raise TaskError(str(error)) from error
    told = {**arguments, "rules": rules}
    with ThreadPoolExecutor(max_workers=8) as pool:
        outcomes = list(pool.map(lambda seat: attempt(told, seat, check_mode), opened))
    result = merge(namespaces, outcomes)
    if failures := [sentence for _, sentence in outcomes if sentence]:
        raise TaskError(". ".join(failures), result)
    return result
