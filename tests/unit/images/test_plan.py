"""The space that is needed, on each file system, also where images are only delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lab_images import __main__ as command
from lab_images.catalogue import settings_from
from lab_images.delivery import Containerd
from lab_images.layout import Layout, Record

RECORD = Record("x", "k", "sha256:m", 1, "i", 1, 1)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """A containerd that answers and holds nothing."""
    monkeypatch.setattr(Containerd, "is_up", lambda self: True)
    monkeypatch.setattr(Containerd, "images", lambda self: {})


def plan(data: dict[str, Any], **more: str) -> dict[str, Any]:
    settings = settings_from({**data, "containerd": "/run/x.sock", **more})
    return command.plan(command.open_workshop(settings, []), check=False)


@pytest.mark.usefixtures("cluster")
def test_one_file_system_needs_the_sum(data: dict[str, Any], tree: Path) -> None:
    [disk] = plan(data, containerd_root=str(tree / "containerd"))["disks"]
    assert disk["path"] == data["cache"]
    assert disk["needed_gb"] == pytest.approx(4 * 1.4, abs=0.1)
    assert disk["free_gb"] > 0


@pytest.mark.usefixtures("cluster")
def test_two_file_systems_need_their_own(data: dict[str, Any]) -> None:
    cache, containerd = plan(data, containerd_root="/proc/there/is/no/space")["disks"]
    assert (cache["needed_gb"], containerd["needed_gb"]) == (2.8, 2.8)
    assert (containerd["path"], containerd["free_gb"]) == ("/proc/there/is/no/space", 0.0)


@pytest.mark.usefixtures("cluster")
def test_delivery_alone_needs_space_too(
    data: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Layout, "find", lambda self, name, key: RECORD)
    found = plan(data, containerd_root="/proc/full")
    assert found["build"] == []
    assert found["deliver"] == ["base", "app"]
    assert [disk["path"] for disk in found["disks"]] == ["/proc/full"]


def test_nothing_to_do_needs_nothing(data: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Layout, "find", lambda self, name, key: RECORD)
    settings = settings_from(data)
    assert command.plan(command.open_workshop(settings, []), check=True)["disks"] == []


def test_the_role_looks_at_every_file_system_whatever_is_due(repository: Path) -> None:
    tasks = yaml.safe_load((repository / "roles/lab_images/tasks/preflight.yml").read_text())
    [space] = [task for task in tasks if "space" in task["name"]]
    assert space["loop"] == "{{ __lab_images_plan.disks }}"
    assert "when" not in space
