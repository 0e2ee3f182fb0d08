"""The access file is refused with a sentence when it is not what the checks need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab_validation.access import REQUIRED, AccessError, read_access


def whole() -> dict[str, object]:
    values: dict[str, object] = {}
    for key in REQUIRED:
        *parents, last = key.split(".")
        target = values
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = "seat-1/model-mesh" if key == "inference.token_secret" else f"value of {key}"
    return values


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    access = read_access(write(tmp_path / "access.json", json.dumps(whole())))
    assert access.get("webapp.url") == "value of webapp.url"
    assert access.namespace == "seat-1"
    with pytest.raises(AccessError, match=r"no webapp\.colour"):
        access.get("webapp.colour")


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match=r"run \./lab up"):
        read_access(tmp_path / "access.json")


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="chmod 600"):
        read_access(write(tmp_path / "access.json", json.dumps(whole()), 0o644))


def test_a_lacking_key_is_named(tmp_path: Path) -> None:
    values = whole()
    values["s3"] = {"url": "https://x"}
    with pytest.raises(AccessError, match=r"lacks s3\.secret"):
        read_access(write(tmp_path / "access.json", json.dumps(values)))


def test_broken_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="is not JSON"):
        read_access(write(tmp_path / "access.json", "{"))
