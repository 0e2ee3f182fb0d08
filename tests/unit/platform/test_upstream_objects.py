"""What the stand-ins make of the lab's objects, and what upstream's own controllers made of them.

Compared object by object and field by field (see `upstream_objects.compared`). What differs with
reason stands in REASONS, each pattern with its reason; one that nothing needs is a failure too.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from memory_cluster import MemoryCluster
from upstream_objects import GIVEN, differences, fill, unexplained, upstream_objects

from controllers.data_science_pipelines import making, specification, status
from controllers.model_serving.reconcile import Controller
from controllers.notebook.reconcile import reconcile_notebook
from lab_ground import settings

# -- everywhere ------------------------------------------------------------------------------------
EVERYWHERE = {
    r"\S+ (pod/)?labels/app\.kubernetes\.io/": "ours say who made them, for the status and resets",
    r"\S+ annotations/manifestival: ": "a mark of the library that DSPO applies with",
    r"\S+ annotations/deployment\.kubernetes\.io/revision: ": "Kubernetes' own, at run time",
    r"(ConfigMap|PersistentVolumeClaim|Role|RoleBinding|Route|Secret|ServiceAccount)/(aws-\S+|"
    r"ds-pipeline-config|ml-pipeline|mnist-inference|mnist-view(-role)?|model-mesh|model-server-view|"
    r"notebook|pipelines-client(-ca)?): upstream only": "applied by the lab's roles",
    r"ConfigMap/(odh-trusted-ca-bundle|odh-kserve-custom-ca-bundle|openshift-service-ca.crt|"
    r"workbench-trusted-ca-bundle): upstream only": "the project's bundle is one ConfigMap here",
    r"Secret/\S*(-tls\S*|-serving-cert): upstream only": "made by the service CA's stand-in, later",
    r"ServiceMonitor/\S+: upstream only": "there is no Prometheus operator",
    r"(Deployment|StatefulSet)/\S+ pod/oauth-proxy/": "the lab's own proxy reads its own settings",
    r"(Deployment|StatefulSet)/\S+ pod/volumes/(auth-proxy-\S+|oauth-c\S+): ": "the same",
    r"(Deployment|StatefulSet)/\S+ pod/(\S+/)?(mounts|volumes)/(tmp|\S+-tmp|run): ": (
        "our containers' file systems are read-only, these are what they may write"
    ),
    r"Service/\S+ ports/\S+: (\S*) to \d+ is \1 to \1 upstream": "the same port, by number",
}
PIPELINES = {
    r"Deployment/ds-pipeline-(metadata|persistenceagent|scheduledworkflow|workflow)\S*: upstream": (
        "the lab's pipeline server is all of them in one"
    ),
    r"(ConfigMap|NetworkPolicy|Role|RoleBinding|Route|Secret|Service|ServiceAccount)/(ds-pipelines?-)?"
    r"(metadata|envoy|md|persistenceagent|scheduledworkflow|workflow|server-config|mariadb-tls-config|"
    r"mariadb-sa|minio-sa)\S*: upstream": "parts, settings and accounts of those",
    r"ConfigMap/(dsp-trusted-ca|kfp-launcher|sample-)\S*: upstream": "settings of those",
    r"ConfigMap/ds-pipeline-launcher-\S+: ours": "the file that runs in our steps' containers",
    r"Secret/(ds-pipeline-server|minio-\S+-(admin|identities))\S*: ours": (
        "keys of our server's sessions and of SeaweedFS, which MinIO has not"
    ),
    r"Deployment/(ds-pipeline|mariadb|minio)-ds-pipeline (selector|account|pod/)": (
        "other programs: their environment, mounts, names are their own; a selector stays"
    ),
    r"Deployment/minio-ds-pipeline labels/component: ": "the store is the platform's, of any owner",
    r"(PersistentVolumeClaim|Service)/minio-\S+ (labels/component|selector): ": "the same",
    r"PersistentVolumeClaim/\S+ finalizers/": "Kubernetes' own",
    r"Route/minio-ds-pipeline (to|labels/\S+): ": "to the same port, by its name",
    r"Secret/ds-pipeline-s3-\S+ data/(host|port|secure): ": "the data connection has the address",
    r"\S+ labels/dspa: ": "ours tell which server everything belongs to",
    r"(NetworkPolicy|RoleBinding|Role|ServiceAccount|Service|PersistentVolumeClaim|Secret)/\S+ "
    r"labels/(app|component): ": "ours bear the object's own name",
    r"Role/\S+ rules/": "each part's account may do what our part does, and no more",
    r"NetworkPolicy/\S+ ingress/(8888,8887|3306)/": "parts that are one here, and no monitoring",
    r"Service/mariadb-\S+ (annotations/service\.beta|ports/3306)": "spoken to plainly",
}
WORKBENCH = {
    r"(Role|RoleBinding)/notebook-mounted: ours only": (
        "a run may name what its sender may read: here what the workbench has mounted"
    ),
    r"(Service|NetworkPolicy)/notebook\S* labels/notebook-name: ": "for our watches",
    r"StatefulSet/notebook labels/notebook-name: ": "for our watches",
    r"StatefulSet/notebook selector: ": "older than this comparison; a selector cannot change",
    r"StatefulSet/notebook pod/annotations/": (
        "copied once upstream and never renewed; ours would start the workbench anew"
    ),
    r"StatefulSet/notebook pod/(notebook/env/CURL_CA_BUNDLE|notebook/mounts/trusted-ca|"
    r"volumes/trusted-ca)": "a folder of the project's bundle, which pods see renewed; curl too",
    r"StatefulSet/notebook pod/(notebook/mounts|volumes)/runtime-images": (
        "mounted before there are runtime images; upstream only from the next start on"
    ),
    r"NetworkPolicy/notebook-ctrl-np ingress/8888/": "our controllers are in another namespace",
    r"(Role|RoleBinding)/notebook-workbench-access: ours": "./lab status signs in by it",
    r"Secret/notebook-oauth-client: upstream": "there is no OAuth server of OpenShift",
    r"Notebook/notebook finalizers/notebook-oauth-client-": "the same",
}
MODEL_MESH = {
    r"Deployment/modelmesh-serving-\S+ (labels|pod)/": (
        "MLServer with a puller does what mm, adapter, REST proxy and etcd do together"
    ),
    r"ConfigMap/modelmesh-serving-\S+-models: ours": "the puller's orders, upstream in etcd",
    r"(ConfigMap/tc-config|Secret/model-serving-etcd): upstream": "of that etcd",
    r"(NetworkPolicy/modelmesh|Role/modelmesh|RoleBinding/modelmesh)\S*: ours": (
        "the puller reads its orders by it, and nobody else comes to it"
    ),
    r"Service/modelmesh-serving (annotations/service\.|clusterIP|owner/Namespace)": (
        "headless, as before 2.20; a Service cannot be owned by its namespace and outlive a model"
    ),
}
RAW = {
    r"Deployment/mnist-predictor (account|annotations/|labels/|pod/)": (
        "MLServer and a puller in place of OVMS and KServe's initializer; an account of their own, "
        "so that the project's default one may ask for no reviews"
    ),
    r"ServiceAccount/mnist-predictor: ours": "the same",
    r"Service/mnist-predictor (annotations/|labels/)": "KServe copies the InferenceService's own",
    r"NetworkPolicy/mnist-predictor: ours": "nobody passes the token proxy by",
    r"HorizontalPodAutoscaler/mnist-predictor: upstream": "there is no metrics server",
    r"(ConfigMap/mnist-metrics-dashboard|Service/mnist-metrics): upstream": "no Prometheus",
    r"InferenceService/mnist finalizers/": "KServe's own controller holds it for Serverless",
}
SINCE_3 = {
    r"ConfigMap/\S*kube-rbac-proxy\S*: upstream": "settings of a proxy that is the lab's own",
    r"StatefulSet/notebook pod/kube-rbac-proxy/": "the same",
    r"StatefulSet/notebook pod/volumes/\S*(kube-rbac-proxy|tls-certificates)": "the same",
    r"Secret/notebook-oauth-config: ours": "the lab's login keeps sessions",
}
REASONS = {
    "2.25/lab-modelmesh.json": EVERYWHERE | PIPELINES | WORKBENCH | MODEL_MESH,
    "2.25/raw.json": EVERYWHERE | RAW,
    "3.5/lab-inject-auth.json": EVERYWHERE | PIPELINES | WORKBENCH | RAW | SINCE_3,
}
NEEDED = {
    pattern: {scenario for scenario, given in REASONS.items() if pattern in given}
    for given in REASONS.values()
    for pattern in given
}


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    yield
    settings.get_settings.cache_clear()


def reconcile(cluster: MemoryCluster, namespace: str) -> None:
    """One pass of each controller over what was applied."""
    for server in cluster.list_objects(*making.DSPA, namespace):
        making.hold(server)
        making.make(specification.read(server), server, status.Findings())
    for notebook in cluster.list_objects("kubeflow.org/v1", "Notebook", namespace):
        reconcile_notebook(namespace, notebook["metadata"]["name"])
    Controller().reconcile("", namespace)


@pytest.mark.parametrize("scenario", REASONS)
def test_what_is_made_is_upstream_s(
    cluster: MemoryCluster, scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_OPENSHIFT_AI_VERSION", scenario.partition("/")[0])
    settings.get_settings.cache_clear()
    upstream = upstream_objects(scenario)
    if not upstream:
        pytest.skip("upstream's objects are not on this machine")
    namespace = fill(cluster, upstream)
    reconcile(cluster, namespace)
    ours = {
        (kind, name): manifest
        for (kind, where, name), manifest in cluster.objects.items()
        # What lies in other namespaces was not read back upstream.
        if where in ("", namespace) and kind != "Namespace" and name != "aws-connection-s3-creds"
    }
    theirs = {(each["kind"], each["metadata"]["name"]): each for each in upstream}
    assert ours.keys() & theirs.keys() > {each for each in theirs if each[0] in GIVEN}
    left, stale = unexplained(differences(ours, theirs), REASONS[scenario])
    assert left == []
    # What one version needs of a reason, another may not.
    assert [pattern for pattern in stale if NEEDED[pattern] == {scenario}] == []


def test_a_difference_without_a_reason_is_found() -> None:
    """The comparison itself: another port, a missing account and a spare policy are told."""
    metadata = {"name": "a", "namespace": "mnist", "labels": {"app": "a"}}
    port = {"name": "http", "port": 80, "targetPort": 8080}
    mine = {"kind": "Service", "metadata": metadata, "spec": {"ports": [port]}}
    other = {**mine, "spec": {"ports": [{**port, "targetPort": 8081}]}}
    account = {"kind": "ServiceAccount", "metadata": metadata}
    ours = {("Service", "a"): mine, ("NetworkPolicy", "a"): {"kind": "NetworkPolicy"}}
    theirs = {("Service", "a"): other, ("ServiceAccount", "a"): account}
    found = list(differences(ours, theirs))
    assert found == [
        "NetworkPolicy/a: ours only",
        "Service/a ports/80: http to 8080 is http to 8081 upstream",
        "ServiceAccount/a: upstream only",
    ]
    assert unexplained(found, {r"Service/a ports/": "x", r"Role/": "nothing"}) == (
        [found[0], found[2]],
        [r"Role/"],
    )
