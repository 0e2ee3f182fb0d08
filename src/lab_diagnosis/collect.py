"""Reads the evidence from a cluster. Nothing is changed, and no Secret is ever read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lab_diagnosis.evidence import Evidence, Thing, name_of
from lab_ground.kubernetes.errors import UnknownKindError

if TYPE_CHECKING:
    from lab_ground.kubernetes.client import KubernetesClient

LOG_LINES = 40
MOST_PODS = 40
# Kinds between an object and its pods, from the top down.
BETWEEN = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "ReplicaSet"),
    ("batch/v1", "Job"),
)
# Pods that belong to an object by their labels, where no owner reference leads to them.
LABELS = (
    "notebook-name",
    "serving.knative.dev/service",
    "serving.kserve.io/inferenceservice",
    "pipelines.kubeflow.org/run_id",
    "job-name",
    "app",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/name",
    "dspa",
)
MODEL_SERVER = "modelmesh-service"


def connect(kubeconfig: str = "") -> KubernetesClient:
    """Return a client; raises what the kubernetes package raises of a kubeconfig."""
    from lab_ground.kubernetes.client import open_client

    return open_client(kubeconfig)


def collect(
    client: KubernetesClient, kind: str, name: str, namespace: str = "", api_version: str = ""
) -> Evidence:
    """Everything about one object that can explain it; reading trouble becomes evidence too."""
    try:
        return _ClientReader(client).evidence(kind, name, namespace, api_version)
    except Exception as error:
        return Evidence(kind, name, namespace, trouble=explain_error(error))


def locate(client: KubernetesClient, kind: str, name: str, api_version: str = "") -> list[str]:
    """Namespaces that have such an object; [""] for a kind that lives outside of them."""
    version = _version_of(client, kind, api_version)
    if not client.is_namespaced(version, kind):
        return [""]
    items = client.list_objects(version, kind, field_selector=f"metadata.name={name}")
    return sorted(str(item["metadata"]["namespace"]) for item in items)


def explain_error(error: Exception) -> str:
    """An exception of the client as part of a sentence."""
    status = getattr(error, "status", None)
    if status in (401, 403):
        return f"the API server does not allow it ({status})"
    text = str(error)
    if "Connection refused" in text or "Max retries exceeded" in text:
        return "the API server does not answer; is the cluster up?"
    if type(error).__name__ == "ConfigException":
        return f"there is no usable kubeconfig: {text}"
    if isinstance(error, UnknownKindError):
        return "the cluster does not know this kind; is the platform installed?"
    return f"{type(error).__name__}: {text.splitlines()[0] if text else 'no message'}"


class Reader(Protocol):
    """What evidence is read through; nothing is written."""

    def objects(self, api_version: str, kind: str, namespace: str) -> list[Any]:
        """The objects of a kind."""
        ...

    def log(self, namespace: str, pod: str, container: str, lines: int) -> str:
        """The last lines of a container's log, of its last run where it waits to run again."""
        ...


def gather(
    reader: Reader, kind: str, name: str, namespace: str, thing: Thing | None, home: Thing | None
) -> Evidence:
    """What hangs on an object that has been read already, in a namespace that is there."""
    between: list[Thing] = [
        {**each, "kind": each_kind}
        for version, each_kind in BETWEEN
        for each in reader.objects(version, each_kind, namespace)
    ]
    related, pods = family(kind, name, thing, between, reader.objects("v1", "Pod", namespace))
    wanted = {claim for pod in pods for claim in _claim_names(pod)} - {""}
    if kind == "PersistentVolumeClaim":
        wanted.add(name)
    claims = reader.objects("v1", "PersistentVolumeClaim", namespace) if wanted else []
    return Evidence(
        kind=kind,
        name=name,
        namespace=namespace,
        thing=thing,
        pods=pods,
        related=related,
        claims=[claim for claim in claims if name_of(claim) in wanted],
        events=reader.objects("v1", "Event", namespace),
        logs=dict(_logs(reader, namespace, pods)),
        namespace_thing=home,
        accounts=reader.objects("v1", "ServiceAccount", namespace),
        owner=_owner(reader, namespace, thing),
    )


