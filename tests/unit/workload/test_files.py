"""Files between steps are whole or absent, and hold numbers only."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mnist_workload.errors import DataError, ForeignFileError, TruncatedFileError
from mnist_workload.files import load_arrays, save_arrays, save_json, written_whole


def test_arrays_come_back(tmp_path):
    path = tmp_path / "new" / "some.npz"
    save_arrays(path, ones=np.ones((2, 3), np.float32), bytes=np.arange(4, dtype=np.uint8))
    again = load_arrays(path)
    assert set(again) == {"ones", "bytes"}
    assert again["ones"].dtype == np.float32
    assert list(load_arrays(path, "bytes")) == ["bytes"]


def test_python_objects_are_refused_when_written(tmp_path):
    with pytest.raises(DataError, match="array bad holds Python objects"):
        save_arrays(tmp_path / "a.npz", bad=np.array([object()]))
    assert list(tmp_path.iterdir()) == []


def test_python_objects_are_refused_when_read(tmp_path):
    path = tmp_path / "pickled.npz"
    np.savez(path, bad=np.array([{"code": 1}], dtype=object))
    with pytest.raises(ForeignFileError, match=r"no \.npz file of numbers"):
        load_arrays(path)


def test_a_file_cut_short(tmp_path):
    path = tmp_path / "a.npz"
    save_arrays(path, many=np.arange(1000))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(TruncatedFileError, match=r"no whole \.npz"):
        load_arrays(path)


@pytest.mark.parametrize("content", [b"", b"text, not arrays"])
def test_a_file_of_another_kind(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises((TruncatedFileError, ForeignFileError), match=r"a\.npz"):
        load_arrays(path)


def test_a_lone_array_is_no_archive(tmp_path):
    path = tmp_path / "a.npz"
    with path.open("wb") as stream:
        np.save(stream, np.arange(3))
    with pytest.raises(ForeignFileError):
        load_arrays(path)


def test_an_array_that_is_missing(tmp_path):
    save_arrays(tmp_path / "a.npz", one=np.zeros(1))
    with pytest.raises(ForeignFileError, match="holds no array two"):
        load_arrays(tmp_path / "a.npz", "one", "two")


def test_a_file_that_is_missing_names_the_step(tmp_path):
    with pytest.raises(DataError, match="has the step that writes it run"):
        load_arrays(tmp_path / "none.npz")


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    save_json(path, {"old": True})

    def write_half():
        with written_whole(path) as stream:
            stream.write(b"{half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert json.loads(path.read_text()) == {"old": True}
    assert list(tmp_path.iterdir()) == [path]
