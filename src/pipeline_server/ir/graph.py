"""Names and order within a graph of tasks."""

from __future__ import annotations

from kfp.pipeline_spec import pipeline_spec_pb2 as pb

ROOT = "root"


def upstream_tasks(task: pb.PipelineTaskSpec) -> set[str]:
    """All tasks of the same graph that a task waits for."""
    found = set(task.dependent_tasks)
    for item in task.inputs.parameters.values():
        kind = item.WhichOneof("kind")
        if kind == "task_output_parameter":
            found.add(item.task_output_parameter.producer_task)
        elif kind == "task_final_status":
            found.add(item.task_final_status.producer_task)
    for artifact in task.inputs.artifacts.values():
        if artifact.WhichOneof("kind") == "task_output_artifact":
            found.add(artifact.task_output_artifact.producer_task)
    return found
