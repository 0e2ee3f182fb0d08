"""Reads the evidence from a cluster. Nothing is changed, and no Secret is ever read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .evidence import Evidence, Thing, name_of

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


def connect(kubeconfig: str = "") -> Any:
    """A dynamic client; raises what the kubernetes package raises."""
    from kubernetes import client, config, dynamic

    configuration = client.Configuration()
    config.load_kube_config(kubeconfig or None, client_configuration=configuration)
    configuration.retries = 1
    return dynamic.DynamicClient(client.ApiClient(configuration))


def collect(
    client: Any, kind: str, name: str, namespace: str = "", api_version: str = ""
) -> Evidence:
    """Everything about one object that can explain it; reading trouble becomes evidence too."""
    try:
        return _Reader(client, namespace).evidence(kind, name, api_version)
    except Exception as error:
        return Evidence(kind, name, namespace, trouble=explain_error(error))


def locate(client: Any, kind: str, name: str, api_version: str = "") -> list[str]:
    """Namespaces that have such an object; [""] for a kind that lives outside of them."""
    reader = _Reader(client, "")
    resource = reader.resource(kind, api_version)
    if not resource.namespaced:
        return [""]
    items = resource.get(field_selector=f"metadata.name={name}").to_dict()["items"]
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
    if type(error).__name__ == "ResourceNotFoundError":
        return "the cluster does not know this kind; is the platform installed?"
    return f"{type(error).__name__}: {text.splitlines()[0] if text else 'no message'}"


class _Reader:
    """Reads from one namespace."""

    def __init__(self, client: Any, namespace: str) -> None:
        self.client = client
        self.namespace = namespace

    def evidence(self, kind: str, name: str, api_version: str) -> Evidence:
        thing = self.get(kind, name, api_version)
        home = self.get("Namespace", self.namespace, "v1") if self.namespace else None
        if not self.namespace or home is None:
            return Evidence(kind, name, self.namespace, thing, namespace_thing=home)
        between = [
            each for version, each_kind in BETWEEN for each in self.objects(version, each_kind)
        ]
        pods = self.objects("v1", "Pod")
        related, own_pods = family(kind, name, thing, between, pods)
        claims = self.claims(kind, name, own_pods)
        return Evidence(
            kind=kind,
            name=name,
            namespace=self.namespace,
            thing=thing,
            pods=own_pods,
            related=related,
            claims=claims,
            events=self.objects("v1", "Event"),
            logs=dict(self.logs(own_pods)),
            namespace_thing=home,
        )

    def resource(self, kind: str, api_version: str) -> Any:
        wanted = {"kind": kind, **({"api_version": api_version} if api_version else {})}
        found = [each for each in self.client.resources.search(**wanted) if each.verbs]
        named = [each for each in found if not each.kind.endswith("List")]
        if not named:
            return self.client.resources.get(**wanted)
        return min(named, key=lambda each: not each.preferred)

    def get(self, kind: str, name: str, api_version: str = "") -> Thing | None:
        resource = self.resource(kind, api_version)
        place = {"namespace": self.namespace} if resource.namespaced else {}
        try:
            found: dict[str, Any] = resource.get(name=name, **place).to_dict()
        except Exception as error:
            if getattr(error, "status", None) == 404:
                return None
            raise
        return found

    def objects(self, api_version: str, kind: str) -> list[Thing]:
        resource = self.client.resources.get(api_version=api_version, kind=kind)
        items = resource.get(namespace=self.namespace).to_dict()["items"]
        return [{**item, "kind": kind} for item in items]

    def claims(self, kind: str, name: str, pods: Iterable[Thing]) -> list[Thing]:
        wanted = {name} if kind == "PersistentVolumeClaim" else set()
        for pod in pods:
            for volume in (pod.get("spec") or {}).get("volumes") or ():
                claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
                if claim:
                    wanted.add(claim)
        if not wanted:
            return []
        return [
            claim
            for claim in self.objects("v1", "PersistentVolumeClaim")
            if name_of(claim) in wanted
        ]

    def logs(self, pods: Iterable[Thing]) -> Iterable[tuple[tuple[str, str], str]]:
        for pod in pods:
            status = pod.get("status") or {}
            every = [
                *(status.get("initContainerStatuses") or ()),
                *(status.get("containerStatuses") or ()),
            ]
            for container in every:
                if container.get("ready"):
                    continue
                previous = bool((container.get("state") or {}).get("waiting"))
                key = (name_of(pod), str(container.get("name")))
                text = self.log(*key, previous=previous and bool(container.get("restartCount")))
                if text:
                    yield key, text

    def log(self, pod: str, container: str, *, previous: bool) -> str:
        """The last lines; no log is no failure, the rest of the evidence still speaks."""
        from kubernetes import client as kubernetes_client

        api = kubernetes_client.CoreV1Api(self.client.client)
        try:
            return str(
                api.read_namespaced_pod_log(
                    pod,
                    self.namespace,
                    container=container,
                    tail_lines=LOG_LINES,
                    previous=previous,
                )
            )
        except kubernetes_client.ApiException:
            return ""


def family(
    kind: str, name: str, thing: Thing | None, between: list[Thing], pods: list[Thing]
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
        own = pods
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
