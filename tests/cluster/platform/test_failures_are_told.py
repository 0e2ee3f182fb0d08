"""What cannot come about is told within seconds, in words: in its owner's status and an event."""

from __future__ import annotations

import time

import pytest
from platform_cluster import DOMAIN, condition, container, wait_for
from platform_manifests import notebook

from controllers.data_science_pipelines.making import DSPA
from controllers.notebook.reconcile import NOTEBOOK
from lab_ground.serving.constants import INFERENCE_SERVICE, SERVING_RUNTIME

pytestmark = pytest.mark.cluster
# From the moment that an object is made; kubelet and scheduler take most of it.
SECONDS = 30
LOGIN = {"notebooks.opendatahub.io/inject-oauth": "true"}
LONG = "a" * 63


def workbench(name, project, **pod):
    """A Notebook that would run, but for what is changed of its pod."""
    server = {**container(name), "name": name, "ports": [{"containerPort": 8888}]}
    server |= pod.pop("container", {})
    one = notebook(name, namespace=project, annotations=LOGIN, serviceAccountName=name, **pod)
    one["metadata"].pop("uid")
    one["spec"]["template"]["spec"]["containers"] = [server]
    return one


def claim(name, project):
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": project},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "there-is-none",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def holder(name, project, host):
    """A Route that has a host before the one whose it would be."""
    return {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": {"name": name, "namespace": project},
        "spec": {"host": f"{host}-{project}.{DOMAIN}", "to": {"kind": "Service", "name": name}},
    }


def pipeline_server(name, project):
    """One whose store's keys are in a Secret that is not there."""
    keys = {"secretName": "gone", "accessKey": "accesskey", "secretKey": "secretkey"}
    image = "quay.io/opendatahub/minio:latest"
    store = {"minio": {"deploy": True, "image": image, "s3CredentialsSecret": keys}}
    spec = {
        "dspVersion": "v2",
        "objectStorage": store,
        "database": {"mariaDB": {"deploy": True, "pvcSize": "1Gi"}},
    }
    metadata = {"name": name, "namespace": project}
    return {"apiVersion": DSPA[0], "kind": DSPA[1], "metadata": metadata, "spec": spec}


def model(name, project):
    """A model by a data connection that there is not, and a server for it."""
    formats = [{"name": "onnx", "version": "1", "autoSelect": True}]
    runtime = {
        "apiVersion": SERVING_RUNTIME[0],
        "kind": SERVING_RUNTIME[1],
        "metadata": {"name": name, "namespace": project},
        "spec": {
            "multiModel": True,
            "supportedModelFormats": formats,
            "containers": [{"name": "ovms", "image": "ovms"}],
        },
    }
    served = {
        "modelFormat": {"name": "onnx", "version": "1"},
        "runtime": name,
        "storage": {"key": "absent", "path": "onnx/model.onnx"},
    }
    annotations = {"serving.kserve.io/deploymentMode": "ModelMesh"}
    service = {
        "apiVersion": INFERENCE_SERVICE[0],
        "kind": INFERENCE_SERVICE[1],
        "metadata": {"name": name, "namespace": project, "annotations": annotations},
        "spec": {"predictor": {"model": served}},
    }
    return [runtime, service]


@pytest.fixture(scope="module")
def full(client, make):
    """A project in which no pod may be made."""
    name = make({"modelmesh-enabled": "true"})
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": name},
        "spec": {"hard": {"pods": "0"}},
    }
    client.create(quota)
    wait_for(
        lambda: (client.get("v1", "ResourceQuota", "none", name).get("status") or {}).get("hard"),
        20,
        "the quota counts",
    )
    yield name
    for kind in (NOTEBOOK, DSPA, INFERENCE_SERVICE):
        for one in client.list_objects(*kind, name):
            client.delete(*kind, one["metadata"]["name"], name)
    wait_for(lambda: not client.list_objects(*DSPA, name), 60, "the pipeline server goes")
    client.delete("v1", "Namespace", name)


