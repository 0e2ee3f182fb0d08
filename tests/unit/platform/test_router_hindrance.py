"""Rules that the real router does not take: it goes on without the Routes that they are of."""

from __future__ import annotations

import copy
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_router import RealRouter, running_router

from router.__main__ import Replacer, Trial
from router.rules import decode, encode, marked, parts_of, settle, without

# Longer than Traefik can read: its whole file is refused for it.
TOO_LONG = {"forwardingTimeouts": {"responseHeaderTimeout": "999999999999h"}}


def rules(*good: str, bad: tuple[str, ...] = ()) -> dict[str, Any]:
    """The rules of some Routes; the bad ones have a transport that cannot be read."""
    built: dict[str, Any] = {"routers": {}, "services": {}, "serversTransports": {}}
    for name in (*good, *bad):
        built["routers"][f"seat_{name}"] = {
            "rule": f"Host(`{name}.test`)",
            "service": f"seat_{name}",
            "entryPoints": ["web"],
        }
        balancer: dict[str, Any] = {"servers": [{"url": "http://127.0.0.1:9"}]}
        if name in bad:
            built["serversTransports"][f"seat_{name}_x"] = TOO_LONG
            balancer["serversTransport"] = f"seat_{name}_x"
        built["services"][f"seat_{name}"] = {"loadBalancer": balancer}
    return {"http": {section: one for section, one in built.items() if one}}


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRouter]:
    with running_router(tmp_path_factory.mktemp("router")) as running:
        yield running


@pytest.fixture
def replacer(router: RealRouter) -> Replacer:
    assert router.publish(rules("first"))
    return Replacer(router.rules, Trial(f"http://127.0.0.1:{router.ports['traefik']}", 0.7).taken)


def knows(router: RealRouter, name: str) -> bool:
    address = f"http://127.0.0.1:{router.ports['traefik']}/api/http/routers/seat_{name}@file"
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(json.load(answer)["status"] == "enabled")
    except urllib.error.HTTPError:
        return False


def test_the_others_go_on_and_new_ones_come(router: RealRouter, replacer: Replacer) -> None:
    good = [f"good-{number}" for number in range(5)]
    wanted = encode(marked(rules("first", *good, bad=("bad-1", "bad-2"))))
    assert not replacer.replace(wanted)
    assert replacer.left_out == {"seat_bad-1", "seat_bad-2"}
    assert all(knows(router, name) for name in ("first", *good))
    assert not knows(router, "bad-1")
    later = encode(marked(rules("first", *good, "later", bad=("bad-1", "bad-2"))))
    assert not replacer.replace(later)
    assert knows(router, "later")
    assert replacer.replace(encode(marked(rules("first", *good, "bad-1"))))
    assert replacer.left_out == set()
    assert knows(router, "bad-1")


def test_rules_that_nobody_is_to_blame_for_are_taken_back(
    router: RealRouter, replacer: Replacer
) -> None:
    broken = rules("first", "second")
    broken["http"]["serversTransports"] = {"seat_first_x": TOO_LONG}
    service = broken["http"]["services"]["seat_first"]["loadBalancer"]
    service["serversTransport"] = "seat_first_x"
    broken["http"]["odd"] = 7
    assert not replacer.replace(encode(marked(broken)))
    assert knows(router, "first")


def test_a_router_that_starts_with_such_rules_takes_the_others(tmp_path: Any) -> None:
    with running_router(tmp_path) as fresh:
        trial = Trial(f"http://127.0.0.1:{fresh.ports['traefik']}", 0.7)
        replacer = Replacer(fresh.rules, trial.taken)
        assert not replacer.replace(encode(marked(rules("one", bad=("two",)))))
        assert knows(fresh, "one")


@given(
    st.sets(st.integers(0, 30)),
    st.sets(st.integers(0, 30)),
    st.sets(st.integers(0, 30), max_size=5),
)
def test_exactly_what_hinders_is_left_out(old: set[int], new: set[int], bad: set[int]) -> None:
    """Whatever was there before, and however many hinder."""
    former = rules(*(str(number) for number in old - bad))
    wanted = rules(
        *(str(number) for number in new - bad), bad=tuple(str(number) for number in new & bad)
    )
    attempts = []

    def attempt(some: dict[str, Any]) -> bool:
        attempts.append(some)
        return "serversTransports" not in some.get("http", {})

    assert settle(former, wanted, attempt) == {f"seat_{number}" for number in new & bad}
    assert set(parts_of(attempts[-1])) == {f"seat_{number}" for number in new - bad}


@given(st.text(max_size=40))
def test_what_was_written_is_read(text: str) -> None:
    clean = text.encode("utf-8", "replace").decode()
    assert decode(encode({"http": {"text": clean}})) == {"http": {"text": clean}}


def test_leaving_out_changes_nothing_else() -> None:
    whole = rules("one", "two", bad=("three",))
    before = copy.deepcopy(whole)
    assert without(whole, {"seat_three"}) == marked(rules("one", "two"))
    assert whole == before
