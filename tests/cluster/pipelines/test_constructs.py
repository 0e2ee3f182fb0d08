"""Every construct of the IR, as a small pipeline that the SDK compiles."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from pipeline_project import PipelineServer
from sdk_pipelines import constructs

pytestmark = pytest.mark.cluster
Run = Callable[..., Any]


def tasks(server: PipelineServer, run: Any) -> dict[str, dict[str, Any]]:
    """The run's tasks by name; a repeated name counts up."""
    result: dict[str, dict[str, Any]] = {}
    for task in server.tasks(run.run_id):
        name = task["display_name"]
        while name in result:
            name += "+"
        result[name] = task
    return result


def outputs(server: PipelineServer, run: Any) -> dict[str, Any]:
    """The parameters that the run's tasks gave, by task."""
    assert run.state == "SUCCEEDED", run.error
    return {
        name: task["output_parameters"]
        for name, task in tasks(server, run).items()
        if task.get("output_parameters")
    }


def test_parameters_of_all_types(run: Run, server: PipelineServer) -> None:
    given = {"i": 7, "f": 2.25, "s": "y", "b": False, "li": [1, {"z": None}], "d": {"k": [True]}}
    found = outputs(server, run(constructs.all_types, arguments=given))
    assert found["echo"] == given
    assert found["optional"]["Output"] == "default-None"
    assert found["optional-2"]["Output"] == "given-3"


def test_default_values(run: Run, server: PipelineServer) -> None:
    found = outputs(server, run(constructs.all_types))
    assert found["echo"] == {"i": 1, "f": 1.5, "s": "x", "b": True, "li": [1, "a"], "d": {"k": 1}}


def test_artifacts_go_through_the_object_store(
    run: Run, server: PipelineServer, bucket: Any
) -> None:
    done = run(constructs.artifacts)
    found = outputs(server, done)
    assert found["read"]["Output"] == "7/7"
    assert found["read-folder"]["Output"] == "a.txt|sub/b.txt"
    listed = server.request("GET", f"/apis/v2beta1/runs/{done.run_id}/artifacts").json()
    by_name = {item["name"]: item for item in listed["artifacts"]}
    assert by_name["metrics"]["metadata"]["accuracy"] == 0.99
    assert by_name["classes"]["metadata"]["confusionMatrix"]["rows"][1]["row"] == [3, 4]
    key = by_name["data"]["uri"].removeprefix("s3://mlpipeline/")
    assert bucket.read(key) == b"7"
    check_folder(server, done.run_id, by_name["model"]["artifact_id"])


def check_folder(server: PipelineServer, run_id: str, artifact: str) -> None:
    """A folder of a step: listed, opened and packed by the API and on the page."""
    files = {"a.txt": b"a.txt", "sub/b.txt": b"sub/b.txt"}
    base = f"/apis/v2beta1/artifacts/{artifact}"
    listed = server.request("GET", f"{base}/files").json()["files"]
    assert {file["path"]: file["size"] for file in listed} == {"a.txt": "5", "sub/b.txt": "9"}
    page = f"/runs/{run_id}/artifacts/{artifact}"
    shown = server.request("GET", f"{page}/view")
    assert shown.status_code == 200
    for path, content in files.items():
        assert f'href="{page}/{path}/view"' in shown.text
        assert content.decode() in server.request("GET", f"{page}/{path}/view").text
        one = server.request("GET", f"{base}/content", params={"path": path})
        assert one.content == content
    for address in (f"{base}/content", f"{page}/content?download=1"):
        answer = server.request("GET", address)
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == {
                f"model/{path}": content for path, content in files.items()
            }


@pytest.mark.parametrize(("side", "letter"), [("heads", "H"), ("tails", "T"), ("edge", "O")])
def test_if_elif_else(run: Run, server: PipelineServer, side: str, letter: str) -> None:
    found = outputs(server, run(constructs.branches, arguments={"side": side}))
    assert found["after"]["Output"] == letter
    assert found["branches"]["Output"] == letter


def test_conditions_on_numbers_and_booleans(run: Run, server: PipelineServer) -> None:
    done = run(constructs.number_conditions, arguments={"n": 5, "flag": True})
    texts = {out["Output"] for name, out in outputs(server, done).items() if "say" in name}
    assert texts == {"big", "flagged"}


