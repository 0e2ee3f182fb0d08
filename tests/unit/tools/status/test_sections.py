"""What the status tells of a whole lab, of one at an earlier step, and of a broken one."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab_status.lines import Line
from lab_status.sections import Snapshot, sections

from .conftest import access, deployment, platform, route, seat_items, without

LAB = "Lab in project mnist"


def tell(found: Snapshot, *tables: dict[str, Any]) -> dict[str, list[Line]]:
    return dict(sections(found, tables or (access(),)))


def line_about(lines: list[Line], title: str) -> Line:
    return next(line for line in lines if line.text.startswith(title))


def test_whole_lab_is_up_and_says_where(whole: Snapshot) -> None:
    told = tell(whole)
    assert list(told) == ["Machine", "Cluster", "Platform", LAB]
    assert {line.mark for lines in told.values() for line in lines} == {"up"}
    titles = [line.text.split("  ")[0] for line in told[LAB]]
    assert titles == ["page", "function", "model", "workbench", "pipelines", "object store"]
    assert "https://mnist-webapp-mnist.apps.lab.test" in line_about(told[LAB], "page").text
    assert "asleep" in line_about(told[LAB], "function").text
    assert line_about(told[LAB], "model").more == ("its key: Secret mnist/model-mesh",)


@pytest.mark.parametrize(("days", "age"), [(0, "of today"), (1, "1 day old"), (40, "40 days old")])
def test_a_token_s_age_is_told_for_it_has_no_end(whole: Snapshot, days: int, age: str) -> None:
    births = {"mnist/model-mesh": datetime.now(UTC) - timedelta(days=days, minutes=1)}
    told = tell(replace(whole, token_births=births))
    assert line_about(told[LAB], "model").more == (f"its key: Secret mnist/model-mesh, {age}",)
    # The object store's keys are no token.
    assert line_about(told[LAB], "object store").more == ("its key: Secret mnist/keys",)


def test_reset_lab_is_no_fault_and_lists_no_dead_address(cleanly_reset: Snapshot) -> None:
    lines = tell(cleanly_reset)[LAB]
    marks = {line.text.split("  ")[0]: line.mark for line in lines}
    assert marks == {
        "page": "none", "function": "none", "model": "none", "workbench": "none",
        "pipelines": "up", "object store": "up",
    }  # fmt: skip
    assert all(line.well for line in lines)
    page = line_about(lines, "page")
    assert page.why == "not made yet; ./lab run deploy-inference"
    text = "\n".join(map(str, lines))
    assert "mnist-webapp-mnist" not in text
    assert "mnist-inference-mnist" not in text


@pytest.mark.parametrize(
    ("gone", "title", "playbook"),
    [
        ("InferenceService/mnist", "model", "serve-model"),
        ("Notebook/notebook", "workbench", "prepare-lab"),
        ("Service/mnist-function", "function", "deploy-inference"),
        ("Deployment/mnist-webapp", "page", "deploy-inference"),
        ("DataSciencePipelinesApplication/dspa", "pipelines", "prepare-lab"),
        ("Deployment/minio-dspa", "object store", "prepare-lab"),
    ],
)
def test_part_that_is_missing_before_a_later_one_is_down(
    whole: Snapshot, gone: str, title: str, playbook: str
) -> None:
    line = line_about(tell(without(whole, gone))[LAB], title)
    assert line.mark == "DOWN"
    assert line.why.startswith("it is not there; ")
    assert line.why.endswith(f"./lab run {playbook} brings it back")


def test_missing_route_takes_the_address_away(whole: Snapshot) -> None:
    line = line_about(tell(without(whole, "Route/mnist-webapp"))[LAB], "page")
    assert line.mark == "DOWN"
    assert line.why == (
        "no Route leads to mnist-webapp-mnist.apps.lab.test; "
        "./lab run deploy-inference brings it back"
    )


def test_a_workbench_behind_the_gateway_needs_no_route(whole: Snapshot) -> None:
    """Since 3.0: odh-notebook-controller makes an HTTPRoute elsewhere, and tells in the status."""
    found = without(whole, "Route/notebook")
    assert line_about(tell(found)[LAB], "workbench").mark == "DOWN"
    (workbench,) = [one for one in found.resources if one["kind"] == "Notebook"]
    annotations = workbench["metadata"].setdefault("annotations", {})
    annotations["notebooks.opendatahub.io/inject-auth"] = "true"
    assert line_about(tell(found)[LAB], "workbench").mark == "up"


def test_refused_route_says_why(whole: Snapshot) -> None:
    found = without(whole, "Route/notebook")
    found.resources.append(route("notebook", "mnist", "False", "the host belongs to another"))
    line = line_about(tell(found)[LAB], "workbench")
    assert line.why == "Route notebook, the host belongs to another"


def test_part_that_is_not_ready_quotes_its_condition(whole: Snapshot) -> None:
    found = without(whole, "InferenceService/mnist")
    condition = {"type": "Ready", "status": "False", "message": "no such key: onnx/model"}
    model = {"kind": "InferenceService", "metadata": {"name": "mnist", "namespace": "mnist"}}
    found.resources.append(model | {"status": {"conditions": [condition]}})
    assert line_about(tell(found)[LAB], "model").why == "no such key: onnx/model"


def test_workload_behind_a_part_is_named_when_it_is_down(whole: Snapshot) -> None:
    found = without(whole, "Deployment/ds-pipeline-dspa")
    found.items.append(deployment("ds-pipeline-dspa", "mnist", ready=0))
    line = line_about(tell(found)[LAB], "Deployment ds-pipeline-dspa")
    assert line.mark == "DOWN"
    assert "0 of 1 ready" in line.why


def test_stopped_workbench_is_no_fault(whole: Snapshot) -> None:
    workbench = next(item for item in whole.resources if item["kind"] == "Notebook")
    workbench["status"] = {}
    workbench["metadata"]["annotations"]["kubeflow-resource-stopped"] = "2026-01-01T00:00:00Z"
    line = line_about(tell(whole)[LAB], "workbench")
    assert line.mark == "up"
    assert line.text.endswith("stopped")


@pytest.mark.parametrize(
    ("ready", "wanted", "said"), [(0, 0, "asleep"), (0, 1, "starting"), (1, 1, "awake")]
)
def test_function_sleeps_starts_and_runs(
    whole: Snapshot, ready: int, wanted: int, said: str
) -> None:
    function = next(i for i in whole.items if i["metadata"]["name"] == "mnist-function-deployment")
    function["spec"]["replicas"] = wanted
    function["status"] = {"readyReplicas": ready, "updatedReplicas": wanted}
    lines = tell(whole)[LAB]
    assert said in line_about(lines, "function").text
    assert all(line.mark == "up" for line in lines)


def test_question_that_failed_is_told(whole: Snapshot) -> None:
    told = tell(replace(whole, resources=[], resources_problem="Forbidden: you may not list"))
    assert told["Lab"][0].mark == "DOWN"
    assert told["Lab"][0].why == "Forbidden: you may not list"


def test_cluster_without_the_platform_has_nothing_down() -> None:
    unknown = 'the server doesn\'t have a resource type "notebooks"'
    items = [
        item
        for item in platform()
        if "lab-platform" not in str(item) and "lab-router" not in str(item)
    ]
    told = dict(sections(Snapshot(machine=[], items=items, resources_problem=unknown), ()))
    assert told["Platform"][0].why == "not installed yet; ./lab run install-platform"
    assert told["Lab"][0].why == "not made yet; ./lab up"
    assert all(line.well for lines in told.values() for line in lines)


def test_missing_part_of_the_platform_is_down(whole: Snapshot) -> None:
    line = line_about(
        tell(without(whole, "Deployment/lab-router"))["Platform"],
        "Deployment lab-router/lab-router",
    )
    assert line.mark == "DOWN"
    assert "./lab run install-platform" in line.why


def with_dashboard(found: Snapshot, ready: int = 1) -> Snapshot:
    apps = "redhat-ods-applications"
    long = route("rhods-dashboard", apps)
    short = copy.deepcopy(long)
    short["metadata"]["name"] = "dashboard"
    short["status"]["ingress"][0]["host"] = "dashboard.apps.lab.test"
    items = [*found.items, deployment("rhods-dashboard", apps, ready)]
    return replace(found, items=items, resources=[*found.resources, long, short])


def test_dashboard_comes_first_with_the_name_to_type(whole: Snapshot) -> None:
    told = tell(with_dashboard(whole))
    assert next(iter(told)) == "Dashboard"
    (line,) = told["Dashboard"]
    assert line.mark == "up"
    assert line.text.split()[1] == "https://dashboard.apps.lab.test"
    assert "Other projects" not in told


def test_dashboard_that_is_down_says_why(whole: Snapshot) -> None:
    (line,) = tell(with_dashboard(whole, ready=0))["Dashboard"]
    assert line.mark == "DOWN"
    (line,) = tell(without(with_dashboard(whole), "Route/rhods-dashboard", "Route/dashboard"))[
        "Dashboard"
    ]
    assert "no Route leads to it" in line.why


def test_project_that_is_gone_or_going(whole: Snapshot) -> None:
    gone = tell(without(whole, "Namespace/mnist"))[LAB]
    assert [str(line) for line in gone] == ["  none  project: not made yet; ./lab up"]
    project = next(item for item in whole.items if item["metadata"]["name"] == "mnist")
    project["status"] = {"phase": "Terminating"}
    assert "being removed" in tell(whole)[LAB][0].why


def test_seats_without_an_access_file_are_found_by_their_label(whole: Snapshot) -> None:
    told = dict(sections(whole, ()))
    assert LAB in told


def test_class_has_a_heading_for_each_seat_in_order() -> None:
    items, resources = platform(), []
    for number in (1, 2, 10):
        more_items, more_resources = seat_items(f"mnist-{number}")
        items, resources = items + more_items, resources + more_resources
    found = Snapshot(machine=[], items=items, resources=resources)
    told = tell(found, *(access(f"mnist-{number}") for number in (10, 2, 1)))
    assert [heading for heading in told if heading.startswith("Lab")] == [
        f"Lab in project mnist-{number}" for number in (1, 2, 10)
    ]
    texts = [line.text for line in told["Lab in project mnist-10"]]
    assert texts[-1] == "function, model, pipelines, object store"
    assert len(texts) == 3


def test_other_projects_are_counted_and_their_trouble_is_told(whole: Snapshot) -> None:
    whole.items.extend([deployment("a", "tests"), deployment("b", "tests", ready=0)])
    lines = tell(whole)["Other projects"]
    assert [line.mark for line in lines] == ["up", "DOWN"]
    assert lines[0].text == "1 objects in tests"


def test_machine_without_a_cluster_tells_only_that() -> None:
    machine = [Line("DOWN", "cluster", "there is none on this machine; ./lab up makes it")]
    assert dict(sections(Snapshot(machine=machine), ())) == {"Machine": machine}


def test_a_cluster_that_enforces_no_policies_is_told_of_and_no_fault(whole: Snapshot) -> None:
    open_cluster = without(whole, "DaemonSet/kube-network-policy")
    line = next(line for line in tell(open_cluster)["Cluster"] if "NetworkPolicies" in line.text)
    assert line.mark == "note"
    assert line.well
    assert "may be open to every pod" in line.text
    enforced = next(line for line in tell(whole)["Cluster"] if "enforced by" in line.text)
    assert enforced.mark == "up"


@pytest.mark.parametrize(("status", "reason", "mark", "told"), [
    ("False", "RulesNotApplied", "DOWN", "NetworkPolicies on lab"),
    ("True", "SomeNotUnderstood", "note", "of a/b"),
])  # fmt: skip
def test_what_the_network_policies_program_says_is_told(
    whole: Snapshot, status: str, reason: str, mark: str, told: str
) -> None:
    node = next(item for item in whole.items if item["kind"] == "Node")
    node["status"] = copy.deepcopy(node["status"])
    node["status"]["conditions"].append({
        "type": "NetworkPoliciesEnforced", "status": status, "reason": reason,
        "message": "of a/b not everything could be read",
        "lastHeartbeatTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    })  # fmt: skip
    marks = [line.mark for line in tell(whole)["Cluster"] if told in line.text]
    assert marks == [mark]


def test_a_workbench_that_somebody_stopped_is_not_down(whole: Snapshot) -> None:
    notebook = next(item for item in whole.resources if item["kind"] == "Notebook")
    notebook["metadata"]["namespace"] = "other"
    notebook["metadata"]["annotations"]["kubeflow-resource-stopped"] = "2026-01-01T00:00:00Z"
    notebook["status"] = {"conditions": [{"type": "Ready", "status": "False", "reason": "Stopped"}]}
    assert all(line.well for line in tell(whole)["Other projects"])


def test_a_cluster_that_keeps_seats_apart_has_nothing_told_of_it(whole: Snapshot) -> None:
    refused = replace(whole, addresses_claimable=False)
    for found in (whole, refused):
        assert not any("may" in line.text for line in tell(found)["Cluster"])


def test_what_a_foreign_cluster_leaves_open_is_told_and_no_fault(whole: Snapshot) -> None:
    foreign = replace(without(whole, "DaemonSet/kube-network-policy"), addresses_claimable=True)
    lines = [line for line in tell(foreign)["Cluster"] if line.mark == "note"]
    assert all(line.well for line in lines)
    told = " ".join(line.text for line in lines)
    assert "DenyServiceExternalIPs" in told
    assert "169.254.169.254" in told
