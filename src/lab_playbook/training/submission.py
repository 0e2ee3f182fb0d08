"""The Job that submits a pipeline: made, waited for, and its run's identifier read from its pod."""

from __future__ import annotations

import time

from lab_ground import waiting
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.manifest import Manifest
from lab_playbook.outcome import Arguments, TaskError
from lab_playbook.training import manifests
from lab_playbook.waiting import wait_for

FIELD_MANAGER = "mnist-lab-training"
TIMEOUT = 180.0
REMOVAL = 60.0
PAUSE = 0.5


class Submission:
    """One submission, in one namespace, of what has one fingerprint."""

    def __init__(
        self, cluster: KubernetesClient, arguments: Arguments, namespace: str, fingerprint: str
    ) -> None:
        self._cluster = cluster
        self._arguments = arguments
        self.namespace = namespace
        self.name = manifests.job_name(fingerprint)

    def earlier_run(self) -> str:
        """Return the run that an interrupted attempt submitted; empty where there is none.

        An attempt that was interrupted leaves its Job, and the run goes on: a second one would
        write the same files.
        """
        if self._job() is None:
            return ""
        self._wait()
        return self._last_word()[0]

    def submit(self) -> str:
        """Submit the pipeline, and return its run's identifier.

        Raises:
            TaskError: the Job did not end in time, or Elyra did not submit; with what it said.
        """
        # A Job's name and template cannot be reused: the one of an earlier attempt goes first.
        self._remove()
        files = manifests.pipeline_files(self._arguments)
        for manifest in (
            manifests.build_files(self.name, self.namespace, files),
            manifests.build_job(self._arguments, self.namespace, self.name),
        ):
            self._cluster.apply(manifest, field_manager=FIELD_MANAGER)
        self._wait()
        run_id, said = self._last_word()
        if not run_id:
            raise TaskError(
                f"Elyra did not submit {self._arguments['pipeline']} to the pipeline server:\n"
                f"{said or 'its pod is gone'}\n"
                f"See more: oc -n {self.namespace} logs job/{self.name}"
            )
        return run_id

    def _job(self) -> Manifest | None:
        return self._cluster.get("batch/v1", "Job", self.name, self.namespace)

    def _remove(self) -> None:
        self._cluster.delete("batch/v1", "Job", self.name, self.namespace, propagation="Foreground")
        what = f"Job {self.namespace}/{self.name} of an earlier attempt is gone"
        try:
            waiting.wait_for(lambda: self._job() is None, REMOVAL, what, PAUSE)
        except waiting.NotInTimeError as error:
            show = f"oc -n {self.namespace} describe job {self.name}"
            raise TaskError(f"{error}. See more: {show}") from error

    def _wait(self) -> None:
        target = {"api_version": "batch/v1", "kind": "Job", "name": self.name}
        wait_for(
            self._cluster,
            target,
            [self.namespace],
            time.monotonic() + TIMEOUT,
            step="submitting the pipeline",
            kubeconfig=self._arguments["kubeconfig"],
        )

    def _last_word(self) -> tuple[str, str]:
        """Return the run that the Job's pod names, or else what it said instead."""
        pods = self._cluster.list_objects(
            "v1", "Pod", self.namespace, label_selector=f"job-name={self.name}"
        )
        for pod in pods:
            for container in (pod.get("status") or {}).get("containerStatuses") or ():
                ended = (container.get("state") or {}).get("terminated") or {}
                said = str(ended.get("message") or "").strip()
                return (said, "") if ended.get("exitCode") == 0 else ("", said)
        return "", ""
