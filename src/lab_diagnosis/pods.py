"""Why a pod does not run, and why a claim has no volume."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab_diagnosis.evidence import Evidence, Thing, event_time, name_of
from lab_diagnosis.text import last_log_line, one_line

IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
    }
)
CONFIG_REASONS = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)
MISSING_REFERENCE = re.compile(
    r'(secret|configmap|persistentvolumeclaim)s? "?([\w.-]+)"? not found', re.I
)
KINDS = {
    "secret": "Secret",
    "configmap": "ConfigMap",
    "persistentvolumeclaim": "PersistentVolumeClaim",
}
KILLED = 137


@dataclass(frozen=True)
class Cause:
    """What is wrong, the command to see more, and how near to the root it is (0 is nearest)."""

    text: str
    command: str
    rank: int = 5


def pod_cause(pod: Thing, evidence: Evidence) -> Cause | None:
    """The most telling thing that keeps this pod from running."""
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return None
    for look in (_unschedulable, _waiting, _ended, _not_mounted, _evicted, _unready):
        cause = look(pod, evidence)
        if cause is not None:
            return cause
    return None


def claim_cause(claim: Thing, evidence: Evidence) -> Cause | None:
    """Why a claim has no volume; None where it is bound or only waits for its first pod."""
    phase = (claim.get("status") or {}).get("phase")
    if phase not in ("Pending", "Lost"):
        return None
    name = name_of(claim)
    show = f"kubectl -n {evidence.namespace} describe persistentvolumeclaim {name}"
    if phase == "Lost":
        return Cause(f"cannot use the claim {name}, whose volume is gone", show, 1)
    spec = claim.get("spec") or {}
    wanted = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "")
    events = evidence.events_of("PersistentVolumeClaim", name)
    failed = [e for e in events if e.get("reason") in ("ProvisioningFailed", "FailedBinding")]
    if failed:
        message = one_line(str(failed[-1].get("message", "")))
        return Cause(
            f"waits for the claim {name} ({wanted}), which gets no volume: {message}", show, 1
        )
    if any(event.get("reason") == "WaitForFirstConsumer" for event in events):
        return None
    storage_class = spec.get("storageClassName")
    text = (
        f"of the storage class {storage_class}" if storage_class else "and names no storage class"
    )
    return Cause(f"waits for the claim {name} ({wanted}), which is unbound {text}", show, 2)


def _show(pod: Thing, evidence: Evidence) -> str:
    return f"kubectl -n {evidence.namespace} describe pod {name_of(pod)}"


def _unschedulable(pod: Thing, evidence: Evidence) -> Cause | None:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") != "PodScheduled" or condition.get("status") != "False":
            continue
        message = str(condition.get("message", ""))
        if (
            "unbound immediate PersistentVolumeClaims" in message
            or "persistentvolumeclaim" in message
        ):
            for claim in evidence.claims:
                cause = claim_cause(claim, evidence)
                if cause:
                    return cause
        missing = MISSING_REFERENCE.search(message)
        if missing:
            return Cause(
                f"waits: pod {name_of(pod)} needs the {KINDS[missing[1].lower()]} {missing[2]}, "
                "which does not exist",
                _show(pod, evidence),
                1,
            )
        asks = requests_of(pod)
        wants = f", which asks for {asks}," if asks else ""
        text = one_line(re.sub(r"\s*preemption:.*$", "", message))
        return Cause(
            f"waits: pod {name_of(pod)}{wants} fits on no node: {text}", _show(pod, evidence), 1
        )
    return None


def requests_of(pod: Thing) -> str:
    """What the pod's containers ask for together: ``cpu 500m + 2, memory 1Gi``."""
    found: dict[str, list[str]] = {}
    for container in (pod.get("spec") or {}).get("containers") or ():
        for name, amount in ((container.get("resources") or {}).get("requests") or {}).items():
            found.setdefault(str(name), []).append(str(amount))
    return ", ".join(f"{name} {' + '.join(amounts)}" for name, amounts in sorted(found.items()))


