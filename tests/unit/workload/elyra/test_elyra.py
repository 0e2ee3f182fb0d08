"""Elyra accepts both pipelines, and makes of the completed one what a pipeline server runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lab_ground.connections import FIELDS

NOTEBOOKS = Path(__file__).parents[4] / "model-repo" / "notebooks"
CONNECTION = set(FIELDS)


@pytest.fixture
def elyra(tmp_path):
    """Return a function that runs elyra-pipeline with settings of the test's own."""
    home = tmp_path / "home"
    data = home / "jupyter"
    # Elyra watches these folders and fails where they are not.
    for folder in ("runtime", "metadata/runtimes", "metadata/component-catalogs"):
        (data / folder).mkdir(parents=True)

    def run(*arguments):
        return subprocess.run(
            [str(Path(sys.executable).with_name("elyra-pipeline")), *arguments],
            cwd=tmp_path,
            env=os.environ | {"HOME": str(home), "JUPYTER_DATA_DIR": str(data)},
            capture_output=True,
            text=True,
            timeout=240,
        )

    run.runtimes = data / "metadata" / "runtimes"
    return run


@pytest.fixture
def pipeline(tmp_path):
    """Return a function that copies a folder of notebooks, as a learner's clone."""

    def copy(folder):
        shutil.copytree(NOTEBOOKS / folder, tmp_path / folder)
        return str(tmp_path / folder / "mnist.pipeline")

    return copy


@pytest.mark.parametrize(("folder", "nodes"), [("todo", 3), ("completed", 4)])
def test_elyra_accepts_the_pipeline(elyra, pipeline, folder, nodes):
    path = pipeline(folder)
    result = elyra("validate", path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "SUCCEEDED" in result.stdout
    described = elyra("describe", path, "--json")
    assert described.returncode == 0, described.stderr
    said = json.loads(described.stdout)
    assert said["dependencies"]["volumes"] == ["ml-pipeline"]
    assert said["dependencies"]["kubernetes_secrets"] == ["aws-connection-s3-creds"]
    assert len(said["dependencies"]["notebooks"]) == nodes


def test_elyra_refuses_a_pipeline_without_its_notebook(elyra, pipeline):
    path = Path(pipeline("completed"))
    path.with_name("Review.ipynb").unlink()
    result = elyra("validate", str(path))
    assert result.returncode != 0
    assert "Review.ipynb" in result.stdout


def test_what_elyra_makes_of_the_completed_pipeline(elyra, pipeline, storage, store, tmp_path):
    runtime = {
        "display_name": "lab",
        "schema_name": "kfp",
        "metadata": {
            "runtime_type": "KUBEFLOW_PIPELINES",
            "api_endpoint": "http://127.0.0.1:9",
            "engine": "Argo",
            "auth_type": "NO_AUTHENTICATION",
            "cos_endpoint": storage.endpoint,
            "cos_bucket": storage.bucket,
            "cos_auth_type": "USER_CREDENTIALS",
            "cos_username": storage.access_key_id,
            "cos_password": storage.secret_access_key,
        },
    }
    (elyra.runtimes / "lab.json").write_text(json.dumps(runtime))
    output = tmp_path / "mnist.yaml"
    result = elyra(
        "export", pipeline("completed"), "--runtime-config", "lab", "--output", str(output)
    )
    assert result.returncode == 0, result.stdout + result.stderr
    specification, platform = yaml.safe_load_all(output.read_text())
    tasks = specification["root"]["dag"]["tasks"]
    assert {len(task.get("dependentTasks", [])) for task in tasks.values()} == {0, 1, 2}
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert len(executors) == len(tasks) == 4
    for executor in executors.values():
        assert executor["pvcMount"][0]["mountPath"] == "/tmp/ml-pipeline"
        variables = {
            entry["envVar"]
            for secret in executor["secretAsEnv"]
            if "aws-connection-s3-creds" in json.dumps(secret)
            for entry in secret["keyToEnv"]
        }
        assert variables == CONNECTION
    # One archive a step: the notebook, and nothing else of the folder.
    assert len([key for key in store.keys() if key.endswith(".tar.gz")]) == 4  # noqa: SIM118
