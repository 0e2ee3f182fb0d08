"""What a reset removes, keeps and restores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab_reset import planning

ROLES = Path(__file__).resolve().parents[3] / "roles"
LAB = {"app.kubernetes.io/part-of": "mnist-lab"}
DASHBOARD = {"opendatahub.io/dashboard": "true"}


def thing(name: str, labels: dict[str, str] | None = None, owner: str = "") -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "uid": f"uid-{name}", "labels": labels or {}}
    if owner:
        metadata["ownerReferences"] = [{"uid": owner}]
    return {"metadata": metadata}


def role_rules() -> list[planning.Rule]:
    """What the lab's own roles say that they make."""
    return planning.read_rules(ROLES)


def claim(name: str, volume: str = "pvc-1", **metadata: Any) -> dict[str, Any]:
    found = thing(name)
    found["metadata"].update(metadata)
    found["spec"] = {"volumeName": volume} if volume else {}
    return found


NOTEBOOK = ("kubeflow.org/v1", "Notebook")
CLAIM = ("v1", "PersistentVolumeClaim")
MODEL = ("serving.kserve.io/v1beta1", "InferenceService")
PAGE = ("apps/v1", "Deployment")
SECRET = ("v1", "Secret")


def used_lab() -> dict[tuple[str, str], list[dict[str, Any]]]:
    return {
        NOTEBOOK: [thing("notebook", DASHBOARD), thing("second", DASHBOARD)],
        CLAIM: [claim("notebook"), claim("ml-pipeline"), claim("foreign-claim")],
        MODEL: [thing("mnist", DASHBOARD), thing("foreign-model")],
        PAGE: [thing("mnist-webapp"), thing("foreign"), thing("child", owner="uid-notebook")],
        SECRET: [thing("model-mesh"), thing("aws-connection-s3-creds"), thing("my-own")],
    }


def names(references: list[planning.Reference]) -> set[str]:
    return {str(reference) for reference in references}


def test_a_clean_start_removes_all_that_later_steps_made_and_nothing_foreign() -> None:
    outcome = planning.plan(role_rules(), used_lab(), "project")
    assert names(outcome.remove) == {
        "Deployment/mnist-webapp", "InferenceService/mnist", "Secret/model-mesh",
        "Notebook/notebook", "Notebook/second",
        "PersistentVolumeClaim/notebook", "PersistentVolumeClaim/ml-pipeline",
    }  # fmt: skip
    assert "Deployment/foreign" in names(outcome.keep)
    assert "InferenceService/foreign-model" in names(outcome.keep)
    assert "PersistentVolumeClaim/foreign-claim" in names(outcome.keep)
    assert names(outcome.restore) == {
        "PersistentVolumeClaim/notebook", "PersistentVolumeClaim/ml-pipeline"
    }  # fmt: skip


def test_what_another_object_owns_is_left_to_the_garbage_collector() -> None:
    outcome = planning.plan(role_rules(), used_lab(), "project")
    assert "Deployment/child" not in names(outcome.remove) | names(outcome.keep)


def test_what_the_lab_or_the_cluster_made_is_not_called_foreign() -> None:
    seat = {SECRET: [thing("pipelines-client", LAB), thing("storage-config"), thing("my-own")]}
    assert names(planning.plan(role_rules(), seat, "project").keep) == {"Secret/my-own"}
    made = [thing(name) for name in ("pipeline-runtime-images", "odh-trusted-ca-bundle")]
    assert not planning.plan(role_rules(), {("v1", "ConfigMap"): made}, "project").keep


SERVING = {**LAB, "app.kubernetes.io/component": "serving"}
RBAC = "rbac.authorization.k8s.io/v1"


