"""A file is the old one or the new one, whatever happens in between."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab_ground.files import write_json, write_whole, written_whole


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_a_file_has_its_content_and_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "below" / "file"
    write_whole(path, "größe\n", mode)
    write_whole(path, b"\x00\xff", mode)
    assert path.read_bytes() == b"\x00\xff"
    assert path.stat().st_mode & 0o777 == mode
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_without_a_mode_the_former_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, "new", None)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    write_whole(path, "newer", None)
    assert path.stat().st_mode & 0o777 == 0o640


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.integers(0, 200), st.booleans())
def test_a_writer_that_fails_leaves_the_former_file(
    tmp_path: Path, content: bytes, after: int, durable: bool
) -> None:
    path = tmp_path / "file"
    write_whole(path, b"former")

    def begin() -> None:
        with written_whole(path, durable=durable) as stream:
            stream.write(content[:after])
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        begin()
    assert path.read_bytes() == b"former"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_readers_see_one_of_both(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"number": 0, "padding": "x" * 5000})
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            write_json(path, {"number": number, "padding": "y" * 5000})

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(300):
            assert len(json.loads(path.read_text())["padding"]) == 5000
    finally:
        stop.set()
        thread.join()
