"""Runs and what they wrote, read from the services as several pages show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline_server.database.models import StorageState
from pipeline_server.object_store import StoredObject
from pipeline_server.services.collection import Services
from pipeline_server.services.folders import Content, Folder, FolderFile, is_plain
from pipeline_server.services.listing import ListRequest, Page, Predicate
from pipeline_server.web import rows
from pipeline_server.web.view_models import Artifact, FileList, RunDetail, RunFilter, RunSummary

FILE = "file/"


def storage_state(archived: bool) -> StorageState:
    """The state of what a list shows."""
    return StorageState.ARCHIVED if archived else StorageState.AVAILABLE


def containing(text: str) -> Sequence[Predicate]:
    """Only rows whose name has the text; all of them when there is none."""
    return [Predicate("IS_SUBSTRING", "display_name", text)] if text else []


def list_runs(services: Services, wanted: RunFilter, token: str, size: int) -> Page[RunSummary]:
    """One page of the runs that match."""
    equal = {
        "state": wanted.state.value if wanted.state else "",
        "pipeline_id": wanted.pipeline_id,
        "recurring_run_id": wanted.recurring_run_id,
    }
    predicates = [Predicate("EQUALS", key, value) for key, value in equal.items() if value]
    page = services.runs.list(
        ListRequest(token, size, wanted.sort, [*containing(wanted.text), *predicates]),
        experiment_id=wanted.experiment_id,
        storage_state=storage_state(wanted.archived),
    )
    names = services.runs.names(page.items)
    return Page([rows.summary_of(run, names) for run in page.items], page.next_token, page.total)


def get_run(services: Services, run_id: str) -> RunDetail:
    """A run with its spec and all its steps."""
    run = services.runs.get(run_id)
    return RunDetail(
        summary=rows.summary_of(run, services.runs.names([run])),
        description=run.description,
        parameters=run.runtime_config.get("parameters", {}),
        spec=run.document.content,
        tasks=rows.tasks_of(run.tasks, services.runs.task_artifacts(run_id)),
        pipeline_root=run.runtime_config.get("pipeline_root", ""),
        service_account=run.service_account,
        history=rows.history_of(run.state_history),
    )


def list_files(services: Services, run_id: str) -> FileList:
    """Files in the bucket that belong to the run though no step declared them."""
    found = services.artifacts.files(run_id)
    return _listed(found, lambda file: FILE + file.stored.key)


def list_folder(services: Services, run_id: str, artifact_id: str) -> FileList:
    """The files of an artifact that is a folder: to a page, artifacts too. Else none."""
    if "/" in artifact_id:
        return FileList()
    found = services.artifacts.folder(artifact_id, run_id)
    return _listed(found, lambda file: f"{artifact_id}/{file.path}")


def get_artifact(services: Services, run_id: str, artifact_id: str) -> Artifact:
    """An artifact that the run made or read, a file of one (``id/path``), or one of its files."""
    if artifact_id.startswith(FILE):
        item = services.artifacts.file(run_id, artifact_id.removeprefix(FILE))
        return _file_of(artifact_id, item.key.rsplit("/", 1)[-1], item)
    identity, _, path = artifact_id.partition("/")
    row = services.artifacts.get(identity, run_id)
    task = {task.id: task for task in services.runs.get(run_id).tasks}.get(row.task_id)
    step = task.display_name if task else ""
    if not path:
        return rows.artifact_of(row, row.name, step)
    return Artifact(artifact_id, path, uri=f"{row.uri.rstrip('/')}/{path}", step=step)


def open_artifact(services: Services, run_id: str, artifact_id: str) -> Content:
    """Its bytes; of a folder those of its archive.

    Raises:
        NotFoundError: the store has no such object.
    """
    if artifact_id.startswith(FILE):
        return services.artifacts.open_file(run_id, artifact_id.removeprefix(FILE))
    identity, _, path = artifact_id.partition("/")
    return services.artifacts.open(identity, run_id, path)


def check_artifact(services: Services, run_id: str, artifact_id: str) -> None:
    """Raise NotFoundError when the store has no such object."""
    if not artifact_id.startswith(FILE):
        identity, _, path = artifact_id.partition("/")
        services.artifacts.size(identity, run_id, path)


def _listed(folder: Folder, identity: Callable[[FolderFile], str]) -> FileList:
    return FileList(
        tuple(
            _file_of(identity(file), file.path, file.stored)
            for file in folder.files
            if is_plain(file.path)
        ),
        tuple(file.path for file in folder.files if not is_plain(file.path)),
        folder.more,
    )


def _file_of(identity: str, name: str, item: StoredObject) -> Artifact:
    return Artifact(identity, name, uri=f"s3://{item.bucket}/{item.key}", size=item.size)
