"""The two report files of KFP v1 come from a step's pod to the page, undeclared as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from pipeline_launcher import launcher
from pipeline_server.database import models
from pipeline_server.execution import steps
from pipeline_server.ir.pipeline import PipelineIR
from pipeline_server.services.collection import Services
from pipeline_server.web import reading

from . import sample_pipelines
from .sample_lab import Lab
from .test_services_on_the_page import add_tasks, start, upload


def test_the_launcher_takes_what_is_there(tmp_path: Path) -> None:
    metrics = tmp_path / "mlpipeline-metrics.json"
    metrics.write_text("{}")
    work = {
        "output_file": str(tmp_path / "none"),
        "parameters": {},
        "artifacts": [],
        "reports": [
            {"name": "mlpipeline-metrics", "path": str(metrics), "uri": "s3://b/m.json"},
            {"name": "mlpipeline-ui-metadata", "path": str(tmp_path / "no"), "uri": "s3://b/u"},
        ],
    }
    (made,) = launcher.collect(work)["artifacts"]
    assert (made["name"], made["uri"]) == ("mlpipeline-metrics", "s3://b/m.json")
    assert made["files"] == [{"name": "", "size": 2}]


def test_the_report_is_drawn(client: TestClient, services: Services, empty_lab: Lab) -> None:
    run_id = start(services, upload(services))
    add_tasks(services, run_id, {"id": "t", "name": "train", "path": "root/train"})
    report: dict[str, Any] = {
        "outputs": {
            "artifacts": [
                {
                    "name": "mlpipeline-metrics",
                    "uri": "s3://rhods/m.json",
                    "files": [{"name": "", "size": 70}],
                },
                {"name": "stranger", "uri": "s3://rhods/x", "files": []},
            ]
        }
    }
    pipeline = PipelineIR({"pipeline_spec": sample_pipelines.mnist(), "platform_spec": {}})
    with services.database.session() as session:
        run, task = session.get(models.Run, run_id), session.get(models.Task, "t")
        assert run is not None
        assert task is not None
        task.component = "comp-train"
        task.outputs = steps.read_outputs(session, run, task, pipeline, report)
        places = steps.reports(services.settings, run, task, pipeline)
    assert {place["name"] for place in places} == {"mlpipeline-metrics", "mlpipeline-ui-metadata"}
    assert all(place["uri"].endswith(f"/train/t/{place['name']}.json") for place in places)
    (shown,) = reading.get_run(services, run_id).tasks
    (artifact,) = shown.output_artifacts
    assert (artifact.name, artifact.size) == ("mlpipeline-metrics", 70)
    metric = {"name": "score", "numberValue": 0.9921, "format": "PERCENTAGE"}
    empty_lab.store.objects["s3://rhods/m.json"] = json.dumps({"metrics": [metric]}).encode()
    assert "99.21 %" in client.get(f"/runs/{run_id}?step=train&tab=metrics").text
