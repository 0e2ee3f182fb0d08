"""Ready has one answer: for each kind here, and the same wherever it is asked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_diagnosis.tasks import Suspect, suspects
from lab_ground.kubernetes.readiness import KINDS, is_ready, is_stopped, readiness
from lab_playbook import waiting
from lab_status.lines import trouble_of

VERSIONS = {
    "apps/v1": ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"),
    "batch/v1": ("Job",),
    "v1": ("Pod", "PersistentVolumeClaim", "Namespace", "Node", "ConfigMap", "PersistentVolume"),
    "route.openshift.io/v1": ("Route",),
    "image.openshift.io/v1": ("ImageStream",),
    "kubeflow.org/v1": ("Notebook",),
    "serving.kserve.io/v1beta1": ("InferenceService",),
    "serving.kserve.io/v1alpha1": ("ServingRuntime",),
    "apiextensions.k8s.io/v1": ("CustomResourceDefinition",),
    "datasciencepipelinesapplications.opendatahub.io/v1": ("DataSciencePipelinesApplication",),
}
VERSION_OF = {kind: version for version, kinds in VERSIONS.items() for kind in kinds}
SERVICE = "serving.knative.dev/v1"


def thing(kind: str, version: str = "", spec: Any = None, meta: Any = None, **status: Any) -> Any:
    """An object of the second generation."""
    return {
        "apiVersion": version or VERSION_OF[kind],
        "kind": kind,
        "metadata": {"name": "it", "namespace": "mnist", "generation": 2, **(meta or {})},
        "spec": {} if spec is None else spec,
        "status": status,
    }


def condition(kind: str, status: str = "True", **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": status, **more}


def ingress(*conditions: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"host": "a.b", "conditions": list(conditions)}]


def conditions(*which: dict[str, Any]) -> dict[str, Any]:
    return {"conditions": list(which)}


WELL = {
    "Deployment": {"observedGeneration": 2, "readyReplicas": 1, "updatedReplicas": 1},
    "StatefulSet": {"observedGeneration": 2, "readyReplicas": 1, "updatedReplicas": 1},
    "DaemonSet": {"observedGeneration": 2, "numberReady": 3, "updatedNumberScheduled": 3,
                  "desiredNumberScheduled": 3},
    "ReplicaSet": {"observedGeneration": 2, "readyReplicas": 1},
    "Job": conditions(condition("Complete")),
    "Pod": {"phase": "Running", **conditions(condition("Ready"))},
    "Node": conditions(condition("Ready")),
    "Namespace": {"phase": "Active"},
    "PersistentVolumeClaim": {"phase": "Bound"},
    "PersistentVolume": {"phase": "Bound"},
    "ConfigMap": {},
    "Route": {"ingress": ingress(condition("Admitted"))},
    "ImageStream": {"tags": [{"tag": "1.0", "items": [{"image": "sha256:1"}]}]},
    "Notebook": {"readyReplicas": 1, **conditions(condition("Ready"))},
    "InferenceService": conditions(condition("Ready")),
    "ServingRuntime": {},
    "CustomResourceDefinition": conditions(condition("Established")),
    "DataSciencePipelinesApplication": conditions(condition("Ready", observedGeneration=2)),
}  # fmt: skip
TROUBLED: list[tuple[str, dict[str, Any], str]] = [
    ("Deployment", {}, "0 of 1 ready"),
    ("Deployment", {"observedGeneration": 1, "readyReplicas": 1, "updatedReplicas": 1,
                    **conditions(condition("Available"))}, "latest change"),
    ("Deployment", {"observedGeneration": 2, "readyReplicas": 1, "updatedReplicas": 0,
                    **conditions(condition("Available"))}, "0 of 1 have its latest template"),
    ("Deployment", conditions(condition("Available", "False", message="no pods")), "no pods"),
    ("Deployment", conditions(condition("ReplicaFailure", message="exceeded quota")), "quota"),
    ("Deployment", {"readyReplicas": 1, "updatedReplicas": 1, "replicas": 2}, "former template"),
    ("StatefulSet", {"observedGeneration": 1, "readyReplicas": 1, "updatedReplicas": 1}, "latest"),
    ("StatefulSet", {"readyReplicas": 1}, "0 of 1 have its latest template"),
    ("DaemonSet", {"observedGeneration": 2, "numberReady": 2, "updatedNumberScheduled": 3,
                   "desiredNumberScheduled": 3}, "2 of 3 ready"),
    ("DaemonSet", {}, "not ready yet"),
    ("Job", {"active": 1}, "not ended"),
    ("Job", conditions(condition("Failed", message="it took too long")), "took too long"),
    ("Pod", conditions(condition("PodScheduled", "False", message="no cpu")), "no cpu"),
    ("Pod", {"phase": "Failed", "reason": "Evicted"}, "Evicted"),
    ("Node", conditions(condition("Ready", "Unknown", message="it is silent")), "silent"),
    ("Namespace", {"phase": "Terminating"}, "it is Terminating"),
    ("PersistentVolumeClaim", {"phase": "Pending"}, "it is Pending"),
    ("PersistentVolumeClaim", {"phase": "Lost"}, "it is Lost"),
    ("Route", {}, "no router"),
    ("Route", {"ingress": ingress()}, "no router"),
    ("Route", {"ingress": ingress(condition("Admitted", "False", message="taken"))}, "taken"),
    ("Notebook", {}, "its pod is not ready yet"),
    ("Notebook", {"readyReplicas": 1, **conditions(condition("Ready", "False", reason="Crash"))},
     "Crash"),
    ("InferenceService", {}, "not ready yet"),
    ("InferenceService", {
        **conditions(condition("Ready")),
        "modelStatus": {"transitionStatus": "BlockedByFailedLoad",
                        "lastFailureInfo": {"message": "no such file"}},
    }, "no such file"),
    ("CustomResourceDefinition", {}, "not ready yet"),
    ("DataSciencePipelinesApplication",
     conditions(condition("Ready", "False", reason="Failing")), "Failing"),
    ("DataSciencePipelinesApplication",
     conditions(condition("Ready", observedGeneration=1)), "not ready yet"),
]  # fmt: skip


@pytest.mark.parametrize("kind", sorted(WELL))
def test_a_healthy_object_is_ready_to_all(kind: str) -> None:
    found = thing(kind, **WELL[kind])
    assert readiness(found).ready, readiness(found)
    assert not readiness(found).why
    assert trouble_of(found) == ""
    assert waiting.is_ready(found)
    assert listed(found) == []


@pytest.mark.parametrize(("kind", "status", "why"), TROUBLED)
def test_an_unhealthy_object_is_ready_to_none_and_says_why(
    kind: str, status: dict[str, Any], why: str
) -> None:
    found = thing(kind, **status)
    assert not readiness(found).well
    assert why in readiness(found).why
    assert why in trouble_of(found)
    # A Job that has failed has ended: nothing is waited for any more.
    assert waiting.is_ready(found) is (kind == "Job" and readiness(found).failed)
    assert listed(found) == [Suspect(kind, "it", "mnist", found["apiVersion"])]


@pytest.mark.parametrize("kind", sorted(WELL))
def test_what_is_being_removed_is_ready_to_none(kind: str) -> None:
    found = thing(kind, meta={"deletionTimestamp": "2026-01-01T00:00:00Z"}, **WELL[kind])
    assert not readiness(found).well
    assert not waiting.is_ready(found)
    assert trouble_of(found) == "it is being removed"
    assert len(listed(found)) == 1


@pytest.mark.parametrize(
    ("kind", "spec", "meta"),
    [
        ("Deployment", {"replicas": 0}, {}),
        ("StatefulSet", {"replicas": 0}, {}),
        ("Job", {"suspend": True}, {}),
        ("ServingRuntime", {"disabled": True}, {}),
        ("Notebook", {}, {"annotations": {"kubeflow-resource-stopped": "2026-01-01T00:00:00Z"}}),
    ],
)
def test_what_was_stopped_is_no_trouble_and_is_not_waited_for(
    kind: str, spec: Any, meta: Any
) -> None:
    found = thing(kind, spec=spec, meta=meta)
    assert readiness(found).stopped
    assert is_stopped(found)
    assert not is_stopped(found | {"status": {"replicas": 1}})
    assert trouble_of(found) == ""
    assert not waiting.is_ready(found)
    assert listed(found) == []


def test_a_function_is_no_service_of_kubernetes() -> None:
    assert is_ready(thing("Service", "v1"))
    assert not is_ready(thing("Service", SERVICE))
    assert is_ready(thing("Service", SERVICE, **conditions(condition("Ready"))))
    assert not is_ready(thing("Service", "v1", spec={"type": "LoadBalancer"}))


def test_kserves_generation_of_the_deployment_is_not_the_models() -> None:
    assert is_ready(thing("InferenceService", observedGeneration=1, **WELL["InferenceService"]))


def test_a_stateful_set_that_is_updated_by_hand_has_no_newest_template() -> None:
    by_hand = {"updateStrategy": {"type": "OnDelete"}}
    assert is_ready(thing("StatefulSet", spec=by_hand, readyReplicas=1))


def test_a_tag_without_an_image_is_told() -> None:
    spec = {"tags": [{"name": "1.0"}, {"name": "2.0"}]}
    found = thing("ImageStream", spec=spec, **WELL["ImageStream"])
    assert readiness(found).why == "tag 2.0 has no image yet"
    failed = [{"tag": "2.0", "conditions": [condition("ImportSuccess", "False", message="401")]}]
    found["status"]["tags"] += failed
    assert readiness(found).why == "tag 2.0 has no image: 401"


def test_a_kind_that_nobody_knows_says_itself_how_it_is() -> None:
    assert is_ready(thing("Widget", "example.org/v1", **conditions(condition("Available"))))
    assert not is_ready(thing("Widget", "example.org/v1"))
    assert not is_ready(None)


@given(
    st.sampled_from(sorted(KINDS)),
    st.dictionaries(
        st.sampled_from(["phase", "conditions", "replicas", "readyReplicas", "ingress", "tags"]),
        st.none(),
    ),
    st.booleans(),
)
def test_an_object_with_hardly_anything_in_it_has_an_answer(
    kind: tuple[str, str], status: dict[str, None], bare: bool
) -> None:
    found: dict[str, Any] = {"kind": kind[1], "apiVersion": f"{kind[0]}/v1", "metadata": {}}
    outcome = readiness(found if bare else {**found, "status": status, "spec": None})
    assert outcome.ready is (outcome.why == "")


def listed(found: dict[str, Any]) -> list[Suspect]:
    """What the diagnosis would look at of a task that listed the object."""
    return suspects("kubernetes.core.k8s_info", {}, {"resources": [found]})
