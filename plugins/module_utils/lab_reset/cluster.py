"""The cluster side of a reset: list, delete, wait, and find what was left behind."""

from __future__ import annotations

import base64
import contextlib
import time

from . import planning, waiting

# Kinds that controllers make below the lab's objects; their end is waited for as well.
CHILDREN = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "ReplicaSet"),
    ("batch/v1", "Job"),
    ("v1", "Pod"),
)


# What a pod that is removed gets to end in; 0 would leave its containers running unseen.
GRACE_SECONDS = 1


class ResetError(Exception):
    """The reset could not be done or proved; the message is the sentence for the terminal."""


class Cluster:
    """A namespace of a cluster, through the dynamic client."""

    def __init__(self, client, namespace):
        """Use ``client`` (kubernetes.dynamic.DynamicClient) for ``namespace``."""
        self.client = client
        self.namespace = namespace

    def api(self, api_version, kind):
        """Return the dynamic API of a kind, or None where the cluster has no such kind."""
        from kubernetes.dynamic.exceptions import ResourceNotFoundError

        try:
            return self.client.resources.get(api_version=api_version, kind=kind)
        except ResourceNotFoundError:
            return None

    def objects(self, api_version, kind):
        """List the namespace's objects of a kind; none where the kind is unknown."""
        from kubernetes.dynamic.exceptions import NotFoundError

        resource = self.api(api_version, kind)
        if resource is None:
            return []
        try:
            found = self.client.get(resource, namespace=self.namespace).to_dict()["items"]
        except NotFoundError:
            # The client remembers kinds on disk, those of an earlier cluster at this address, too.
            return []
        return [{"apiVersion": api_version, "kind": kind, **thing} for thing in found]

    def namespace_labels(self):
        """Return the namespace's labels, or None where it does not exist."""
        from kubernetes.dynamic.exceptions import NotFoundError

        try:
            found = self.api("v1", "Namespace").get(name=self.namespace).to_dict()
        except NotFoundError:
            return None
        return found["metadata"].get("labels") or {}

    def secret(self, name):
        """Return a Secret's decoded values, or None."""
        from kubernetes.dynamic.exceptions import NotFoundError

        try:
            found = self.api("v1", "Secret").get(name=name, namespace=self.namespace).to_dict()
        except NotFoundError:
            return None
        return {k: base64.b64decode(v).decode() for k, v in (found.get("data") or {}).items()}

    def route_url(self, name):
        """Return ``https://host`` of an admitted Route, or None."""
        for route in self.objects("route.openshift.io/v1", "Route"):
            if route["metadata"]["name"] == name:
                ingress = (route.get("status") or {}).get("ingress") or [{}]
                host = ingress[0].get("host") or route["spec"].get("host")
                return f"https://{host}" if host else None
        return None

    def delete(self, reference):
        """Ask for an object's deletion; one that is gone already is fine."""
        from kubernetes.dynamic.exceptions import NotFoundError

        resource = self.api(reference.api_version, reference.kind)
        try:
            resource.delete(
                name=reference.name,
                namespace=self.namespace,
                body={"propagationPolicy": "Background"},
            )
        except NotFoundError:
            return

    def hurry(self, pod):
        """Let a pod that is ending end at once: nobody needs what it would still do."""
        from kubernetes.dynamic.exceptions import ConflictError, NotFoundError

        # A conflict: it has gone, and another of its name has come.
        with contextlib.suppress(NotFoundError, ConflictError):
            self.api("v1", "Pod").delete(
                name=pod["metadata"]["name"],
                namespace=self.namespace,
                body={
                    "gracePeriodSeconds": GRACE_SECONDS,
                    "preconditions": {"uid": pod["metadata"]["uid"]},
                },
            )

    def children(self):
        """List everything that controllers make below the lab's objects."""
        return [thing for kind in CHILDREN for thing in self.objects(*kind)]


def remove(cluster, references, timeout, pause=0.5):
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
    end = time.monotonic() + timeout
    while True:
        left = [
            thing
            for kind in kinds
            for thing in cluster.objects(*kind)
            if thing["metadata"]["uid"] in waited
        ]
        if not left:
            return
        for thing in left:
            if thing["kind"] == "Pod" and lingers(thing):
                cluster.hurry(thing)
        if time.monotonic() > end:
            pods = cluster.objects("v1", "Pod")
            sentences = [waiting.why_it_stays(thing, pods) for thing in left]
            raise ResetError(f"after {timeout} s this is still there: " + ". ".join(sentences))
        time.sleep(pause)


def lingers(pod):
    """Tell whether a pod is ending and takes longer for it than a removal needs."""
    metadata = pod["metadata"]
    return bool(
        metadata.get("deletionTimestamp")
        and (metadata.get("deletionGracePeriodSeconds") or 0) > GRACE_SECONDS
    )


def cluster_leftovers(cluster, served):
    """Name cluster-scoped things of this seat that a reset must not leave.

    ``served`` tells whether the target still has a served model, whose ClusterRoleBinding stays.
    """
    left = []
    if not served:
        name = f"{cluster.namespace}-modelmesh-serving-sa-auth-delegator"
        bindings = cluster.api("rbac.authorization.k8s.io/v1", "ClusterRoleBinding")
        names = [b["metadata"]["name"] for b in cluster.client.get(bindings).to_dict()["items"]]
        if name in names:
            left.append(f"ClusterRoleBinding/{name}")
    claims = {c["metadata"]["uid"] for c in cluster.objects("v1", "PersistentVolumeClaim")}
    volumes = cluster.client.get(cluster.api("v1", "PersistentVolume")).to_dict()["items"]
    for volume in volumes:
        claim = volume["spec"].get("claimRef") or {}
        if claim.get("namespace") == cluster.namespace and claim.get("uid") not in claims:
            left.append(f"PersistentVolume/{volume['metadata']['name']} (of claim {claim['name']})")
    return left
