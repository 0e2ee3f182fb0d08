"""Evidence for a failed step: conditions, events and the logs of the pods concerned.

Everything is read, nothing is changed, and all of it passes the redactor before it is kept.
A part that cannot be read says so in its place: missing evidence must not hide a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lab_diagnosis import diagnose
from lab_diagnosis.collect import gather
from lab_driver.cluster import PIPELINE_SERVER, PIPELINE_SERVER_APIS
from lab_ground.kubernetes.readiness import readiness
from lab_ground.redaction import Redactor
from lab_validation.results import DIAGNOSIS

LOG_LINES = 40
EVENT_LINES = 25

# A kind with the versions that clusters have it in, the newest first.
Versioned = tuple[tuple[str, ...], str]
_SERVER: Versioned = (PIPELINE_SERVER_APIS, PIPELINE_SERVER)
_MODEL: Versioned = (("serving.kserve.io/v1beta1",), "InferenceService")
_FUNCTION: Versioned = (("serving.knative.dev/v1",), "Service")
_ROUTE: Versioned = (("route.openshift.io/v1",), "Route")

# step -> the objects whose conditions tell most, and the pods whose logs do.
KINDS: Mapping[str, tuple[Versioned, ...]] = {
    "project": ((("v1",), "PersistentVolumeClaim"),),
    "data": (_SERVER,),
    "images": ((("image.openshift.io/v1",), "ImageStream"),),
    "pipelines": (_SERVER,),
    "workbench": ((("kubeflow.org/v1",), "Notebook"), _ROUTE),
    "training": (_SERVER,),
    "serving": (_MODEL,),
    "token": (_MODEL,),
    "inference": (_FUNCTION, _ROUTE),
    "prediction": (_FUNCTION, _MODEL),
}
POD_NAMES: Mapping[str, tuple[str, ...]] = {
    "data": ("minio-", "lab-data"),
    "pipelines": ("ds-pipeline-", "mariadb-", "minio-"),
    "workbench": ("notebook",),
    "training": ("ds-pipeline-", "mnist-", "run-"),
    "serving": ("modelmesh-serving-", "mnist-predictor"),
    "token": ("modelmesh-serving-", "mnist-predictor"),
    "inference": ("mnist-",),
    "prediction": ("mnist-", "modelmesh-serving-"),
}


class Reader(Protocol):
    """What evidence needs from a cluster."""

    def objects(self, api_version: str, kind: str, namespace: str) -> list[dict[str, Any]]:
        """List the objects of a kind."""
        ...

    def log(self, namespace: str, pod: str, container: str, lines: int) -> str:
        """Return the last lines of a container's log."""
        ...


@dataclass(frozen=True)
class Collector:
    """Collects the evidence of a namespace; ``redact`` is applied to every text.

    ``images`` is the namespace of the lab's ImageStreams.
    ``last_requests`` returns what the checks themselves asked last.
    """

    reader: Reader
    namespace: str
    images: str
    redact: Redactor
    last_requests: Callable[[], str] = str

    def __call__(self, step: str) -> dict[str, str]:
        """Return heading → text for a failed ``step``."""
        parts: list[tuple[str, Callable[[], str]]] = [
            (DIAGNOSIS, lambda: self._cause(step)),
            ("Conditions", lambda: self._conditions(step)),
            ("Events", self._events),
            ("Pods and their logs", lambda: self._logs(step)),
            ("Last requests", self.last_requests),
        ]
        found = {heading: self._guarded(read) for heading, read in parts}
        return {heading: text for heading, text in found.items() if text}

    def _guarded(self, read: Callable[[], str]) -> str:
        try:
            return self.redact(read())
        except Exception as error:
            return self.redact(f"could not be read: {error}")

    def _place(self, step: str) -> str:
        """The namespace of a step's objects."""
        return self.images if step == "images" else self.namespace

    def _objects(
        self, versions: tuple[str, ...], kind: str, namespace: str
    ) -> list[dict[str, Any]]:
        """The objects in the first version in which there are any."""
        for api_version in versions:
            if objects := self.reader.objects(api_version, kind, namespace):
                return objects
        return []

    def _cause(self, step: str) -> str:
        """One sentence for each object of the step that is not ready, as the playbooks say it."""
        place = self._place(step)
        home = {"metadata": {"name": place}}
        sentences: list[str] = []
        for versions, kind in KINDS.get(step, ()):
            for manifest in self._objects(versions, kind, place):
                if readiness(manifest).well:
                    continue
                name = str(manifest["metadata"]["name"])
                finding = diagnose(gather(self.reader, kind, name, place, manifest, home))
                if finding.certain:
                    sentences.append(finding.sentence)
        return "\n".join(sentences)

    def _conditions(self, step: str) -> str:
        lines: list[str] = []
        place = self._place(step)
        for versions, kind in KINDS.get(step, ()):
            objects = self._objects(versions, kind, place)
            if not objects:
                lines.append(f"{kind}: there is none in {place}")
            for manifest in objects:
                lines += condition_lines(manifest)
        return "\n".join(lines)

    def _events(self) -> str:
        events = self.reader.objects("v1", "Event", self.namespace)
        events.sort(key=lambda e: e.get("lastTimestamp") or e["metadata"]["creationTimestamp"])
        return "\n".join(event_line(event) for event in events[-EVENT_LINES:])

    def _logs(self, step: str) -> str:
        prefixes = POD_NAMES.get(step, ())
        pods = [
            pod
            for pod in self.reader.objects("v1", "Pod", self.namespace)
            if pod["metadata"]["name"].startswith(prefixes)
        ]
        return "\n\n".join(self._pod_text(pod) for pod in pods[-6:])

    def _pod_text(self, pod: dict[str, Any]) -> str:
        name = pod["metadata"]["name"]
        lines = [f"{name}: {pod.get('status', {}).get('phase', 'unknown')}"]
        for container in pod["spec"]["containers"]:
            log = self.reader.log(self.namespace, name, container["name"], LOG_LINES)
            lines += [f"--- {name}/{container['name']}, last {LOG_LINES} lines", log.rstrip()]
        return "\n".join(lines)


def condition_lines(manifest: Mapping[str, Any]) -> list[str]:
    """Return a line for each condition (or the phase) of an object."""
    title = f"{manifest['kind']} {manifest['metadata']['name']}"
    status = manifest.get("status") or {}
    conditions: Iterable[Mapping[str, Any]] = status.get("conditions") or ()
    lines = [
        f"{title}: {c['type']}={c['status']} {c.get('reason', '')} {c.get('message', '')}".rstrip()
        for c in conditions
    ]
    if failure := (status.get("modelStatus") or {}).get("lastFailureInfo"):
        lines.append(f"{title}: {failure.get('reason', '')} {failure.get('message', '')}")
    return lines or [f"{title}: {status.get('phase', 'no conditions yet')}"]


def event_line(event: Mapping[str, Any]) -> str:
    """Return one event as a line: when, how bad, about what, why."""
    about = event.get("involvedObject") or {}
    when = event.get("lastTimestamp") or event["metadata"].get("creationTimestamp", "")
    return (
        f"{when} {event.get('type', '')} {about.get('kind', '')}/{about.get('name', '')}: "
        f"{event.get('reason', '')} {event.get('message', '')}"
    )
