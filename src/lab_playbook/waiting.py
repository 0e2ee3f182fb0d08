"""The task ``lab_wait``: looks until objects are as asked for in every namespace."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lab_diagnosis.collect import explain_error
from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.readiness import is_stopped, readiness
from lab_ground.waiting import moments
from lab_playbook.cluster import explain_object
from lab_playbook.outcome import Arguments, Result, TaskError
from lab_playbook.reading import named

logger = logging.getLogger(__name__)
PAUSE = 1.0
# An object's api_version, kind and name.
Target = Mapping[str, str]


def is_ready(thing: Manifest) -> bool:
    """Say whether an object is ready; a Job need only have ended, either way."""
    verdict = readiness(thing)
    return verdict.ready or (verdict.failed and thing["kind"] == "Job")


def look(
    cluster: KubernetesClient,
    target: Target,
    namespaces: Sequence[str],
    is_right: Callable[[Manifest], bool],
) -> list[str]:
    """Return the namespaces where an object is not there or not right."""
    present = named(cluster, target["api_version"], target["kind"], target["name"], namespaces)
    right = {namespace for namespace, thing in present.items() if is_right(thing)}
    return [namespace for namespace in namespaces if namespace not in right]


def wait_for(
    cluster: KubernetesClient,
    target: Target,
    namespaces: Sequence[str],
    deadline: float,
    is_right: Callable[[Manifest], bool] = is_ready,
    *,
    once: bool = False,
    explain: Callable[..., Any] = explain_object,
    **context: str,
) -> list[str]:
    """Look until an object is right everywhere; return where it is not, which is only for ``once``.

    ``deadline`` is of ``time.monotonic``; ``context`` (step, kubeconfig) is for the sentence.

    Raises:
        TaskError: it was not right in time; with the cause, of the first namespace.
    """
    waiting = list(namespaces)
    for _ in moments(deadline - time.monotonic(), PAUSE):
        try:
            waiting = look(cluster, target, namespaces, is_right)
        except Exception as error:
            # The API server may be away for a moment; in the end the sentence says so.
            logger.debug("%s %s: %s", target["kind"], target["name"], error)
        if not waiting or once:
            return waiting
    what = (target["kind"], target["name"], waiting[0], target["api_version"])
    raise TaskError.of(explain(*what, **context), waiting=waiting)


def wait(arguments: Arguments, check_mode: bool) -> Result:
    """Wait for each of the objects; in check mode only look, and fail for nothing."""
    try:
        cluster = open_client()
    except Exception as error:
        if check_mode:
            return {"waiting": []}
        raise TaskError(explain_error(error)) from error
    is_right = is_stopped if arguments["state"] == "stopped" else is_ready
    deadline = time.monotonic() + arguments["timeout"]
    waiting = []
    for target in arguments["objects"]:
        away = wait_for(
            cluster,
            target,
            arguments["namespaces"],
            deadline,
            is_right,
            once=check_mode,
            step=arguments["step"],
        )
        waiting += [f"{target['kind']} {namespace}/{target['name']}" for namespace in away]
    return {"waiting": waiting}
