"""The cache of finished images: layers are kept once, and the newest images stay."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from base64 import b64encode
from pathlib import Path

import pytest

from lab_images.catalogue import ImageError
from lab_images.delivery import Containerd
from lab_images.layout import Layout, Record
from lab_images.storage import Storage

FAKE_CTR = """#!/bin/sh
case "$*" in
*"content list"*) cat "$FAKE_CONTENT" ;;
*"images import"*) cat >"$FAKE_TAKEN"; exit "${FAKE_STATUS:-0}" ;;
*) echo ok ;;
esac
"""


class Store:
    """A store as buildah leaves it, made by hand."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layers: list[dict[str, object]] = []
        self.images: list[dict[str, object]] = []
        (root / "overlay-images").mkdir(parents=True)
        (root / "overlay-layers").mkdir()

    def add_layer(self, name: str, content: bytes, parent: str = "") -> str:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            entry = tarfile.TarInfo("file")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        data = stream.getvalue()
        start = data.index(content)
        recording = [
            {"type": 2, "payload": b64encode(data[:start]).decode(), "position": 0},
            {"type": 1, "name": "file", "size": len(content), "position": 1},
            {"type": 2, "payload": b64encode(data[start + len(content) :]).decode(), "position": 2},
        ]
        files = self.root / "overlay" / name / "diff"
        files.mkdir(parents=True)
        (files / "file").write_bytes(content)
        with gzip.open(self.root / f"overlay-layers/{name}.tar-split.gz", "wt") as output:
            output.writelines(json.dumps(entry) + "\n" for entry in recording)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        layer = {"id": name, "diff-digest": digest, "diff-size": len(data)}
        if parent:
            layer["parent"] = parent
        self.layers.append(layer)
        (self.root / "overlay-layers/layers.json").write_text(json.dumps(self.layers))
        return digest

    def add_image(self, layer: str, diff_ids: list[str]) -> str:
        config = json.dumps({"rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
        image_id = hashlib.sha256(config).hexdigest()
        directory = self.root / "overlay-images" / image_id
        directory.mkdir()
        name = "=" + b64encode(f"sha256:{image_id}".encode()).decode()
        (directory / name).write_bytes(config)
        self.images.append({"id": image_id, "layer": layer})
        (self.root / "overlay-images/images.json").write_text(json.dumps(self.images))
        return image_id


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "storage")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


@pytest.fixture
def image_id(store: Store) -> str:
    """An image of two layers."""
    lower = store.add_layer("lower", b"l" * 5000)
    upper = store.add_layer("upper", b"u" * 700, parent="lower")
    return store.add_image("upper", [lower, upper])


def export(layout: Layout, store: Store, image_id: str, key: str = "k1") -> Record:
    return layout.export(Storage(store.root), "app", key, image_id)


def test_exported_image_is_whole(layout: Layout, store: Store, image_id: str) -> None:
    record = export(layout, store, image_id)
    assert layout.find("app", "k1") == record
    for digest in layout.blobs_of(record):
        content = layout.blob(digest).read_bytes()
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest


def test_shared_layers_are_read_once(layout: Layout, store: Store, image_id: str) -> None:
    first = export(layout, store, image_id)
    lower = str(store.layers[0]["diff-digest"])
    other = store.add_layer("other", b"o" * 100, parent="lower")
    (store.root / "overlay/lower/diff/file").unlink()
    second = export(layout, store, store.add_image("other", [lower, other]), "k2")
    assert set(layout.blobs_of(first)) & set(layout.blobs_of(second))


def test_damaged_layer_is_refused(layout: Layout, store: Store, image_id: str) -> None:
    (store.root / "overlay/upper/diff/file").write_bytes(b"x" * 700)
    with pytest.raises(ImageError, match="damaged"):
        export(layout, store, image_id)
    assert layout.find("app", "k1") is None
    assert not list(layout.root.rglob("*.part"))


def test_image_with_a_lost_blob_counts_as_missing(
    layout: Layout, store: Store, image_id: str
) -> None:
    record = export(layout, store, image_id)
    layout.blob(layout.blobs_of(record)[-1]).unlink()
    assert layout.find("app", "k1") is None


def test_only_the_newest_images_are_kept(layout: Layout, store: Store, image_id: str) -> None:
    lower = str(store.layers[0]["diff-digest"])
    for number in range(4):
        digest = store.add_layer(f"n{number}", bytes([65 + number]) * 300, parent="lower")
        record = export(layout, store, store.add_image(f"n{number}", [lower, digest]), f"k{number}")
        moment = 1_700_000_000 + number
        os.utime(layout.root / "images" / f"app-k{number}.json", (moment, moment))
    forgotten = layout.prune({"app": "k0"})
    assert {entry.key for entry in forgotten} == {"k1"}
    assert layout.find("app", "k0")
    assert layout.find("app", "k3") == record
    used = {
        digest
        for key in ("k0", "k2", "k3")
        if (found := layout.find("app", key))
        for digest in layout.blobs_of(found)
    }
    assert {f"sha256:{path.name}" for path in layout.blobs.iterdir()} == used


@pytest.fixture
def containerd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Containerd:
    """A containerd that keeps what it was sent."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ctr").write_text(FAKE_CTR)
    (tools / "ctr").chmod(0o755)
    (tmp_path / "content").write_text("")
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_CONTENT", str(tmp_path / "content"))
    monkeypatch.setenv("FAKE_TAKEN", str(tmp_path / "taken.tar"))
    return Containerd(str(tmp_path / "content"))


def test_only_missing_layers_are_sent(
    layout: Layout, store: Store, image_id: str, containerd: Containerd, tmp_path: Path
) -> None:
    record = export(layout, store, image_id)
    manifest, config, lower, upper = layout.blobs_of(record)
    (tmp_path / "content").write_text(f"{lower}\n")
    sent = containerd.take(layout, {"registry.example/images/app:1.0": record})
    with tarfile.open(tmp_path / "taken.tar") as archive:
        names = archive.getnames()
        member = archive.extractfile("index.json")
        assert member is not None
        index = json.loads(member.read())
    blobs = {f"sha256:{Path(name).name}" for name in names if name.startswith("blobs/")}
    assert blobs == {manifest, config, upper}
    assert sent == sum(layout.blob(digest).stat().st_size for digest in blobs)
    [entry] = index["manifests"]
    assert entry["digest"] == manifest
    assert entry["annotations"] == {"io.containerd.image.name": "registry.example/images/app:1.0"}


def test_refused_import_is_an_error(
    layout: Layout,
    store: Store,
    image_id: str,
    containerd: Containerd,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = export(layout, store, image_id)
    monkeypatch.setenv("FAKE_STATUS", "1")
    with pytest.raises(ImageError, match="refused"):
        containerd.take(layout, {"registry.example/images/app:1.0": record})
