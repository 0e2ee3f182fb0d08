"""Programs are installed once, as they are in the cache, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded_cluster.install import install, link


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A set of binaries in the cache, with what else lies there."""
    path = tmp_path / "source"
    path.mkdir()
    (path / "kube").write_text("program")
    (path / "kubelet").symlink_to("kube")
    (path / "manifest.json").write_text("{}")
    (path / "images-0123.tar").write_text("images")
    return path


def test_only_what_differs_is_installed(source: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    assert install(source, programs, check=True) == ["kube", "kubelet"]
    assert not programs.exists()
    assert install(source, programs, check=False) == ["kube", "kubelet"]
    assert install(source, programs, check=False) == []
    (source / "kube").unlink()
    (source / "kube").write_text("newer program")
    assert install(source, programs, check=False) == ["kube"]
    assert (programs / "kubelet").read_text() == "newer program"
    assert sorted(path.name for path in programs.iterdir()) == ["kube", "kubelet"]


def test_a_program_of_another_origin_keeps_its_name(tmp_path: Path) -> None:
    directory = tmp_path / "local"
    directory.mkdir()
    (directory / "kubectl").write_text("somebody else's")
    made = link(["kubectl", "oc"], tmp_path / "bin", directory, check=False)
    assert made == [str(directory / "oc")]
    assert (directory / "kubectl").read_text() == "somebody else's"
    assert link(["oc"], tmp_path / "bin", directory, check=False) == []
