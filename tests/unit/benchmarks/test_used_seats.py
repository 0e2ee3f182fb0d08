"""How many seats can serve a model is read from the machine, and each is used in the same way."""

from __future__ import annotations

import json
from types import SimpleNamespace as Thing
from typing import Any
from unittest import mock

import pytest
import used_seats


def pod(cpu: str, phase: str = "Running") -> Thing:
    container = Thing(resources=Thing(requests={"cpu": cpu}))
    bare = Thing(resources=Thing(requests=None))
    return Thing(status=Thing(phase=phase), spec=Thing(containers=[container, bare]))


def machine(cpu: str, *pods: Thing) -> mock.MagicMock:
    core = mock.MagicMock()
    core.list_node.return_value.items = [Thing(status=Thing(allocatable={"cpu": cpu}))]
    core.list_pod_for_all_namespaces.return_value.items = list(pods)
    return core


@pytest.mark.parametrize(
    ("cpu", "pods", "servers"),
    [
        ("2", [pod("635m"), pod("500m")], 10),
        ("2", [pod("635m"), pod("500m"), pod("1", "Succeeded")], 10),
        ("1500m", [pod("1")], 5),
        ("1", [pod("1")], 0),
    ],
)
def test_the_room_is_what_nobody_has_reserved(cpu: str, pods: list[Thing], servers: int) -> None:
    assert used_seats.room(machine(cpu, *pods)) == servers


def test_every_seat_is_written_to_and_as_many_served_as_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(used_seats.client, "CoreV1Api", mock.MagicMock())
    monkeypatch.setattr(used_seats, "room", lambda _: 2)
    monkeypatch.setattr(used_seats, "write_files", lambda _, seats, image: asked.append(seats))
    monkeypatch.setattr(used_seats, "copy_model", lambda seats, *_: asked.append(seats))
    monkeypatch.setattr(used_seats, "run_lab", lambda *words: asked.append(json.loads(words[-1])))
    seats = ["bench-1", "bench-2", "bench-3"]
    assert used_seats.use(seats, mock.MagicMock(), mock.MagicMock()) == 2
    assert asked[:2] == [seats, seats]
    assert asked[2]["lab_seats"] == ["bench-1", "bench-2"]
