"""The comparison of defaults and argument_specs finds each kind of difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_checks.role_arguments import differences


@pytest.fixture
def role(tmp_path: Path) -> Path:
    """A role whose parts agree."""
    path = tmp_path / "example"
    for name, text in {
        "README.md": "# example\n",
        "defaults/main.yml": 'example_size: 3\nexample_name: "{{ other }}"\n',
        "meta/argument_specs.yml": (
            "argument_specs:\n  main:\n    options:\n"
            "      example_size: {type: int, default: 3}\n      example_name: {type: str}\n"
        ),
        "tasks/main.yml": "---\n",
    }.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


def test_agreement(role: Path) -> None:
    assert differences(role) == []


@pytest.mark.parametrize(("file", "text", "told"), [
    ("defaults/main.yml", "example_size: 3\nexample_new: 1\n", "example_new has a default and no"),
    ("defaults/main.yml", "example_size: 4\n", "defaults to 4, specified 3"),
    ("defaults/main.yml", "example_size: big\n", "is of type int"),
    ("defaults/main.yml", "example_size: true\n", "is of type int"),
    ("defaults/main.yml", "example_name: x\n", "example_size is specified with a default"),
    ("tasks/main.yml", "#\n" * 80, "80 lines"),
    ("README.md", "# example\n\n| variable | default |\n", "repeats meta/argument_specs.yml"),
])  # fmt: skip
def test_difference(role: Path, file: str, text: str, told: str) -> None:
    (role / file).write_text(text)
    assert any(told in line for line in differences(role))


def test_a_missing_file(role: Path) -> None:
    (role / "README.md").unlink()
    assert differences(role) == ["example: README.md is missing"]
