"""Which object a failed task was about."""

from __future__ import annotations

from typing import Any

from lab_diagnosis.tasks import Suspect, message_of, suspects


def deployment(name: str, ready: bool) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "mnist"},
        "status": {
            "readyReplicas": int(ready),
            "updatedReplicas": 1,
            "conditions": [{"type": "Available", "status": str(ready)}],
        },
    }


def test_timeout_of_a_batch_names_the_object() -> None:
    result = {
        "msg": '"Deployment" "web": Timed out waiting on resource',
        "result": {
            "results": [{"result": deployment("web", False)}, {"result": deployment("b", False)}]
        },
    }
    assert suspects("lab_objects", {}, result) == [Suspect("Deployment", "web", "mnist", "apps/v1")]


def test_timeout_without_the_object_leaves_the_namespace_open() -> None:
    result = {"msg": '"InferenceService" "mnist": Timed out waiting on resource'}
    assert suspects("lab_objects", {}, result) == [Suspect("InferenceService", "mnist")]


def test_waiting_by_field_selector() -> None:
    result = {
        "invocation": {
            "module_args": {
                "kind": "Route",
                "api_version": "route.openshift.io/v1",
                "field_selectors": ["metadata.name=mnist-webapp"],
            }
        },
        "resources": [],
    }
    assert suspects("kubernetes.core.k8s_info", {}, result) == [
        Suspect("Route", "mnist-webapp", "", "route.openshift.io/v1")
    ]


def test_of_several_resources_only_those_not_ready() -> None:
    result = {"resources": [deployment("good", True), deployment("bad", False)]}
    assert [s.name for s in suspects("kubernetes.core.k8s_info", {}, result)] == ["bad"]


def test_loops_count_their_failed_items_only() -> None:
    result = {
        "msg": "One or more items failed",
        "results": [
            {"failed": False, "result": deployment("good", False)},
            {"failed": True, "result": deployment("bad", False), "msg": "x"},
        ],
    }
    assert [s.name for s in suspects("kubernetes.core.k8s", {}, result)] == ["bad"]


def test_other_tasks_have_no_object() -> None:
    assert suspects("ansible.builtin.command", {"name": "x", "kind": "y"}, {"rc": 1}) == []


def test_message_of_a_command_is_its_last_telling_line() -> None:
    result = {"rc": 2, "msg": "non-zero return code", "stderr": "warning\nerror: no such image\n"}
    assert message_of(result) == "exit code 2: error: no such image"


def test_message_of_an_assertion_is_its_own() -> None:
    assert (
        message_of({"msg": "lab_seats is 0;\n  give at least 1."})
        == "lab_seats is 0; give at least 1"
    )


def test_hidden_output_stays_hidden() -> None:
    result = {"censored": "the output has been hidden", "msg": "token=abc"}
    assert message_of(result) == "its output is hidden, because it holds credentials"
