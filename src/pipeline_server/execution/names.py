"""Names and labels of what a run has in the cluster."""

from __future__ import annotations

import re

RUN_LABEL = "pipeline/runid"
RUN_ID_LABEL = "pipelines.kubeflow.org/run-id"
TASK_ID_LABEL = "pipelines.kubeflow.org/task-id"
TASK_NAME_LABEL = "pipelines.kubeflow.org/task-name"
ATTEMPT_LABEL = "pipelines.kubeflow.org/attempt"
SERVER_LABEL = "pipelines.kubeflow.org/server"
COMPONENT_LABEL = "component"


def slug(text: str, length: int) -> str:
    """A part of a Kubernetes name."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return plain[:length].strip("-") or "step"


def label_value(text: str) -> str:
    """A label's value that says as much of the text as it may."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:63]
    return plain.strip("-._")


def pod_name(task_name: str, task_id: str, number: int) -> str:
    """The pod of an attempt: always the same for it, so that it is never made twice."""
    return f"{slug(task_name, 36)}-{task_id.replace('-', '')[:12]}-{number}"


def job_name(pipeline_name: str, run_id: str) -> str:
    """A run's name as a resource: that of its pipeline and what tells its runs apart."""
    return f"{pipeline_name}-{run_id}"


def claim_name(run_id: str) -> str:
    """The claim of a run's workspace."""
    return f"workspace-{run_id}"