def test_what_raw_serving_makes_goes_too() -> None:
    seat = {
        MODEL: [thing("mnist", DASHBOARD)],
        (RBAC, "Role"): [
            thing("mnist-view-role", {**SERVING, **DASHBOARD}),
            thing("ds-pipeline-user-access-ds-pipeline", owner="uid-pipelines"),
            thing("foreign-role"),
        ],
        (RBAC, "RoleBinding"): [thing("mnist-view"), thing("model-server-view"), thing("mine")],
    }
    outcome = planning.plan(role_rules(), seat, "trained")
    assert names(outcome.remove) == {
        "InferenceService/mnist", "Role/mnist-view-role",
        "RoleBinding/mnist-view", "RoleBinding/model-server-view",
    }  # fmt: skip
    assert names(outcome.keep) == {"Role/foreign-role", "RoleBinding/mine"}


def test_the_plan_says_what_a_learner_made_in_the_dashboard() -> None:
    outcome = planning.plan(role_rules(), used_lab(), "project")
    told = {reference.told() for reference in outcome.remove}
    assert "Notebook/second (made in the dashboard, so a learner's work)" in told
    assert "Notebook/notebook" in told


def test_catching_up_to_trained_keeps_the_learners_work() -> None:
    removed = names(planning.plan(role_rules(), used_lab(), "trained").remove)
    assert removed == {"Deployment/mnist-webapp", "InferenceService/mnist", "Secret/model-mesh"}


def test_complete_removes_nothing() -> None:
    assert planning.plan(role_rules(), used_lab(), "complete").remove == []


def test_the_last_step_goes_first() -> None:
    removed = planning.plan(role_rules(), used_lab(), "project").remove
    kinds = [reference.kind for reference in removed]
    assert kinds.index("Deployment") < kinds.index("InferenceService") < kinds.index("Notebook")


def test_a_clean_seat_needs_nothing() -> None:
    seat = {CLAIM: [thing("foreign-claim")], SECRET: [thing("my-own")]}
    assert planning.plan(role_rules(), seat, "project").remove == []


def test_a_volume_that_nobody_has_used_needs_nothing() -> None:
    seat = {CLAIM: [claim("notebook", volume=""), claim("ml-pipeline")]}
    outcome = planning.plan(role_rules(), seat, "project")
    assert names(outcome.unused) == {"PersistentVolumeClaim/notebook"}
    assert names(outcome.remove) == {"PersistentVolumeClaim/ml-pipeline"}
    assert names(outcome.restore) == {"PersistentVolumeClaim/ml-pipeline"}
    assert not outcome.keep


@pytest.mark.parametrize(
    "metadata",
    [
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
        {"annotations": {planning.SELECTED_NODE: "mnist-lab"}},
    ],
    ids=["going away", "a volume is being made"],
)
def test_a_volume_on_its_way_is_made_anew(metadata: dict[str, Any]) -> None:
    seat = {CLAIM: [claim("notebook", volume="", **metadata)]}
    outcome = planning.plan(role_rules(), seat, "project")
    assert names(outcome.remove) == {"PersistentVolumeClaim/notebook"}
    assert not outcome.unused


def test_an_unknown_step_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(planning.PlanError, match="'trainde'; choose one of project, workbench"):
        planning.plan(role_rules(), {}, "trainde")


def test_a_rule_that_would_claim_everything_is_refused() -> None:
    with pytest.raises(planning.PlanError, match="neither names nor labels"):
        planning.parse_rules([{"step": "served", "api_version": "v1", "kind": "Secret"}])


def test_a_label_rule_needs_every_label() -> None:
    rule = planning.Rule("served", "v1", "Secret", labels={**LAB, **DASHBOARD})
    assert rule.claims(thing("x", {**LAB, **DASHBOARD, "more": "1"}))
    assert not rule.claims(thing("x", LAB))


def test_descendants_at_any_depth() -> None:
    things = [thing("a", owner="root"), thing("b", owner="uid-a"), thing("c", owner="else")]
    assert planning.descendants(["root"], things) == {"uid-a", "uid-b"}