def _containers(pod: Thing) -> list[Thing]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _waiting(pod: Thing, evidence: Evidence) -> Cause | None:
    for container in _containers(pod):
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
        if reason in IMAGE_REASONS:
            said = "" if reason == "ImagePullBackOff" else f" ({one_line(message, 160)})"
            return Cause(
                f"waits: the image {container.get('image')} of pod {name_of(pod)} is missing or "
                f"cannot be pulled, {reason}{said}",
                _show(pod, evidence),
                1,
            )
        if reason in CONFIG_REASONS:
            missing = MISSING_REFERENCE.search(message)
            why = (
                f"needs the {KINDS[missing[1].lower()]} {missing[2]}, which does not exist"
                if missing
                else f"cannot be started: {one_line(message)}"
            )
            text = f"waits: container {container.get('name')} of pod {name_of(pod)} {why}"
            return Cause(text, _show(pod, evidence), 1)
        if reason == "CrashLoopBackOff":
            return _crash(pod, container, evidence)
    return None


def _crash(pod: Thing, container: Thing, evidence: Evidence) -> Cause:
    ended = (container.get("lastState") or {}).get("terminated") or {}
    count = container.get("restartCount", 0)
    times = "once" if count == 1 else f"{count} times"
    text = f"keeps failing: container {container.get('name')} of pod {name_of(pod)} " + (
        f"was restarted {times}, {_end(pod, container, ended, evidence)}"
    )
    return Cause(text, _logs(pod, container, evidence, previous=True), 2)


def _end(pod: Thing, container: Thing, ended: Thing, evidence: Evidence) -> str:
    name = str(container.get("name"))
    code = ended.get("exitCode")
    if ended.get("reason") == "OOMKilled":
        return f"killed for using more than its memory limit{_limit(pod, name)}"
    log = evidence.logs.get((name_of(pod), name), "") or str(ended.get("message") or "")
    line = last_log_line(log)
    how = "killed (exit code 137)" if code == KILLED else f"exit code {code}"
    return f"{how}, last log line: “{line}”" if line else f"{how}, with nothing in its log"


def _limit(pod: Thing, name: str) -> str:
    for container in (pod.get("spec") or {}).get("containers") or ():
        if container.get("name") == name:
            limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
            return f" of {limit}" if limit else ""
    return ""


def _logs(pod: Thing, container: Thing, evidence: Evidence, *, previous: bool = False) -> str:
    flags = " --previous" if previous else ""
    return (
        f"kubectl -n {evidence.namespace} logs {name_of(pod)} -c {container.get('name')}"
        f" --tail=50{flags}"
    )


def _ended(pod: Thing, evidence: Evidence) -> Cause | None:
    for container in _containers(pod):
        ended = (container.get("state") or {}).get("terminated") or {}
        if ended and ended.get("exitCode", 0) != 0:
            end = _end(pod, container, ended, evidence)
            return Cause(
                f"failed: container {container.get('name')} of pod {name_of(pod)} ended, {end}",
                _logs(pod, container, evidence),
                2,
            )
    return None


def _not_mounted(pod: Thing, evidence: Evidence) -> Cause | None:
    if (pod.get("status") or {}).get("phase") != "Pending":
        return None
    events = [
        event
        for event in evidence.events_of("Pod", name_of(pod))
        if event.get("reason") in ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox")
    ]
    if not events:
        return None
    message = str(max(events, key=event_time).get("message", ""))
    missing = MISSING_REFERENCE.search(message)
    why = (
        f"needs the {KINDS[missing[1].lower()]} {missing[2]}, which does not exist"
        if missing
        else f"cannot be set up: {one_line(message)}"
    )
    return Cause(f"waits: pod {name_of(pod)} {why}", _show(pod, evidence), 1)


def _evicted(pod: Thing, evidence: Evidence) -> Cause | None:
    status = pod.get("status") or {}
    if status.get("phase") != "Failed":
        return None
    reason, message = str(status.get("reason") or "Failed"), str(status.get("message") or "")
    text = f"failed: pod {name_of(pod)} was ended, {reason}"
    return Cause(f"{text}: {one_line(message)}" if message else text, _show(pod, evidence), 3)


def _unready(pod: Thing, evidence: Evidence) -> Cause | None:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        if container.get("ready") or (container.get("state") or {}).get("running") is None:
            continue
        events = [
            event
            for event in evidence.events_of("Pod", name_of(pod))
            if event.get("reason") == "Unhealthy"
        ]
        name = container.get("name")
        line = last_log_line(evidence.logs.get((name_of(pod), str(name)), ""))
        said = f", last log line: “{line}”" if line else ""
        if events:
            message = one_line(str(max(events, key=event_time).get("message", "")), 200)
            text = f"waits: container {name} of pod {name_of(pod)} runs but is not ready: {message}"
        else:
            text = f"waits: container {name} of pod {name_of(pod)} runs but is not ready yet"
        return Cause(text + said, _logs(pod, container, evidence), 4)
    return None
