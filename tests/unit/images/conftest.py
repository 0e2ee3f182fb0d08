"""A small tree to make images from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab_images.catalogue import Settings, settings_from

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def catalogue() -> list[dict[str, Any]]:
    """The images as the role lists them."""
    variables = yaml.safe_load((ROOT / "roles/lab_images/vars/main.yml").read_text())
    return [*variables["__lab_images_cpu"], *variables["__lab_images_cuda"]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with two images, the second built from the first."""
    files = {
        "images/base/Containerfile": "FROM scratch\n",
        "images/app/Containerfile": "ARG BASE_IMAGE=x\nFROM ${BASE_IMAGE}\n",
        "src/app/__init__.py": "",
        "src/app/main.py": "print(1)\n",
        "src/other/__init__.py": "",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


@pytest.fixture
def data(tree: Path) -> dict[str, Any]:
    """The settings as the role hands them over."""
    return {
        "root": str(tree),
        "cache": str(tree / "cache"),
        "state": str(tree / ".lab"),
        "registry": "registry.example:5000",
        "namespace": "images",
        "tag": "1.0",
        "images": [
            {"name": "base", "containerfile": "images/base/Containerfile"},
            {
                "name": "app",
                "containerfile": "images/app/Containerfile",
                "base": "base",
                "context": ["src/app"],
            },
        ],
    }


@pytest.fixture
def settings(data: dict[str, Any]) -> Settings:
    return settings_from(json.loads(json.dumps(data)))
