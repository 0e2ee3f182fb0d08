"""What a learner clones: the notebooks, the pipeline to complete, and its twin in Python."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lab_ground.connections import FIELDS

REPOSITORY = Path(__file__).parents[3] / "model-repo"
NOTEBOOKS = ("Pre-process", "Train", "Evaluate", "Review")
CONNECTION = set(FIELDS)


def read_pipeline(folder):
    document = json.loads((REPOSITORY / "notebooks" / folder / "mnist.pipeline").read_text())
    return document["pipelines"][0]


def nodes_of(pipeline):
    """Return the pipeline's nodes by the name of their notebook."""
    return {
        node["app_data"]["component_parameters"]["filename"].removesuffix(".ipynb"): node
        for node in pipeline["nodes"]
    }


def edges_of(pipeline):
    """Return (from, to) for every link."""
    names = {node["id"]: name for name, node in nodes_of(pipeline).items()}
    return {
        (names[link["node_id_ref"]], name)
        for name, node in nodes_of(pipeline).items()
        for port in node["inputs"]
        for link in port.get("links", [])
    }


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_clean_and_told_in_words(name):
    text = (REPOSITORY / "notebooks" / "completed" / f"{name}.ipynb").read_text()
    notebook = json.loads(text)
    assert (REPOSITORY / "notebooks" / "todo" / f"{name}.ipynb").read_text() == text
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    words = [cell for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len(words) >= len(code) / 3
    assert words[0]["source"][0].startswith("# ")
    for cell in code:
        ast.parse("".join(line for line in cell["source"] if not line.startswith("%")))
    assert not any(secret in text for secret in ("minio123", "aws_secret_access_key="))


def test_all_of_it_fits_into_a_config_map():
    # That is how the lab hands the pipeline to the Job which submits it.
    files = (REPOSITORY / "notebooks" / "completed").iterdir()
    assert sum(file.stat().st_size for file in files) < 1_000_000


def test_the_todo_pipeline_lacks_review():
    pipeline = read_pipeline("todo")
    assert edges_of(pipeline) == {("Pre-process", "Train"), ("Train", "Evaluate")}
    assert set(nodes_of(pipeline)) == set(NOTEBOOKS) - {"Review"}


def test_the_completed_pipeline_has_review_after_both():
    pipeline = read_pipeline("completed")
    assert set(nodes_of(pipeline)) == set(NOTEBOOKS)
    assert edges_of(pipeline) == {
        ("Pre-process", "Train"),
        ("Train", "Evaluate"),
        ("Pre-process", "Review"),
        ("Train", "Review"),
    }


@pytest.mark.parametrize("folder", ["todo", "completed"])
def test_steps_share_the_volume_and_get_credentials_by_name(folder):
    pipeline = read_pipeline(folder)
    for node in nodes_of(pipeline).values():
        (volume,) = node["app_data"]["component_parameters"]["mounted_volumes"]
        assert (volume["path"], volume["pvc_name"]) == ("/tmp/ml-pipeline", "ml-pipeline")
    defaults = pipeline["app_data"]["properties"]["pipeline_defaults"]
    assert {secret["name"] for secret in defaults["kubernetes_secrets"]} == {
        "aws-connection-s3-creds"
    }
    assert {secret["key"] for secret in defaults["kubernetes_secrets"]} == CONNECTION
    assert all(s["env_var"] == s["key"] for s in defaults["kubernetes_secrets"])
    assert defaults["env_vars"] == []
    assert defaults["runtime_image"].endswith("/redhat-ods-applications/mnist-runtime:1.0")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Compile pipeline.py as a learner does; return its specification and its platform's."""
    output = tmp_path_factory.mktemp("compiled") / "mnist.yaml"
    subprocess.run(
        [sys.executable, str(REPOSITORY / "pipeline.py"), "--output", str(output)],
        check=True,
        timeout=120,
    )
    specification, platform = yaml.safe_load_all(output.read_text())
    return specification, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def test_the_python_pipeline_is_the_same_pipeline(compiled):
    specification, _ = compiled
    tasks = specification["root"]["dag"]["tasks"]
    edges = {(before, name) for name, t in tasks.items() for before in t.get("dependentTasks", [])}
    assert edges == {
        (before.lower(), after.lower()) for before, after in edges_of(read_pipeline("completed"))
    }
    assert all(not task["cachingOptions"] for task in tasks.values())


def test_the_python_pipeline_uses_the_same_volume_secret_and_image(compiled):
    specification, executors = compiled
    for executor in executors.values():
        (mount,), (secret,) = executor["pvcMount"], executor["secretAsEnv"]
        assert mount["mountPath"] == "/tmp/ml-pipeline"
        assert mount["constant"] == "ml-pipeline"
        assert secret["secretName"] == "aws-connection-s3-creds"
        assert {entry["secretKey"] for entry in secret["keyToEnv"]} == CONNECTION
    runtime = read_pipeline("completed")["app_data"]["properties"]["pipeline_defaults"]
    containers = [e["container"] for e in specification["deploymentSpec"]["executors"].values()]
    assert {container["image"] for container in containers} == {runtime["runtime_image"]}
    assert not any("pip install" in " ".join(container["command"]) for container in containers)


def test_the_python_pipeline_shows_its_measures(compiled):
    specification, _ = compiled
    outputs = specification["components"]["comp-evaluate"]["outputDefinitions"]["artifacts"]
    assert {name: output["artifactType"]["schemaTitle"] for name, output in outputs.items()} == {
        "metrics": "system.Metrics",
        "classification": "system.ClassificationMetrics",
    }
