"""The steps' own part of the API: reached with the token of one attempt, good for that alone."""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Header
from sqlalchemy.orm import Session

from pipeline_server.api.common import PLAIN_BODY, ServicesOf
from pipeline_server.api.messages import StepReport, StepStart, StepUploads
from pipeline_server.database.history import set_task_state
from pipeline_server.database.models import FINISHED, Artifact, Attempt, Run, RunState, Task, now
from pipeline_server.errors import (
    InvalidArgumentError,
    NotFoundError,
    UnauthenticatedError,
)
from pipeline_server.execution import steps
from pipeline_server.execution.executor_input import local_path, output_file
from pipeline_server.ir import plain
from pipeline_server.ir.errors import PipelineError
from pipeline_server.object_store import SCHEMES, split_uri
from pipeline_server.services import runs
from pipeline_server.services.collection import Services

router = APIRouter(prefix="/internal/steps", tags=["steps"], include_in_schema=False)

SIGNED_SECONDS = 7 * 24 * 3600
MAXIMUM_FILES = 10_000
Authorization = Annotated[str, Header()]


class GoneError(NotFoundError):
    """The attempt is over: a step that still runs shall stop."""


def _authorize(services: Services, attempt_id: str, authorization: str) -> None:
    wanted = f"Bearer {steps.step_token(services.settings, attempt_id)}"
    if not hmac.compare_digest(wanted.encode(), authorization.encode()):
        raise UnauthenticatedError("this token is not that of the attempt")


def _find(session: Session, attempt_id: str) -> Attempt:
    attempt = session.get(Attempt, attempt_id)
    if attempt is None:
        raise GoneError("there is no such attempt")
    return attempt


@router.post("/{attempt_id}/start")
def start(
    services: ServicesOf, attempt_id: str, message: StepStart, authorization: Authorization = ""
) -> Any:
    """The launcher is there: it is told what to do."""
    _authorize(services, attempt_id, authorization)

    def work(session: Session) -> dict[str, Any]:
        attempt = _find(session, attempt_id)
        run = runs.find(session, attempt.run_id, lock=True)
        session.refresh(attempt)
        if attempt.state in FINISHED or run.state in FINISHED or run.state == RunState.CANCELING:
            raise GoneError(f"the attempt is {attempt.state}, its run {run.state}")
        task = runs.find_task(session, run.id, attempt.task_id)
        session.refresh(run, ["document"])
        pipeline = services.pipeline_cache.get(run.document_digest, run.document.content)
        step = steps.build_work(session, services.settings, run, task, pipeline)
        attempt.pod_seen = True
        if attempt.state == RunState.PENDING and not message.again:
            attempt.state = RunState.RUNNING
            attempt.started_at = now()
            attempt.note = task.note = ""
            if task.state == RunState.PENDING:
                set_task_state(task, RunState.RUNNING)
        log_bucket, log_key = split_uri(steps.log_uri(services.settings, attempt))
        return {
            "command": [*step.command, *step.arguments],
            "inputs": step.input_artifacts,
            "parameters": step.parameters,
            "artifacts": step.artifacts,
            "reports": steps.reports(services.settings, run, task, pipeline),
            "output_file": output_file(steps.task_root(services.settings, run, task, pipeline)),
            "log_url": services.store.signed_put(log_bucket, log_key, SIGNED_SECONDS),
        }

    reply = services.database.retrying(work)
    files, directories = _sources(services, reply.pop("inputs"))
    return {**reply, "files": files, "directories": directories}


