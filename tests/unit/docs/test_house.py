"""Every folder of the house has its line in docs/architecture.md, and each line its folder."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = (REPOSITORY / "docs/architecture.md").read_text()
TOLD = set(re.findall(r"`((?:src|roles|images|tests)/[a-z0-9_]+)/?`", PAGE))


def folders(part: str) -> set[str]:
    """The folders of a part that hold something of the project."""
    return {
        str(path.relative_to(REPOSITORY))
        for path in (REPOSITORY / part).iterdir()
        if path.is_dir()
        and any(each.suffix != ".pyc" for each in path.rglob("*") if each.is_file())
    }


@pytest.mark.parametrize("part", ["src", "roles", "images", "tests"])
def test_every_folder_has_its_line(part: str) -> None:
    assert folders(part) - TOLD == set()


def test_no_line_is_of_a_folder_that_is_gone() -> None:
    assert {name for name in TOLD if not (REPOSITORY / name).is_dir()} == set()


def test_the_files_of_the_two_ways_are_there() -> None:
    ways = PAGE[PAGE.index("## One run,") : PAGE.index("## Security")]
    files = re.findall(
        r"`((?:pipeline_server|pipeline_launcher|lab_playbook|lab_reset)/[a-z_/]+\.py)`", ways
    )
    short = re.findall(r"`((?:api|services|ir|database|execution)/[a-z_]+\.py)`", ways)
    paths = [*files, *(f"pipeline_server/{name}" for name in short)]
    assert len(paths) > 20
    assert [path for path in paths if not (REPOSITORY / "src" / path).is_file()] == []
    others = re.findall(r"`((?:plugins|playbooks|tests)/[a-z_/-]+\.(?:py|yml))`", ways)
    assert [path for path in others if not (REPOSITORY / path).is_file()] == []


def test_every_room_stands_under_the_import_contracts() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]
    rooms = {path.parent.name for path in (REPOSITORY / "src").glob("*/__init__.py")}
    assert set(settings["root_packages"]) == rooms
    floors = " ".join(settings["contracts"][0]["layers"])
    assert set(re.findall(r"[a-z_]+", floors)) == rooms