@pytest.fixture(scope="module")
def made(client, project, full):
    """All that fails, made at once; gives the moment."""
    image = {"image": "image-registry.openshift-image-registry.svc:5000/none/none:none"}
    volume = [{"name": "data", "persistentVolumeClaim": {"claimName": "unbound"}}]
    everything = [
        claim("unbound", project),
        holder("holder", project, "refused"),
        holder("other-holder", full, "ds-pipeline-server"),
        workbench(LONG, project),
        workbench("no-image", project, container=image),
        workbench("no-volume", project, volumes=volume),
        workbench("refused", project),
        workbench("no-room", full),
        pipeline_server("server", full),
        *model("model", full),
    ]
    for one in everything:
        client.create(one)
    return time.monotonic()


CASES = {
    "a name that is too long": (NOTEBOOK, LONG, "project", "InvalidSpec", "63 characters"),
    "an image that is not there": (NOTEBOOK, "no-image", "project", "Err|Back", "none/none:none"),
    "a claim that cannot bind": (NOTEBOOK, "no-volume", "project", "Unschedulable", "unbound"),
    "a Route that is refused": (NOTEBOOK, "refused", "project", "RouteNotAdmitted", "holder"),
    "a quota": (NOTEBOOK, "no-room", "full", "FailedCreate", "exceeded quota: none"),
    "a Secret that is not there": (DSPA, "server", "full", "CredentialsMissing", "Secret gone"),
    "a server's Route that is refused": (DSPA, "server", "full", "", "not admitted: route other"),
    "a model without a connection": (INFERENCE_SERVICE, "model", "full", "Model", "'absent'"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_in_the_status_and_in_an_event(client, project, full, made, case):
    kind, name, where, reason, words = CASES[case]
    namespace = {"project": project, "full": full}[where]

    def told():
        found = client.get(*kind, name, namespace)
        ready = condition(found, "Ready")
        assert ready.get("status") != "True", "it says that it is ready"
        texts = [ready.get("message") or "", str((found.get("status") or {}).get("modelStatus"))]
        texts += [str(one) for one in (found.get("status") or {}).get("conditions") or []]
        assert any(words in text for text in texts), f"the status says {ready}"
        events = client.list_objects(
            "v1",
            "Event",
            namespace,
            field_selector=f"involvedObject.uid={found['metadata']['uid']}",
        )
        mine = [
            event
            for event in events
            if event["type"] == "Warning"
            and words in event["message"]
            and any(part in event["reason"] for part in reason.split("|"))
        ]
        assert mine, f"no event says it: {[(e['reason'], e['message']) for e in events]}"
        return True

    left = max(SECONDS - (time.monotonic() - made), 1)
    wait_for(_not_yet(told), left, f"it is told: {case}")


def _not_yet(look):
    """What an assertion says is shown when the time is over."""

    def tried():
        try:
            return look()
        except AssertionError as error:
            raise LookupError(str(error)) from error

    return tried


def test_of_a_name_that_is_too_long_nothing_is_made(client, project, made):
    for api_version, kind in (
        ("apps/v1", "StatefulSet"),
        ("v1", "Service"),
        ("v1", "ServiceAccount"),
        ("route.openshift.io/v1", "Route"),
    ):
        assert client.get(api_version, kind, LONG, project) is None


def test_an_unknown_field_of_a_pod_vanishes_as_upstream(client, project):
    """kubeflow.org_notebooks.yaml is structural, also where the seed's Notebook is not."""
    one = workbench("stray", project)
    one["spec"]["template"]["metadata"] = {"labels": {"inject": "true"}}
    one["spec"]["template"]["spec"] |= {"labels": {"app": "stray"}, "nonsense": 1}
    stored = client.create(one)
    assert stored["spec"]["template"].keys() == {"spec"}
    assert not {"labels", "nonsense"} & stored["spec"]["template"]["spec"].keys()
    wait_for(lambda: client.get("apps/v1", "StatefulSet", "stray", project), 15, "its StatefulSet")
    client.delete(*NOTEBOOK, "stray", project)