def _sources(
    services: Services, artifacts: list[Artifact]
) -> tuple[list[dict[str, str]], list[str]]:
    """Signed addresses of input artifacts that lie in the store: files, or all of a folder."""
    files: list[dict[str, str]] = []
    directories: list[str] = []
    for artifact in artifacts:
        if not artifact.uri.startswith(SCHEMES):
            continue
        bucket, key = split_uri(artifact.uri)
        path = local_path(artifact.uri)
        found = services.store.list(artifact.uri.rstrip("/"), MAXIMUM_FILES)
        exact = [item for item in found if item.key == key]
        inside = [item for item in found if item.key.startswith(f"{key.rstrip('/')}/")]
        if exact:
            url = services.store.signed_get(bucket, key, SIGNED_SECONDS)
            files.append({"url": url, "path": path})
        elif inside:
            directories.append(path)
            for item in inside:
                relative = item.key.removeprefix(key.rstrip("/") + "/")
                if not relative or relative.endswith("/") or ".." in relative.split("/"):
                    continue
                url = services.store.signed_get(bucket, item.key, SIGNED_SECONDS)
                files.append({"url": url, "path": f"{path.rstrip('/')}/{relative}"})
    return files, directories


@router.post("/{attempt_id}/uploads", dependencies=[PLAIN_BODY])
def uploads(
    services: ServicesOf, attempt_id: str, message: StepUploads, authorization: Authorization = ""
) -> Any:
    """Signed addresses for the step's output files."""
    _authorize(services, attempt_id, authorization)
    if sum(len(item.files) for item in message.artifacts) > MAXIMUM_FILES:
        raise InvalidArgumentError(f"a step may store at most {MAXIMUM_FILES} files")
    with services.database.session() as session:
        attempt = _find(session, attempt_id)
        if attempt.state in FINISHED:
            raise GoneError(f"the attempt is {attempt.state}")
        run = runs.find(session, attempt.run_id)
        task = runs.find_task(session, run.id, attempt.task_id)
        session.refresh(run, ["document"])
        pipeline = services.pipeline_cache.get(run.document_digest, run.document.content)
        root = steps.task_root(services.settings, run, task, pipeline)
    return {
        "artifacts": [
            [_signed(services, root, item.uri, name) for name in item.files]
            for item in message.artifacts
        ]
    }


def _signed(services: Services, root: str, uri: str, name: str) -> str | None:
    """An address below the step's root to write to; none for what lies outside of the store."""
    if not uri.startswith(SCHEMES):
        return None
    bucket, key = split_uri(uri)
    own_bucket, own_key = split_uri(root)
    if bucket != services.store.bucket:
        raise InvalidArgumentError(
            f"{uri} lies in bucket {bucket!r}; steps may write to {services.store.bucket!r} only"
        )
    if bucket != own_bucket or not key.startswith(f"{own_key}/") or ".." in key.split("/"):
        raise InvalidArgumentError(
            f"{uri} does not belong to this step, which may write below {root}/ only: "
            "dsl.get_uri() gives such an address"
        )
    if ".." in name.split("/") or name.startswith("/"):
        raise InvalidArgumentError(f"file name {name!r} leads out of its artifact")
    full = f"{key.rstrip('/')}/{name}" if name else key
    return services.store.signed_put(bucket, full, 3600)


@router.post("/{attempt_id}/complete")
def complete(
    services: ServicesOf, attempt_id: str, message: StepReport, authorization: Authorization = ""
) -> Any:
    """How it went. The first report counts; again is fine."""
    _authorize(services, attempt_id, authorization)

    def work(session: Session) -> None:
        attempt = _find(session, attempt_id)
        run = session.get(Run, attempt.run_id, with_for_update=True)
        session.refresh(attempt)
        if run is None:
            raise GoneError("the run is gone")
        if attempt.report is not None or attempt.state in FINISHED:
            return
        attempt.report = _kept(message)
        if session.get(Task, attempt.task_id) is None:
            raise GoneError("the task is gone")
        run.wake_at = now()

    services.database.retrying(work)
    services.wake()
    return {}


def _kept(message: StepReport) -> dict[str, Any]:
    """The report; of outputs that nothing can keep, as the NaN of a training, the reason."""
    report = message.model_dump()
    try:
        plain.check(report["outputs"], "what it wrote")
    except PipelineError as error:
        report |= {"outputs": None, "message": f"the step's outputs cannot be kept: {error}"}
    return report
