"""What a learner applies names no project and no registry of its own: it goes where they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted((ROOT / "inference").rglob("*.yaml"))
ROLE = ROOT / "roles/platform_model_repository"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_manifest_names_a_project(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        assert "namespace" not in document
        assert "namespace" not in document.get("metadata", {})


def test_the_image_that_is_replaced_in_the_clone_is_the_one_that_is_named() -> None:
    replaced = yaml.safe_load((ROLE / "vars/main.yml").read_text())[
        "__platform_model_repository_image"
    ].strip()
    named = {
        line.split("image: ")[1].strip()
        for path in FILES
        for line in path.read_text().splitlines()
        if "image: " in line
    }
    assert named == {replaced}
