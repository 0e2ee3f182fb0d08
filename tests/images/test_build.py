"""The build's promises: nothing done twice, sizes held, a failure harms nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("LAB_CACHE", "/var/cache/mnist-lab"))
SOCKET = "/run/mnist-lab/containerd.sock"


def ctr(*arguments: str) -> str:
    command = ["ctr", "--address", SOCKET, "--namespace", "k8s.io", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def buildah(*arguments: str) -> str:
    command = ["buildah", "--root", str(CACHE / "images/storage")]
    command += ["--runroot", "/run/mnist-lab/containers", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def delivered() -> dict[str, str]:
    lines = ctr("images", "list").splitlines()[1:]
    return {line.split()[0]: line.split()[2] for line in lines}


def lab_images(
    command: str, settings: dict[str, Any], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab_images", command, *arguments],
        input=json.dumps(settings),
        capture_output=True,
        text=True,
        check=False,
    )


def test_second_build_changes_nothing() -> None:
    command = [str(ROOT / "lab"), "run", "build-images"]
    subprocess.run(command, capture_output=True, check=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\bchanged=0\b", done.stdout), done.stdout[-3000:]


def test_the_cluster_has_what_was_built(built: dict[str, dict[str, Any]]) -> None:
    present = delivered()
    for name, image in built.items():
        if name not in ("lab-base", "mnist-tensorflow"):
            assert present[image["reference"]] == image["digest"], name


def test_images_keep_to_their_sizes(
    built: dict[str, dict[str, Any]], catalogue: dict[str, dict[str, Any]]
) -> None:
    for name, image in catalogue.items():
        if limit := image.get("limit_gb"):
            assert built[name]["unpacked_gb"] <= limit


def test_tensorflow_is_one_layer_for_runtime_and_workbench(
    built: dict[str, dict[str, Any]],
) -> None:
    def layers(name: str) -> dict[str, int]:
        blob = built[name]["digest"].removeprefix("sha256:")
        manifest = json.loads((CACHE / "images/layout/blobs/sha256" / blob).read_text())
        return {layer["digest"]: layer["size"] for layer in manifest["layers"]}

    runtime, workbench = layers("mnist-runtime"), layers("mnist-workbench")
    shared = sum(size for digest, size in runtime.items() if digest in workbench)
    assert shared > 0.9 * sum(runtime.values())


def test_images_say_what_they_are(built: dict[str, dict[str, Any]]) -> None:
    for name, image in built.items():
        stored = f"localhost/lab/{name}:{image['key'][:24]}"
        labels = json.loads(buildah("inspect", "--type", "image", stored))["OCIv1"]["config"][
            "Labels"
        ]
        assert labels["org.opencontainers.image.title"] == name
        assert labels["org.opencontainers.image.version"] == "1.0"
        assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
        assert re.fullmatch(
            r"[0-9a-f]{40}(-dirty)?|unknown", labels["org.opencontainers.image.revision"]
        )


def test_bills_of_materials_are_in_the_reports(built: dict[str, dict[str, Any]]) -> None:
    for name in built:
        bill = json.loads((ROOT / f".lab/reports/sbom/{name}.cdx.json").read_text())
        assert bill["bomFormat"] == "CycloneDX"
        assert bill["metadata"]["component"]["name"] == name
        names = {component["name"] for component in bill["components"]}
        assert {"libc6", "pip"} & names
        assert len(names) > 80
        if name == "mnist-inference":
            assert {"mnist_webapp", "numpy", "signature_pad"} <= names


@pytest.fixture
def trial(built: dict[str, dict[str, Any]], tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Settings for one small image of the test's own, on the lab's base and in its cache."""
    name = f"trial-{os.getpid()}"
    (tmp_path / "images").mkdir()
    (tmp_path / "images/Containerfile").write_text(
        "ARG BASE_IMAGE=x\nFROM ${BASE_IMAGE}\nCOPY src/ /opt/trial/\nRUN sh /opt/trial/run.sh\n"
    )
    (tmp_path / "src").mkdir()
    (tmp_path / "src/run.sh").write_text("true\n")
    yield {
        "root": str(tmp_path),
        "cache": str(CACHE),
        "state": str(tmp_path / ".lab"),
        "registry": "trial.example",
        "namespace": "images",
        "tag": "1.0",
        "containerd": SOCKET,
        "base_image": f"localhost/lab/lab-base:{built['lab-base']['key'][:24]}",
        "images": [
            {"name": name, "containerfile": "images/Containerfile", "context": ["src"]},
        ],
    }
    reference = f"trial.example/images/{name}:1.0"
    if reference in delivered():
        ctr("images", "remove", reference)
    for record in (CACHE / "images/layout/images").glob(f"{name}-*.json"):
        buildah("rmi", f"localhost/lab/{name}:{json.loads(record.read_text())['key'][:24]}")
        record.unlink()


def test_failed_build_leaves_the_former_image_in_place(
    trial: dict[str, Any], tmp_path: Path
) -> None:
    [image] = trial["images"]
    reference = f"trial.example/images/{image['name']}:1.0"
    assert lab_images("build", trial, "--name", image["name"]).returncode == 0
    assert lab_images("deliver", trial).returncode == 0
    former = delivered()[reference]

    (tmp_path / "src/run.sh").write_text("echo this cannot work; exit 3\n")
    failed = lab_images("build", trial, "--name", image["name"])
    assert failed.returncode == 1
    assert "RUN sh /opt/trial/run.sh" in failed.stderr
    assert str(tmp_path / f".lab/log/images/{image['name']}.log") in failed.stderr
    assert "this cannot work" in failed.stderr
    lab_images("deliver", trial)
    assert delivered()[reference] == former

    (tmp_path / "src/run.sh").write_text("true # mended\n")
    assert lab_images("build", trial, "--name", image["name"]).returncode == 0
    taken = json.loads(lab_images("deliver", trial).stdout)
    assert taken["images"] == [image["name"]]
    assert taken["sent_mb"] < 1, "the layers of the base were sent again"
    assert delivered()[reference] != former


def test_missing_base_is_refused_before_anything_is_built(trial: dict[str, Any]) -> None:
    trial["base_image"] = "localhost/no-such-base:1"
    plan = json.loads(lab_images("plan", trial).stdout)
    assert plan["base_missing"]


def test_little_disk_is_refused_with_the_figures() -> None:
    done = subprocess.run(
        [
            str(ROOT / "lab"),
            "run",
            "build-images",
            "-e",
            "lab_images_tag=no-such-tag lab_images_reserve_gb=100000 lab_images_cuda=true",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    output = done.stdout + done.stderr
    assert "100000 GB must stay free" in output
    assert "set LAB_CACHE to" in output
    assert "Build mnist" not in output


def test_check_mode_says_what_it_would_do_and_does_nothing() -> None:
    before = delivered(), sorted((CACHE / "images/layout/images").iterdir())
    command = [str(ROOT / "lab"), "run", "build-images", "--check", "--diff"]
    done = subprocess.run(
        [*command, "-e", "lab_images_tag=of-check-mode"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\bchanged=[1-9]", done.stdout), done.stdout[-3000:]
    assert "would import: lab-platform" in done.stdout
    assert (delivered(), sorted((CACHE / "images/layout/images").iterdir())) == before
