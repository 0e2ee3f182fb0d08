"""The task ``lab_explain``: ends a play with the cause of what is wrong with an object."""

from __future__ import annotations

import os

from lab_playbook.cluster import explain_object
from lab_playbook.outcome import Arguments, Result, TaskError


def explain(arguments: Arguments, check_mode: bool) -> Result:
    """Return a finding about an object, or fail with its sentence."""
    del check_mode
    finding = explain_object(
        arguments["kind"],
        arguments["name"],
        arguments["namespace"],
        arguments["api_version"],
        step=arguments["step"],
        kubeconfig=arguments["kubeconfig"] or os.environ.get("K8S_AUTH_KUBECONFIG", ""),
    )
    if arguments["fail"]:
        raise TaskError.of(finding)
    return finding.as_dict()
