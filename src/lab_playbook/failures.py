"""Why a task of a playbook failed: its own words, or what the cluster says of its object."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import Any

from lab_diagnosis import Evidence, Finding, diagnose
from lab_diagnosis.causes import finding_of_message
from lab_diagnosis.collect import collect, connect, explain_error, locate
from lab_diagnosis.tasks import TIMED_OUT, Suspect, failed_items, message_of, suspects

PROJECT = Path(__file__).resolve().parents[2]
MOST_SUSPECTS = 3
WIDTH = 100


def explain_task(
    action: str, arguments: dict[str, Any], result: dict[str, Any], step: str, playbook: str
) -> Finding:
    """Say why a task failed; reads the cluster where the task's own message gives no reason.

    ``playbook`` is the name of the one that ran, for the command that says more.
    """
    if result.get("sentence") and result.get("cause"):
        return Finding(
            str(result["object"]),
            str(result["cause"]),
            str(result["command"]),
            str(result.get("step") or step),
        )
    again = "./lab up" if playbook == "site" else f"./lab run {playbook}"
    fallback = finding_of_message(step, message_of(result), f"{again} -vv")
    if result.get("censored"):
        return fallback
    finding = look_at(suspects(action, arguments, result), step)
    if finding is None or (says_why(result) and not explains(finding)):
        return fallback
    return finding


def says_why(result: dict[str, Any]) -> bool:
    """Whether the task's own message is a reason, not only that time was up."""
    message = str(failed_items(result)[0].get("msg") or "")
    return bool(message) and not TIMED_OUT.search(message) and "Retries" not in message


def explains(finding: Finding) -> bool:
    """Whether a finding says more than that there is nothing to see."""
    return finding.certain and not finding.cause.startswith("does not exist")


def look_at(suspected: list[Suspect], step: str) -> Finding | None:
    """The most certain finding about the suspects; None when there is none to look at."""
    if not suspected:
        return None
    try:
        client = connect(kubeconfig())
    except Exception as error:
        first = suspected[0]
        trouble = Evidence(first.kind, first.name, first.namespace, trouble=explain_error(error))
        return diagnose(trouble, step)
    findings: list[Finding] = []
    for suspect in suspected[:MOST_SUSPECTS]:
        what = (suspect.kind, suspect.name)
        try:
            places = (
                [suspect.namespace]
                if suspect.namespace
                else locate(client, *what, suspect.api_version)
            )
        except Exception as error:
            evidence = Evidence(*what, trouble=explain_error(error))
            findings.append(diagnose(evidence, step))
            continue
        for place in places[:MOST_SUSPECTS]:
            evidence = collect(client, *what, place, suspect.api_version)
            findings.append(diagnose(evidence, step))
    return min(findings, key=lambda finding: not finding.certain, default=None)


def kubeconfig() -> str:
    """The kubeconfig that the playbooks use."""
    own = PROJECT / ".lab" / "kubeconfig"
    for path in (os.environ.get("K8S_AUTH_KUBECONFIG"), os.environ.get("KUBECONFIG")):
        if path:
            return path
    return str(own) if own.exists() else ""


def lines_of(finding: Finding) -> list[str]:
    """The sentence, broken for a terminal; the command stands alone, so that it can be copied."""
    told = Finding(finding.subject, finding.cause, "", finding.step).sentence
    lines = textwrap.wrap(told, WIDTH, break_long_words=False, break_on_hyphens=False)
    return [*lines, f"See more with: {finding.command}"] if finding.command else lines
