"""The cluster side of a reset: list, delete, wait, and find what was left behind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence

from lab_ground.connections import decode_secret
from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.kubernetes.errors import ConflictError, UnknownKindError
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.waiting import moments
from lab_reset import planning, waiting

# Kinds that controllers make below the lab's objects; their end is waited for as well.
CHILDREN = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "ReplicaSet"),
    ("batch/v1", "Job"),
    ("v1", "Pod"),
)


PIPELINE_SERVER = (
    "DataSciencePipelinesApplication",
    "datasciencepipelinesapplications.opendatahub.io",
)
# What a pod that is removed gets to end in; 0 would leave its containers running unseen.
GRACE_SECONDS = 1
TOKEN_SECONDS = 3600
# What lets upstream's token proxies ask who calls, bound in the whole cluster; the platform's own
# proxies ask as their callers and have none, but for what an earlier version left.
DELEGATOR = "system:auth-delegator"
MODEL_LABEL = "serving.kserve.io/inferenceservice"
# An earlier version's bindings say by it whose they are: their names have a mark of the owner.
NOTEBOOK_LABEL = "lab.opendatahub.io/notebook"


class ResetError(Exception):
    """The reset could not be done or proved; the message is the sentence for the terminal."""


class Cluster:
    """A namespace of a cluster."""

    def __init__(self, client: KubernetesClient, namespace: str) -> None:
        """Use ``client`` for ``namespace``."""
        self.client = client
        self.namespace = namespace

    def objects(self, api_version: str, kind: str) -> list[Manifest]:
        """List the namespace's objects of a kind; none where the kind is unknown."""
        try:
            return self.client.list_objects(api_version, kind, self.namespace)
        except UnknownKindError:
            return []

    def namespace_labels(self) -> dict[str, str] | None:
        """Return the namespace's labels, or None where it does not exist."""
        namespace = self.client.get("v1", "Namespace", self.namespace)
        return None if namespace is None else namespace["metadata"].get("labels") or {}

    def secret(self, name: str) -> dict[str, str] | None:
        """Return a Secret's decoded values, or None; a value that is no text is left out."""
        secret = self.client.get("v1", "Secret", name, self.namespace)
        return None if secret is None else decode_secret(secret)[0]

    def token(self, account: str) -> str | None:
        """Return a new token of a service account, or None where there is no such account.

        The Secret with a lasting one may be edited by whoever works in the namespace.
        """
        return self.client.token(account, self.namespace, TOKEN_SECONDS)

    def has_pipeline_server(self) -> bool:
        """Tell whether the namespace has a pipeline server, of whichever version of the kind."""
        kind, group = PIPELINE_SERVER
        versions = self.client.versions_of(kind, group)
        return any(self.objects(version, kind) for version in versions)

    def route_url(self, name: str) -> str | None:
        """Return ``https://host`` of an admitted Route, or None."""
        for route in self.objects("route.openshift.io/v1", "Route"):
            if route["metadata"]["name"] == name:
                ingress = (route.get("status") or {}).get("ingress") or [{}]
                host = ingress[0].get("host") or route["spec"].get("host")
                return f"https://{host}" if host else None
        return None

    def delete(self, reference: planning.Reference) -> None:
        """Ask for an object's deletion; one that is gone already is fine."""
        what = (reference.api_version, reference.kind, reference.name)
        self.client.delete(*what, self.namespace)

    def hurry(self, pod: Manifest) -> None:
        """Let a pod that is ending end at once: nobody needs what it would still do."""
        metadata = pod["metadata"]
        # A conflict: it has gone, and another of its name has come.
        with contextlib.suppress(ConflictError):
            self.client.delete(
                "v1",
                "Pod",
                metadata["name"],
                self.namespace,
                grace_seconds=GRACE_SECONDS,
                preconditions={"uid": metadata["uid"]},
            )

    def children(self) -> list[Manifest]:
        """List everything that controllers make below the lab's objects."""
        return [manifest for kind in CHILDREN for manifest in self.objects(*kind)]


def open_seat(kubeconfig: str | None, namespace: str, needed: Mapping[str, str]) -> Cluster:
    """Return a seat's cluster.

    Raises:
        ResetError: the namespace is not there, or lacks one of the labels ``wanted``.
    """
    cluster = Cluster(open_client(kubeconfig or ""), namespace)
    labels = cluster.namespace_labels()
    if labels is None:
        raise ResetError(f"namespace {namespace} does not exist; ./lab up makes it")
    wrong = ", ".join(f"{k}={v}" for k, v in needed.items() if labels.get(k) != v)
    if wrong:
        raise ResetError(
            f"namespace {namespace} is not a lab's: it lacks the label {wrong}. "
            "Nothing was touched; name seats of the lab in lab_reset_namespaces"
        )
    return cluster


