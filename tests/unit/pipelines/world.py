"""One pipeline server's engine over a real database and a cluster of the test's own.

The cluster only keeps what it was told; pods end as the test says.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from lab_ground.kubernetes.errors import ApiError
from pipeline_server.database.models import Attempt, Run, Task
from pipeline_server.execution.advance.jobs import Job
from pipeline_server.execution.advance.one_pass import advance
from pipeline_server.execution.advance.state import PassState
from pipeline_server.execution.engine import Engine
from pipeline_server.services.collection import Services
from pipeline_server.services.runs import NewRun


class Cluster:
    """Pods by name, as the API server would keep them; also the watcher over them."""

    synced = True

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, Any]] = {}
        self.created: list[str] = []
        self.warnings: dict[str, tuple[str, str]] = {}
        self.refusal: ApiError | None = None

    def create_pod(self, manifest: dict[str, Any]) -> None:
        name = manifest["metadata"]["name"]
        self.created.append(name)
        self.pods.setdefault(name, {**manifest, "status": {"phase": "Pending"}})

    def delete_pod(self, name: str, grace_seconds: int = 5) -> None:
        self.pods.pop(name, None)

    def last_warning(self, pod_name: str) -> tuple[str, str] | None:
        return self.warnings.get(pod_name)

    def create_claim(self, manifest: dict[str, Any]) -> None:
        if self.refusal is not None:
            raise self.refusal

    def delete_run(self, run_id: str) -> None:
        self.pods.clear()

    def get(self, name: str) -> dict[str, Any] | None:
        return self.pods.get(name)

    get_pod = get

    def of_run(self, run_id: str) -> list[dict[str, Any]]:
        return list(self.pods.values())

    def run_ids(self) -> set[str]:
        return {
            pod["metadata"]["labels"]["pipelines.kubeflow.org/run-id"] for pod in self.pods.values()
        }

    def has_config_map(self, name: str) -> bool:
        return False

    def read_log(self, pod_name: str, container: str = "main") -> bytes | None:
        return None

    def end(self, name: str, code: int, reason: str = "Error") -> None:
        state = {"terminated": {"exitCode": code, "reason": reason, "startedAt": "now"}}
        self.pods[name]["status"] = {
            "phase": "Succeeded" if code == 0 else "Failed",
            "containerStatuses": [{"name": "main", "state": state}],
        }


class World:
    """One server's engine, pass by pass."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.cluster = Cluster()

    def start(self, document: dict[str, Any], **parameters: Any) -> str:
        wanted = NewRun(spec=document, runtime_config={"parameters": parameters})
        return self.services.runs.create(wanted).id

    def turn(self, run_id: str, *, do: bool = True) -> list[Job]:
        """One pass; without ``do`` the server is killed before it does what it decided."""

        def work(session: Any) -> list[Job]:
            run = session.get(Run, run_id)
            return advance(
                PassState(
                    session,
                    run,
                    self.services.settings,
                    self.services.pipeline_cache,
                    self.cluster,  # type: ignore[arg-type]
                    self.cluster,  # type: ignore[arg-type]
                    self.services.store,
                )
            )

        jobs = self.services.database.retrying(work)
        for job in jobs if do else []:
            if job.key.startswith("log:"):
                continue
            job.action()
            if job.done is not None:
                done = job.done
                self.services.database.retrying(lambda session, done=done: done(session, ""))
        return jobs

    def engine(self) -> Engine:
        """The whole engine, not started."""
        services = self.services
        engine = Engine(
            services.settings,
            services.database,
            services.store,
            self.cluster,  # type: ignore[arg-type]
            services.pipeline_cache,
        )
        engine._watcher = self.cluster  # type: ignore[assignment]
        return engine

    def report(self, pod_name: str, code: int = 0, **values: Any) -> None:
        """The launcher's report of the pod's attempt."""
        with self.services.database.session() as session:
            attempt = session.scalar(sa.select(Attempt).where(Attempt.pod_name == pod_name))
            assert attempt is not None
            attempt.report = {
                "exit_code": code,
                "message": f"exit code {code}" if code else "",
                "log_stored": True,
                "outputs": {"parameters": {}, "values": values, "artifacts": []},
            }
        self.cluster.end(pod_name, code)

    def run(self, run_id: str) -> Run:
        return self.services.runs.get(run_id)

    def task(self, run_id: str, path: str) -> Task:
        return next(task for task in self.run(run_id).tasks if task.path == path)
