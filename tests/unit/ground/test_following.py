"""Whatever breaks on the way, a follower knows in the end what is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_ground.kubernetes import following
from lab_ground.kubernetes.errors import ApiError
from lab_ground.kubernetes.following import Follower
from lab_ground.kubernetes.manifest import Manifest


def thing(name: str, version: int) -> Manifest:
    return {"metadata": {"name": name, "resourceVersion": str(version)}}


@dataclass
class Api:
    """An API server in memory: what is there, all that happened, and what a watch does next.

    A step is ("set", name), ("gone", name), or a way in which the watch breaks.
    """

    steps: list[tuple[str, str]]
    version: int = 1
    things: dict[str, Manifest] = field(default_factory=dict)
    history: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    lists: int = 0
    follower: Follower | None = None

    def list_all(self) -> tuple[list[Manifest], str]:
        self.lists += 1
        if self.steps and self.steps[0][0] == "unlisted":
            self.steps.pop(0)
            raise ApiError(503, "Unavailable", "away")
        return list(self.things.values()), str(self.version)

    def happen(self, what: str, name: str) -> dict[str, Any] | None:
        if what == "gone" and name not in self.things:
            return None
        self.version += 1
        if what == "gone":
            self.things.pop(name)
        else:
            self.things[name] = thing(name, self.version)
        kind = "DELETED" if what == "gone" else "MODIFIED"
        event = {"type": kind, "object": thing(name, self.version)}
        self.history.append((self.version, event))
        return event

    def watch_from(self, version: str) -> Iterator[Manifest]:
        for at, event in list(self.history):
            if at > int(version):
                yield event
        while self.steps:
            what, name = self.steps.pop(0)
            match what:
                case "set" | "gone":
                    if event := self.happen(what, name):
                        yield event
                case "bookmark":
                    yield {"type": "BOOKMARK", "object": thing("", self.version)}
                case "unseen":
                    # It happens while nobody watches, and the watch ends.
                    self.happen("set", name)
                    return
                case "ended":
                    return
                case "too old":
                    self.happen("set", name)
                    self.history.clear()
                    error = {"code": 410, "message": "too old resource version"}
                    yield {"type": "ERROR", "object": error}
                case "refused":
                    raise ApiError(403, "Forbidden", "no")
                case "broken":
                    raise ConnectionResetError("reset by peer")
                case "nonsense":
                    raise ValueError("no JSON")
        assert self.follower is not None
        self.follower.stop()


@dataclass
class Known:
    things: set[str] = field(default_factory=set)
    lost: int = 0

    def listed(self, things: list[Manifest]) -> None:
        self.things = {item["metadata"]["name"] for item in things}

    def changed(self, item: Manifest, gone: bool) -> None:
        (self.things.discard if gone else self.things.add)(item["metadata"]["name"])

    def lose(self) -> None:
        self.lost += 1


def follow(steps: list[tuple[str, str]]) -> tuple[Api, Known]:
    api, known = Api(steps), Known()
    api.follower = Follower(
        "things", api, listed=known.listed, changed=known.changed, lost=known.lose
    )
    api.follower.run()
    return api, known


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "FIRST_DELAY", 0.0)
    monkeypatch.setattr(following, "LONGEST_DELAY", 0.0)


KINDS = ["set", "set", "gone", "bookmark", "unseen", "ended", "too old", "refused", "broken",
         "nonsense", "unlisted"]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from("abc")), max_size=25))
def test_in_the_end_it_knows_what_is_there(steps: list[tuple[str, str]]) -> None:
    api, known = follow([step for step in steps if step[0] != "unlisted"])
    assert known.things == set(api.things)


def test_a_watch_that_the_server_ends_is_gone_on_with() -> None:
    api, known = follow([("set", "a"), ("ended", ""), ("set", "b"), ("unseen", "c")])
    assert api.lists == 1
    assert known.things == {"a", "b", "c"}
    assert known.lost == 0


def test_too_old_is_listed_again_at_once_and_a_break_is_told() -> None:
    api, known = follow([("too old", "a")])
    assert (api.lists, known.lost) == (2, 0)
    api, known = follow([("set", "a"), ("broken", ""), ("unlisted", ""), ("gone", "a")])
    assert (api.lists, known.lost, known.things) == (3, 2, set())