def remove(
    cluster: Cluster, references: Sequence[planning.Reference], timeout: float, pause: float = 0.5
) -> None:
    """Delete ``references`` and wait until they and all they own are gone.

    Raises:
        ResetError: something is still there after ``timeout`` seconds; names each object,
            its finalizers and who should have removed them.
    """
    if not references:
        return
    waited = {reference.uid for reference in references}
    waited |= planning.descendants(waited, cluster.children())
    for reference in references:
        cluster.delete(reference)
    kinds = dict.fromkeys([*((r.api_version, r.kind) for r in references), *CHILDREN])
    staying: list[Manifest] = []
    for _ in moments(timeout, pause):
        staying = [
            manifest
            for kind in kinds
            for manifest in cluster.objects(*kind)
            if manifest["metadata"]["uid"] in waited
        ]
        if not staying:
            return
        for manifest in staying:
            if manifest["kind"] == "Pod" and lingers(manifest):
                cluster.hurry(manifest)
    pods = cluster.objects("v1", "Pod")
    sentences = [waiting.why_it_stays(manifest, pods) for manifest in staying]
    raise ResetError(f"after {timeout} s this is still there: " + ". ".join(sentences))


def lingers(pod: Manifest) -> bool:
    """Tell whether a pod is ending and takes longer for it than a removal needs."""
    metadata = pod["metadata"]
    return bool(
        metadata.get("deletionTimestamp")
        and (metadata.get("deletionGracePeriodSeconds") or 0) > GRACE_SECONDS
    )


def leftover_delegators(cluster: Cluster, served: bool) -> list[str]:
    """Name the ClusterRoleBindings of model servers and workbenches that are gone.

    ModelMesh has `<namespace>-modelmesh-serving-sa-auth-delegator`, a model with a server of its
    own `<namespace>-<service account>-auth-delegator`, a workbench one with its name.
    """
    models = names_of(cluster.objects("serving.kserve.io/v1beta1", "InferenceService"))
    notebooks = names_of(cluster.objects("kubeflow.org/v1", "Notebook"))
    leftovers = []
    bindings = cluster.client.list_objects("rbac.authorization.k8s.io/v1", "ClusterRoleBinding")
    for binding in bindings:
        name, subjects = binding["metadata"]["name"], binding.get("subjects") or []
        if (
            binding["roleRef"]["name"] != DELEGATOR
            or [subject.get("namespace") for subject in subjects] != [cluster.namespace]
            or subjects[0]["name"].startswith("ds-pipeline-")
        ):
            continue
        account = subjects[0]["name"]
        labels = binding["metadata"].get("labels") or {}
        model = labels.get(MODEL_LABEL)
        if notebook := labels.get(NOTEBOOK_LABEL):
            gone = notebook not in notebooks
        elif name == f"{cluster.namespace}-{account}-notebook-auth-delegator":
            gone = account not in notebooks
        elif name == f"{cluster.namespace}-{account}-auth-delegator":
            gone = not served and (model not in models if model else not models)
        else:
            gone = False
        if gone:
            leftovers.append(f"ClusterRoleBinding/{name}")
    return leftovers


def names_of(manifests: Iterable[Manifest]) -> set[str]:
    """Return the names of objects."""
    return {manifest["metadata"]["name"] for manifest in manifests}


def cluster_leftovers(cluster: Cluster, served: bool) -> list[str]:
    """Name cluster-scoped things of this seat that a reset must not leave.

    ``served`` tells whether the target still has a served model, whose ClusterRoleBindings stay.
    """
    leftovers = leftover_delegators(cluster, served)
    claims = {c["metadata"]["uid"] for c in cluster.objects("v1", "PersistentVolumeClaim")}
    for volume in cluster.client.list_objects("v1", "PersistentVolume"):
        claim = volume["spec"].get("claimRef") or {}
        if claim.get("namespace") == cluster.namespace and claim.get("uid") not in claims:
            name = volume["metadata"]["name"]
            leftovers.append(f"PersistentVolume/{name} (of claim {claim['name']})")
    return leftovers