def test_loops_and_collected(run: Run, server: PipelineServer) -> None:
    found = outputs(server, run(constructs.loops))
    assert found["total"]["Output"] == 36
    assert found["read-all"]["Output"] == "1,2,3"
    assert found["sum of records"]["Output"] == 10


def test_nested_loops(run: Run, server: PipelineServer) -> None:
    found = outputs(server, run(constructs.nested_loops))
    sums = sorted(out["Output"] for name, out in found.items() if name.startswith("add"))
    assert sums == [11, 12, 21, 22]


def test_the_parallelism_limit_holds(run: Run, server: PipelineServer) -> None:
    done = run(constructs.limited_loop)
    steps = [task for task in tasks(server, done).values() if task["kind"] == "CONTAINER"]
    moments = [(task["create_time"], 1) for task in steps]
    moments += [(task["end_time"], -1) for task in steps]
    running = peak = 0
    for _, change in sorted(moments):
        running += change
        peak = max(peak, running)
    assert (done.state, len(steps), peak) == ("SUCCEEDED", 4, 2)


def test_exit_handler_after_a_failure(run: Run, server: PipelineServer) -> None:
    done = run(constructs.exit_after_failure)
    assert done.state == "FAILED"
    last = tasks(server, done)["read-status"]
    assert last["state"] == "SUCCEEDED"
    assert last["output_parameters"]["Output"].startswith("FAILED|fail: exit code 1")


def test_exit_handler_after_success(run: Run, server: PipelineServer) -> None:
    found = outputs(server, run(constructs.exit_after_success))
    assert found["read-status"]["Output"] == "COMPLETE|"


def test_pipelines_within_pipelines(run: Run, server: PipelineServer) -> None:
    found = outputs(server, run(constructs.nested, arguments={"n": 10}))
    assert found["nested"]["Output"] == 14
    assert found["say"]["Output"] == "got-14-x"


def test_importer(run: Run, server: PipelineServer, bucket: Any) -> None:
    bucket.put("tests/imported.txt", b"imported")
    first = run(constructs.imports)
    assert outputs(server, first)["read"]["Output"] == "imported/5"
    second = run(constructs.imports)
    ids = {
        tasks(server, item)["importer"]["output_artifacts"]["artifact"][0]
        for item in (first, second)
    }
    assert len(ids) == 1, "with reimport=False the known artifact is used again"


def test_retries_with_backoff(run: Run, server: PipelineServer) -> None:
    done = run(constructs.retries)
    failed = tasks(server, done)["fail"]
    assert (done.state, failed["attempts"]) == ("FAILED", 3)
    pods = {pod["metadata"]["name"] for pod in server.run_pods(done.run_id)}
    assert len(pods) == 3
    seconds = (done.finished_at - done.created_at).total_seconds()
    assert seconds >= 2.0, "twice a second of back-off"


def test_order_and_ignored_failure(run: Run, server: PipelineServer) -> None:
    done = run(constructs.order)
    found = tasks(server, done)
    assert done.state == "FAILED"
    assert found["say-3"]["output_parameters"]["Output"] == "clean up"
    assert found["say-4"]["state"] == "SKIPPED"
    assert found["say-2"]["create_time"] >= found["say"]["end_time"]


def test_placeholders(run: Run, server: PipelineServer) -> None:
    done = run(constructs.placeholders, run_name="named run")
    found = outputs(server, done)
    assert found["shell"]["out"] == f"hello {done.run_id}"
    assert found["structured"]["out"] == f"pre-hello {done.run_id} none "
    assert found["structured-2"]["out"] == "pre-x --b bb "
    assert found["say"]["Output"] == f"{done.run_id}|say|named run"


def test_caching_and_its_switch(run: Run, server: PipelineServer) -> None:
    number = 1000 + hash(server.namespace) % 1000
    first = run(constructs.two_steps, arguments={"n": number}, enable_caching=True)
    second = run(constructs.two_steps, arguments={"n": number}, enable_caching=True)
    third = run(constructs.two_steps, arguments={"n": number}, enable_caching=False)
    assert [item.state for item in (first, second, third)] == ["SUCCEEDED"] * 3
    assert server.run_pods(second.run_id) == []
    cached = tasks(server, second)["add-2"]
    assert (cached["state"], cached["skip_reason"]) == ("SKIPPED", "cached")
    assert cached["output_parameters"] == {"Output": number + 2}
    assert len(server.run_pods(third.run_id)) == 2
