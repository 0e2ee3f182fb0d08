"""What a checkout makes of the cluster that it finds on the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded_cluster import cluster, machine
from embedded_cluster.layout import Layout

WANTED = {"kubernetes": "1.34.4"}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A machine without a cluster."""
    return Layout(tmp_path)


@pytest.fixture
def recorded(layout: Layout) -> Layout:
    """A machine with a finished cluster of the wanted make."""
    cluster.write_json(layout.record, {**WANTED, "recipe": str(cluster.RECIPE)})
    return layout


def test_no_cluster(layout: Layout) -> None:
    assert cluster.inspect(layout, WANTED)["state"] == "absent"


def test_an_unfinished_one(layout: Layout) -> None:
    layout.configuration.mkdir(parents=True)
    (layout.kubernetes / "manifests").mkdir(parents=True)
    assert cluster.inspect(layout, WANTED)["state"] == "unfinished"


@pytest.mark.parametrize(("supervised", "health", "state"), [
    (True, "ok", "healthy"),
    (True, "connection refused", "unhealthy"),
    (False, "ok", "stopped"),
])  # fmt: skip
def test_one_of_the_wanted_make(
    supervised: bool, health: str, state: str, recorded: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "supervised", lambda _: supervised)
    monkeypatch.setattr(cluster, "api_health", lambda _: health)
    assert cluster.inspect(recorded, WANTED)["state"] == state


def test_another_version_is_told_in_words(recorded: Layout) -> None:
    found = cluster.inspect(recorded, {"kubernetes": "1.35.0"})
    assert found["state"] == "incompatible"
    assert found["differences"] == ["kubernetes is 1.34.4 and 1.35.0 is wanted"]


def test_a_damaged_record_counts_as_none(recorded: Layout) -> None:
    recorded.record.write_text("{")
    assert cluster.read_record(recorded) is None


def test_the_kubeconfig_is_private_and_points_at_loopback(layout: Layout, tmp_path: Path) -> None:
    layout.kubernetes.mkdir(parents=True)
    layout.admin_kubeconfig.write_text(
        "clusters:\n- cluster:\n    server: https://10.245.0.1:6443\n"
    )
    target = tmp_path / "state/kubeconfig"
    assert cluster.write_kubeconfig(layout, target, check=True)
    assert not target.exists()
    assert cluster.write_kubeconfig(layout, target, check=False)
    assert "    server: https://127.0.0.1:6443\n" in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o600
    assert not cluster.write_kubeconfig(layout, target, check=False)
