"""The archive is what containerd imports, and equal input gives equal layers."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from embedded_cluster import kube_images

TAGS = dict.fromkeys(
    (
        "coredns",
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-network-policy",
        "kube-proxy",
        "kube-scheduler",
        "local-path-provisioner",
        "pause",
        "tools",
    ),
    "v1",
)


@pytest.fixture
def binaries(tmp_path: Path) -> Path:
    """Programs in the layout of a build."""
    path = tmp_path / "binaries"
    path.mkdir()
    for name in ("kube", "pause", "local-path-provisioner", "kube-network-policy"):
        (path / name).write_text(f"program {name}")
    return path


@pytest.fixture(autouse=True)
def small_host_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the shell of this machine, since iptables need not be installed here."""
    program, link = Path("/usr/bin/env"), Path("/usr/bin/other")
    monkeypatch.setattr(kube_images, "host_files", lambda: ({program}, {link: program}))


def write(binaries: Path, output: Path) -> tarfile.TarFile:
    """Write the archive and open it."""
    kube_images.write_archive(output, binaries, kube_images.images("lab.local/kube", TAGS))
    return tarfile.open(output)


def read(archive: tarfile.TarFile, name: str) -> bytes:
    """One file of the archive."""
    stream = archive.extractfile(name)
    assert stream is not None
    return stream.read()


def test_every_image_is_listed_with_its_layers(binaries: Path, tmp_path: Path) -> None:
    archive = write(binaries, tmp_path / "images.tar")
    manifest = json.loads(read(archive, "manifest.json"))
    assert {tag for entry in manifest for tag in entry["RepoTags"]} == {
        f"lab.local/kube/{name}:v1" for name in TAGS
    }
    for entry in manifest:
        config = json.loads(read(archive, entry["Config"]))
        digests = [
            "sha256:" + hashlib.sha256(read(archive, layer)).hexdigest()
            for layer in entry["Layers"]
        ]
        assert config["rootfs"]["diff_ids"] == digests


def test_components_are_names_of_one_binary(binaries: Path, tmp_path: Path) -> None:
    archive = write(binaries, tmp_path / "images.tar")
    layer = next(name for name in archive.getnames() if name.endswith("/kube.tar"))
    with tarfile.open(fileobj=archive.extractfile(layer)) as kube:
        assert kube.getmember("usr/local/bin/kube-apiserver").linkname == "kube"
        assert kube.getmember("usr/local/bin/kube").mode == 0o755


def test_separate_binaries_of_a_release_do_as_well(binaries: Path, tmp_path: Path) -> None:
    (binaries / "kube").unlink()
    for name in kube_images.KUBE_COMPONENTS:
        (binaries / name).write_text(name)
    archive = write(binaries, tmp_path / "images.tar")
    layer = next(name for name in archive.getnames() if name.endswith("/kube.tar"))
    with tarfile.open(fileobj=archive.extractfile(layer)) as kube:
        assert kube.getmember("usr/local/bin/kube-apiserver").isfile()


def test_the_same_input_gives_the_same_archive(binaries: Path, tmp_path: Path) -> None:
    write(binaries, tmp_path / "one.tar").close()
    write(binaries, tmp_path / "two.tar").close()
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_pause_is_small_and_alone(binaries: Path, tmp_path: Path) -> None:
    archive = write(binaries, tmp_path / "images.tar")
    manifest = json.loads(read(archive, "manifest.json"))
    pause = next(e for e in manifest if e["RepoTags"] == ["lab.local/kube/pause:v1"])
    assert len(pause["Layers"]) == 1
    assert json.loads(read(archive, pause["Config"]))["config"]["Entrypoint"] == ["/pause"]
