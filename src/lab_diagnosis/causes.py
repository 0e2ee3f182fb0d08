"""The rules: evidence in, cause out. The first rule that knows anything wins.

They go from the deepest to the most general: what the API server says, a deletion that hangs, what
an operator says of a store or a key, what keeps a pod from running, why no pod was made, what an
object says of itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lab_diagnosis import stores
from lab_diagnosis.evidence import Evidence, Finding, Thing, conditions_of, event_time, name_of
from lab_diagnosis.pods import Cause, claim_cause, pod_cause
from lab_diagnosis.text import last_log_line, one_line
from lab_ground.kubernetes.readiness import STOPPED_ANNOTATION

QUOTA = re.compile(
    r"exceeded quota: (?P<quota>[^,]+), requested: (?P<requested>.*?), used: (?P<used>.*?), "
    r"limited: (?P<limited>.*?)(?:$|[;\"])"
)
MISSING_ACCOUNT = re.compile(r'serviceaccount "([^"]+)" not found')
# Conditions that only sum up others.
LOCK = "odh-notebook-controller-lock"
SUMS = ("Ready", "Available", "Progressing", "Complete", "Failed", "Admitted")


def diagnose(evidence: Evidence, step: str = "") -> Finding:
    """The most telling cause in the evidence, as a finding of this step."""
    for rule in RULES:
        cause = rule(evidence)
        if cause is not None:
            return Finding(evidence.subject, cause.text, cause.command, step)
    return Finding(
        evidence.subject,
        "is not ready, and neither its conditions nor its events nor its pods say why; "
        "it may only need more time",
        describe(evidence),
        step,
        certain=False,
    )


def describe(evidence: Evidence) -> str:
    """Command that shows the object with its events."""
    return command(evidence.namespace, f"describe {evidence.kind.lower()} {evidence.name}")


def command(namespace: str, rest: str) -> str:
    """A kubectl command."""
    return f"kubectl -n {namespace} {rest}" if namespace else f"kubectl {rest}"


def _trouble(evidence: Evidence) -> Cause | None:
    if not evidence.trouble:
        return None
    text = one_line(evidence.trouble)
    return Cause(f"cannot be looked at: {text}", command("", "get --raw /readyz"))


def _missing(evidence: Evidence) -> Cause | None:
    if evidence.thing is not None:
        return None
    namespace = evidence.namespace
    if namespace and evidence.namespace_thing is None:
        return Cause(
            f"does not exist, nor does its namespace {namespace}", command("", "get namespaces")
        )
    if evidence.namespace_thing and _deletion(evidence.namespace_thing):
        return Cause(
            f"cannot be made, because its namespace {namespace} is being removed and "
            f"{_waits_for(evidence.namespace_thing)}",
            command("", f"get namespace {namespace} -o yaml"),
        )
    return Cause("does not exist", command(namespace, f"get {evidence.kind.lower()}"))


def _removal(evidence: Evidence) -> Cause | None:
    if not _deletion(evidence.thing):
        return None
    rest = f"get {evidence.kind.lower()} {evidence.name} -o yaml"
    return Cause(
        f"is being removed and {_waits_for(evidence.thing or {})}",
        command(evidence.namespace, rest),
    )


def _deletion(thing: Thing | None) -> bool:
    return bool(((thing or {}).get("metadata") or {}).get("deletionTimestamp"))


def _waits_for(thing: Thing) -> str:
    """What a removal waits for: content with finalizers, its own finalizers, or nothing known."""
    remaining = [
        str(condition.get("message", ""))
        for condition in conditions_of(thing)
        if condition.get("type") in ("NamespaceFinalizersRemaining", "NamespaceContentRemaining")
        and condition.get("status") == "True"
    ]
    if remaining:
        return f"waits: {one_line('; '.join(remaining))}"
    finalizers = (thing.get("metadata") or {}).get("finalizers") or ()
    if finalizers:
        names = ", ".join(str(name) for name in finalizers)
        return f"waits for the controller that holds the finalizer {names}"
    return "has not gone yet, though no finalizer holds it"


def _lock(evidence: Evidence) -> Cause | None:
    """A new workbench is held stopped until the controller's first pass is done, if ever it is."""
    for thing in (evidence.thing, evidence.owner):
        metadata = (thing or {}).get("metadata") or {}
        if (metadata.get("annotations") or {}).get(STOPPED_ANNOTATION) == LOCK:
            return Cause(
                f"is held by the annotation {STOPPED_ANNOTATION}: {LOCK}, which the "
                "odh-notebook-controller takes away when it has made what the workbench needs; "
                "its log says what keeps it",
                command(evidence.namespace, f"get notebook {metadata.get('name')} -o yaml"),
            )
    return None


def _store(evidence: Evidence) -> Cause | None:
    """A wrong key, an unreachable store or a missing bucket, said by a condition or a log."""
    for text, where in _said(evidence):
        cause = stores.store_cause(text)
        if cause:
            return Cause(f"{cause} ({where})", describe(evidence))
    return None


def _said(evidence: Evidence) -> list[tuple[str, str]]:
    said = [
        (_condition_text(condition), f"condition {condition.get('type')}")
        for condition in conditions_of(evidence.thing)
        if condition.get("status") != "True"
    ]
    failure = _model_failure(evidence.thing)
    if failure:
        said.append((failure, "modelStatus.lastFailureInfo"))
    for (pod, container), log in sorted(evidence.logs.items()):
        line = last_log_line(log)
        if line:
            said.append((line, f"log of {pod}/{container}: “{line}”"))
    return said