def _owner(reader: Reader, namespace: str, thing: Thing | None) -> Thing | None:
    """The controller's own object, where it is of a kind that hides what holds its children."""
    for reference in ((thing or {}).get("metadata") or {}).get("ownerReferences") or ():
        if reference.get("kind") == "Notebook":
            for each in reader.objects("kubeflow.org/v1", "Notebook", namespace):
                if name_of(each) == reference.get("name"):
                    return dict(each)
    return None


def _logs(
    reader: Reader, namespace: str, pods: Iterable[Thing]
) -> Iterable[tuple[tuple[str, str], str]]:
    """Last lines of the containers that are not ready; no log is no failure, the rest speaks."""
    for pod in pods:
        status = pod.get("status") or {}
        every = [
            *(status.get("initContainerStatuses") or ()),
            *(status.get("containerStatuses") or ()),
        ]
        for container in every:
            if container.get("ready"):
                continue
            key = (name_of(pod), str(container.get("name")))
            try:
                text = reader.log(namespace, *key, LOG_LINES)
            except Exception as error:
                if getattr(error, "status", None) is None:
                    raise
                continue
            if text:
                yield key, text


def _version_of(client: KubernetesClient, kind: str, api_version: str) -> str:
    """The version to read a kind in: the one that is named, else the cluster's preferred."""
    if api_version:
        return api_version
    versions = client.versions_of(kind)
    if not versions:
        raise UnknownKindError(404, "NotFound", f"the server has no {kind}")
    return versions[0]


@dataclass(frozen=True)
class _ClientReader:
    """Reads through the client of a cluster."""

    client: KubernetesClient

    def evidence(self, kind: str, name: str, namespace: str, api_version: str) -> Evidence:
        version = _version_of(self.client, kind, api_version)
        # Asked for by itself: of a kind that nobody knows there is no object either.
        self.client.is_namespaced(version, kind)
        thing = self.client.get(version, kind, name, namespace)
        home = self.client.get("v1", "Namespace", namespace) if namespace else None
        if home is None:
            return Evidence(kind, name, namespace, thing)
        return gather(self, kind, name, namespace, thing, home)

    def objects(self, api_version: str, kind: str, namespace: str) -> list[Any]:
        return self.client.list_objects(api_version, kind, namespace)

    def log(self, namespace: str, pod: str, container: str, lines: int) -> str:
        return self.client.read_log(pod, namespace, container=container, tail_lines=lines)


def family(
    kind: str, name: str, thing: Thing | None, between: Sequence[Thing], pods: Sequence[Thing]
) -> tuple[list[Thing], list[Thing]]:
    """What of a namespace belongs to an object: by owner, then by label or name."""
    related: list[Thing] = []
    owners = {str(((thing or {}).get("metadata") or {}).get("uid", ""))} - {""}
    grown = True
    while grown:
        grown = False
        for each in between:
            if each not in related and (
                owners & _owner_ids(each) or _is_named_after(kind, name, each)
            ):
                related.append(each)
                owners.add(str((each.get("metadata") or {}).get("uid", "")))
                grown = True
    if kind == "Pod":
        own = [pod for pod in pods if name_of(pod) == name]
    elif kind == "Namespace":
        own = list(pods)
    else:
        own = [pod for pod in pods if owners & _owner_ids(pod) or _is_labelled(kind, name, pod)]
    if kind == "PersistentVolumeClaim":
        own = [pod for pod in pods if name in _claim_names(pod)]
    newest = sorted(own, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    return related, newest[-MOST_PODS:]


def _owner_ids(thing: Thing) -> set[str]:
    references = (thing.get("metadata") or {}).get("ownerReferences") or ()
    return {str(reference.get("uid")) for reference in references}


def _is_named_after(kind: str, name: str, thing: Thing) -> bool:
    """Children of a few kinds are known by name, since they are not owned everywhere."""
    if kind == "DataSciencePipelinesApplication":
        return name_of(thing) in {f"ds-pipeline-{name}", f"mariadb-{name}", f"minio-{name}"}
    if kind == "ServingRuntime":
        return name_of(thing) == f"modelmesh-serving-{name}"
    return False


def _is_labelled(kind: str, name: str, pod: Thing) -> bool:
    labels = (pod.get("metadata") or {}).get("labels") or {}
    if kind == "InferenceService" and labels.get(MODEL_SERVER):
        return True
    return any(labels.get(label) == name for label in LABELS)


def _claim_names(pod: Thing) -> set[str]:
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return {(volume.get("persistentVolumeClaim") or {}).get("claimName", "") for volume in volumes}
