"""``/apis/v2beta1/runs`` and what belongs to a run: tasks' logs and artifacts."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from pipeline_server.api import views
from pipeline_server.api.common import ListWanted, ServicesOf, json_reply, list_reply
from pipeline_server.api.contract import CONTRACT, body_of
from pipeline_server.api.messages import RunMessage
from pipeline_server.errors import NotFoundError, TooLargeError
from pipeline_server.services import checks
from pipeline_server.services.folders import ARCHIVE_TYPE
from pipeline_server.services.runs import NewRun

router = APIRouter(prefix="/apis/v2beta1", tags=["runs"])

MAXIMUM_READ = 32 * 1024 * 1024


def new_run(message: RunMessage, request_key: str = "") -> NewRun:
    """The run that a message asks for."""
    reference = message.pipeline_version_reference
    return NewRun(
        display_name=message.display_name or "",
        description=message.description or "",
        experiment_id=message.experiment_id or "",
        pipeline_id=(reference.pipeline_id if reference else None) or "",
        pipeline_version_id=(reference.pipeline_version_id if reference else None)
        or message.pipeline_version_id
        or "",
        spec=message.pipeline_spec or None,
        runtime_config=message.runtime_config,
        service_account=message.service_account or "",
        request_key=request_key,
    )


@router.get("/runs")
def list_runs(
    services: ServicesOf,
    wanted: ListWanted,
    experiment_id: Annotated[str, Query()] = "",
) -> Any:
    """Runs."""
    page = services.runs.list(wanted, experiment_id=experiment_id, with_documents=True)
    return list_reply("ListRunsResponse", page, lambda row: views.run(row, services.settings))


@router.post("/runs", dependencies=[body_of("Run")])
def create_run(
    services: ServicesOf,
    message: RunMessage,
    idempotency_key: Annotated[str, Header(description="The same key gives the same run")] = "",
) -> Any:
    """Start a run."""
    wanted = new_run(message, idempotency_key)
    checks.name(wanted.display_name, "display_name")
    row = services.runs.create(wanted)
    return views.run(row, services.settings, tasks=True)


@router.get("/runs/{run_id}")
def get_run(services: ServicesOf, run_id: str) -> Any:
    """A run with its tasks."""
    return json_reply(views.run(services.runs.get(run_id), services.settings, tasks=True))


@router.delete("/runs/{run_id}")
def delete_run(services: ServicesOf, run_id: str) -> Any:
    """Delete a run."""
    services.runs.delete(run_id)
    return {}


@router.post("/runs/{run_id}:terminate")
def terminate_run(services: ServicesOf, run_id: str) -> Any:
    """Stop a run."""
    services.runs.terminate(run_id)
    return {}


@router.post("/runs/{run_id}:retry")
def retry_run(services: ServicesOf, run_id: str) -> Any:
    """Run the failed part again."""
    services.runs.retry(run_id)
    return {}


@router.post("/runs/{run_id}:archive")
def archive_run(services: ServicesOf, run_id: str) -> Any:
    """Move a run to the archive."""
    services.runs.archive(run_id)
    return {}


@router.post("/runs/{run_id}:unarchive")
def unarchive_run(services: ServicesOf, run_id: str) -> Any:
    """Take a run out of the archive."""
    services.runs.unarchive(run_id)
    return {}


@router.get("/runs/{run_id}/tasks")
def list_tasks(services: ServicesOf, run_id: str) -> Any:
    """A run's tasks with more than upstream's message holds: parameters, artifacts, notes."""
    return json_reply({"tasks": [views.full_task(row) for row in services.runs.get(run_id).tasks]})


@router.get("/runs/{run_id}/tasks/{task_id}/log", response_class=Response)
@router.get("/runs/{run_id}/nodes/{task_id}/log", response_class=Response, include_in_schema=False)
def read_log(
    services: ServicesOf,
    run_id: str,
    task_id: str,
    offset: Annotated[int, Query(ge=0)] = 0,
    attempt: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """A step's log as text; ask again from ``X-Next-Offset`` until ``X-Log-Complete``."""
    part = services.logs.read(run_id, task_id, offset, attempt)
    headers = {
        "X-Next-Offset": str(part.next_offset),
        "X-Log-Complete": str(part.complete).lower(),
    }
    return Response(part.text, media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/runs/{run_id}/artifacts", tags=["artifacts"])
def list_run_artifacts(services: ServicesOf, run_id: str) -> Any:
    """What the steps of a run made."""
    return {"artifacts": [views.artifact(row) for row in services.artifacts.list(run_id)]}


@router.get("/runs/{run_id}/tasks/{task_id}/artifacts", tags=["artifacts"])
def list_task_artifacts(services: ServicesOf, run_id: str, task_id: str) -> Any:
    """What a task read and made."""
    task = services.runs.get_task(run_id, task_id)
    known = services.runs.task_artifacts(run_id)

    def side(content: dict[str, Any]) -> dict[str, Any]:
        return {
            name: [views.artifact(known[item]) for item in ids if item in known]
            for name, ids in content.get("artifacts", {}).items()
        }

    return {"inputs": side(task.inputs), "outputs": side(task.outputs)}


@router.get("/runs/{run_id}/nodes/{task_id}/artifacts/{name}:read", tags=["artifacts"])
def read_artifact(services: ServicesOf, run_id: str, task_id: str, name: str) -> Any:
    """The bytes of an output artifact, as upstream's ``ReadArtifact`` gives them.

    Upstream's artifacts are archives there; here a folder is one, and a file is itself.
    """
    task = services.runs.get_task(run_id, task_id)
    ids = task.outputs.get("artifacts", {}).get(name)
    if not ids:
        raise NotFoundError(f"task {task_id!r} has no output artifact {name!r}")
    content = services.artifacts.open(ids[0], run_id)
    read = bytearray()
    for chunk in content.chunks if (content.size or 0) <= MAXIMUM_READ else ():
        read += chunk
        if len(read) > MAXIMUM_READ:
            break
    if max(len(read), content.size or 0) > MAXIMUM_READ:
        size = content.size or f"more than {MAXIMUM_READ}"
        raise TooLargeError(
            f"artifact {name!r} has {size} bytes; up to {MAXIMUM_READ} are read at once: "
            f"ask for /apis/v2beta1/artifacts/{ids[0]}/content"
        )
    return CONTRACT.write("ReadArtifactResponse", {"data": base64.b64encode(read).decode()})


@router.get("/artifacts/{artifact_id}", tags=["artifacts"])
def get_artifact(services: ServicesOf, artifact_id: str) -> Any:
    """An artifact."""
    return views.artifact(services.artifacts.get(artifact_id))


@router.get("/artifacts/{artifact_id}/content", tags=["artifacts"], response_class=Response)
def get_artifact_content(
    services: ServicesOf,
    artifact_id: str,
    path: Annotated[str, Query(description="a file of an artifact that is a folder")] = "",
) -> Response:
    """An artifact's bytes, as a download; of a folder those of a zip archive."""
    content = services.artifacts.open(artifact_id, path=path)
    name = "".join(
        letter
        for letter in content.name
        if letter in "._-" or (letter.isascii() and letter.isalnum())
    )
    headers = {
        "Content-Disposition": f'attachment; filename="{name or "artifact"}"',
        "X-Content-Type-Options": "nosniff",
    }
    media_type = ARCHIVE_TYPE
    if content.size is not None:
        headers["Content-Length"] = str(content.size)
        media_type = "application/octet-stream"
    return StreamingResponse(content.chunks, headers=headers, media_type=media_type)


@router.get("/artifacts/{artifact_id}/files", tags=["artifacts"])
def list_artifact_files(services: ServicesOf, artifact_id: str) -> Any:
    """The files of an artifact that is a folder; none of one that is a file."""
    folder = services.artifacts.folder(artifact_id)
    files = [{"path": file.path, "size": str(file.stored.size)} for file in folder.files]
    return {"files": files, "more": folder.more}
