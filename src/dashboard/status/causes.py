"""Why something failed, as a sentence: the rules of `lab_diagnosis` over a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard import kinds
from dashboard.snapshot import Snapshot
from lab_diagnosis.causes import diagnose
from lab_diagnosis.collect import family
from lab_diagnosis.evidence import Evidence


def cause_of(snapshot: Snapshot, thing: Mapping[str, Any]) -> str | None:
    """The deepest cause that the objects of a project show; None where nothing is wrong there."""
    kind, name = str(thing["kind"]), str(thing["metadata"]["name"])
    pods: list[Any] = list(snapshot.of(kinds.POD))
    # The set between a Notebook and its pods says why there are none; learners may not all list it.
    between = [{"kind": "StatefulSet", "metadata": {"name": name}}] if kind == "Notebook" else []
    _, own = family(kind, name, thing, [], pods)
    claims = {
        (volume.get("persistentVolumeClaim") or {}).get("claimName")
        for pod in own
        for volume in (pod.get("spec") or {}).get("volumes") or ()
    }
    finding = diagnose(
        Evidence(
            kind=kind,
            name=name,
            namespace=snapshot.namespace,
            thing=thing,
            pods=own,
            related=between,
            claims=[c for c in snapshot.of(kinds.CLAIM) if c["metadata"]["name"] in claims],
            events=snapshot.of(kinds.EVENT),
            logs=dict(snapshot.logs),
            namespace_thing={"metadata": {"name": snapshot.namespace}},
        )
    )
    if not finding.certain:
        return None
    text = finding.cause.strip()
    return f"{finding.subject} {text}" if text else None