def _model(evidence: Evidence) -> Cause | None:
    failure = _model_failure(evidence.thing)
    if not failure:
        return None
    rest = f"get {evidence.kind.lower()} {evidence.name} -o jsonpath='{{.status.modelStatus}}'"
    return Cause(
        f"could not load its model: {one_line(failure)}", command(evidence.namespace, rest)
    )


def _model_failure(thing: Thing | None) -> str:
    status = ((thing or {}).get("status") or {}).get("modelStatus") or {}
    states = status.get("states") or {}
    if states.get("activeModelState") == "Loaded" and status.get("transitionStatus") == "UpToDate":
        return ""
    failure = status.get("lastFailureInfo") or {}
    return ": ".join(str(failure[key]) for key in ("reason", "message") if failure.get(key))


def _claims(evidence: Evidence) -> Cause | None:
    for claim in evidence.claims:
        cause = claim_cause(claim, evidence)
        if cause:
            return cause
    return None


def _pods(evidence: Evidence) -> Cause | None:
    causes = [cause for pod in evidence.pods if (cause := pod_cause(pod, evidence))]
    return min(causes, key=lambda cause: cause.rank, default=None)


def _never_made(evidence: Evidence) -> Cause | None:
    """Why there is no pod: a quota, a service account, an admission that refuses."""
    things = [*evidence.related, *([evidence.thing] if evidence.thing else [])]
    for thing in things:
        kind, name = str(thing.get("kind", "")), name_of(thing)
        refused = [
            event
            for event in evidence.events_of(kind, name)
            if event.get("reason") in ("FailedCreate", "FailedUpdate", "ReplicaFailure")
        ]
        said = [str(event.get("message", "")) for event in sorted(refused, key=event_time)]
        said += [
            str(condition.get("message", ""))
            for condition in conditions_of(thing)
            if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True"
        ]
        said = [message for message in said if not _is_over(message, evidence)]
        if said and not _has_pods(evidence, name):
            return Cause(
                f"has no pod, because {_refusal(said[-1])}",
                command(evidence.namespace, f"describe {kind.lower()} {name}"),
            )
    return None


def _is_over(message: str, evidence: Evidence) -> bool:
    """Whether a refusal tells of an account that was missing and is there now."""
    missing = MISSING_ACCOUNT.search(message)
    return missing is not None and missing[1] in map(name_of, evidence.accounts)


def _has_pods(evidence: Evidence, owner: str) -> bool:
    return any(
        reference.get("name") == owner
        for pod in evidence.pods
        for reference in (pod.get("metadata") or {}).get("ownerReferences") or ()
    )


def _refusal(message: str) -> str:
    quota = QUOTA.search(message)
    if quota:
        return (
            f"the quota {quota['quota']} does not allow it: {quota['requested']} is asked for, "
            f"{quota['used']} is used, {quota['limited']} is the limit"
        )
    account = MISSING_ACCOUNT.search(message)
    if account:
        return f"its ServiceAccount {account[1]} does not exist"
    return f"the API server refuses it: {one_line(message)}"


def _job(evidence: Evidence) -> Cause | None:
    for condition in conditions_of(evidence.thing):
        if condition.get("type") == "Failed" and condition.get("status") == "True":
            reason = str(condition.get("reason", ""))
            why = {
                "DeadlineExceeded": "took longer than it may",
                "BackoffLimitExceeded": "failed as often as it may",
            }.get(reason, _condition_text(condition))
            lines = [last_log_line(log) for log in evidence.logs.values()]
            last = next((line for line in reversed(lines) if line), "")
            said = f", its last words: “{last}”" if last else ""
            rest = f"logs {evidence.kind.lower()}/{evidence.name} --tail=50"
            return Cause(f"{why}{said}", command(evidence.namespace, rest))
    return None


def _conditions(evidence: Evidence) -> Cause | None:
    """The first condition that is not as it should be; sums of others come last."""
    bad = [c for c in conditions_of(evidence.thing) if _is_bad(c)]
    bad.sort(key=lambda condition: condition.get("type") in SUMS)
    for condition in bad:
        text = _condition_text(condition)
        if text:
            return Cause(
                f"has {condition.get('type')} {condition.get('status')}: {text}", describe(evidence)
            )
    return None


def _is_bad(condition: Thing) -> bool:
    wanted = "False" if condition.get("type") in ("Failed", "ReplicaFailure", "Stalled") else "True"
    return condition.get("status") != wanted


def _condition_text(condition: Thing) -> str:
    reason, message = str(condition.get("reason") or ""), str(condition.get("message") or "")
    if reason and message and reason not in message:
        return f"{one_line(message)} ({reason})"
    return one_line(message or reason)


def _warnings(evidence: Evidence) -> Cause | None:
    """The latest warning about the object itself or about what lies between it and its pods."""
    names = {(evidence.kind, evidence.name)}
    names |= {(str(thing.get("kind", "")), name_of(thing)) for thing in evidence.related}
    warnings = [
        event
        for kind, name in sorted(names)
        for event in evidence.events_of(kind, name)
        if event.get("type") == "Warning"
    ]
    if not warnings:
        return None
    latest = max(warnings, key=event_time)
    return Cause(
        f"has a warning, {latest.get('reason')}: {one_line(str(latest.get('message', '')))}",
        describe(evidence),
    )


Rule = Callable[[Evidence], "Cause | None"]
RULES: Sequence[Rule] = (
    _trouble,
    _missing,
    _removal,
    _store,
    _model,
    _claims,
    _pods,
    _lock,
    _never_made,
    _job,
    _conditions,
    _warnings,
)


def finding_of_message(step: str, message: str, command: str = "") -> Finding:
    """A failure that has no object in the cluster: the task's own words."""
    return Finding("", one_line(message, 600), command, step)
