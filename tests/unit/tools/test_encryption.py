"""Secrets from before their encryption are written again: once, all of them, or it is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embedded_cluster import cluster, encryption
from embedded_cluster.layout import Layout

SECRETS = {"kind": "List", "items": [{"metadata": {"name": name}} for name in ("a", "b")]}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A machine with a cluster from before; its kubectl keeps what it is told to replace."""
    layout = Layout(tmp_path)
    layout.record.parent.mkdir(parents=True)
    layout.record.write_text(json.dumps({"kubernetes": "1.34.4"}))
    kubectl = layout.programs / "bin/kubectl"
    kubectl.parent.mkdir(parents=True)
    (tmp_path / "answer").write_text("cat > replaced")
    kubectl.write_text(
        f"#!/bin/sh\ncd {tmp_path}\n"
        f"case \"$*\" in *'get secrets'*) echo '{json.dumps(SECRETS)}';; *) . ./answer;; esac\n"
    )
    kubectl.chmod(0o755)
    return layout


def test_they_are_written_again_once(layout: Layout) -> None:
    before = layout.record.read_text()
    assert cluster.encrypt_secrets(layout, check=True)
    assert layout.record.read_text() == before
    assert cluster.encrypt_secrets(layout, check=False)
    assert json.loads((layout.root / "replaced").read_text()) == SECRETS
    assert json.loads(layout.record.read_text())["kubernetes"] == "1.34.4"
    assert not cluster.encrypt_secrets(layout, check=False)


def test_another_writer_in_between_is_no_trouble(layout: Layout) -> None:
    conflict = "test -e once && exit 0; touch once; echo 'the object has been modified' >&2; exit 1"
    (layout.root / "answer").write_text(conflict)
    assert cluster.encrypt_secrets(layout, check=False)


def test_what_cannot_be_written_is_said_and_tried_again_by_the_next_run(layout: Layout) -> None:
    (layout.root / "answer").write_text("echo 'no room in etcd' >&2; exit 1")
    with pytest.raises(SystemExit, match="some are plain in etcd: no room in etcd"):
        cluster.encrypt_secrets(layout, check=False)
    assert cluster.encrypt_secrets(layout, check=True)


def test_without_a_cluster_nothing_is_due(tmp_path: Path) -> None:
    assert not cluster.encrypt_secrets(Layout(tmp_path), check=False)


def test_the_key_is_made_once_and_is_roots(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert encryption.make_key(layout)
    path = layout.configuration / encryption.ENCRYPTION
    made = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert not encryption.make_key(layout)
    assert path.read_text() == made
