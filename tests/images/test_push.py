"""Delivery to a registry with the real buildah: once, and again when the registry lost it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from registry_stub import Registry

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as running:
        yield running


def lab_images(command: str, settings: dict[str, Any], *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "lab_images", command, *arguments],
        input=json.dumps(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_an_image_is_pushed_when_the_registry_lacks_it(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/data").write_text("something\n")
    (tmp_path / "Containerfile").write_text("FROM scratch\nCOPY src /src\n")
    settings = {
        "root": str(tmp_path),
        "cache": str(tmp_path / "cache"),
        "state": str(tmp_path / ".lab"),
        "registry": registry.address,
        "namespace": "trial",
        "tag": "1.0",
        "push_registry": registry.address,
        "push_tls_verify": False,
        "storage_driver": "vfs",
        "images": [{"name": "tiny", "containerfile": "Containerfile", "context": ["src"]}],
    }
    assert lab_images("build", settings, "--name", "tiny")["changed"]
    assert lab_images("push", settings)["images"] == ["tiny"]
    assert lab_images("push", settings) == {"changed": False, "images": []}
    registry.manifests.clear()
    assert lab_images("push", settings)["images"] == ["tiny"]
    assert registry.pushes == 2
