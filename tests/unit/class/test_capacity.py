"""What fits is told before anything is made: never more than the nodes have."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_class.capacity import (
    COSTS,
    GIB,
    Amount,
    cost_of,
    fitting,
    measure,
    quantity,
    report,
    requested,
    takes_pods,
)


def node(cpu: str = "2", memory: str = "8Gi", name: str = "one", **spec: object) -> dict:
    return {
        "metadata": {"name": name},
        "spec": spec,
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "allocatable": {"cpu": cpu, "memory": memory, "pods": "110"},
        },
    }


def pod(
    cpu: str, memory: str, namespace: str = "x", on: str = "one", phase: str = "Running"
) -> dict:
    return {
        "metadata": {"namespace": namespace, "name": "p"},
        "spec": {"nodeName": on, "containers": [
            {"resources": {"requests": {"cpu": cpu, "memory": memory}}}]},
        "status": {"phase": phase},
    }  # fmt: skip


@pytest.mark.parametrize(("text", "value"), [
    ("100m", "0.1"), ("2", "2"), ("1.5Gi", str(3 * 2**29)), ("1e3", "1000"), ("8G", "8000000000"),
    (None, "0"), ("many", "0"), ("1Xi", "0"),
])  # fmt: skip
def test_quantities_are_read_as_kubernetes_does(text: str | None, value: str) -> None:
    assert quantity(text) == Decimal(value)


@given(st.integers(0, 64000), st.integers(0, 512), st.lists(
    st.tuples(st.integers(0, 4000), st.integers(0, 16)), max_size=6),
    st.sampled_from(sorted(COSTS)))  # fmt: skip
def test_what_fits_is_never_more_than_there_is(
    cpu: int, memory: int, pods: list[tuple[int, int]], step: str
) -> None:
    busy = [pod(f"{milli}m", f"{gib}Gi") for milli, gib in pods]
    (found,) = measure([node(f"{cpu}m", f"{memory}Gi")], busy)
    count = fitting([found], step)
    used = cost_of(step).times(count)
    if count:
        assert used.cpu <= found.free.cpu + 1e-3
        assert used.memory <= found.free.memory + 1e-3
    one_more = cost_of(step).times(count + 1)
    assert (
        one_more.cpu > found.free.cpu
        or one_more.memory > found.free.memory
        or one_more.pods > found.free.pods
    )


@given(st.integers(0, 40))
def test_a_seat_more_on_the_nodes_leaves_no_more_room(seats: int) -> None:
    names = [f"mnist-{number}" for number in range(seats)]
    before = fitting(measure([node("8", "64Gi")], [], names), "workbench")
    after = fitting(measure([node("8", "64Gi")], [], [*names, "another"]), "workbench")
    assert after <= before


def test_a_seat_counts_with_what_it_takes_where_that_is_more_than_it_asks() -> None:
    (found,) = measure([node()], [pod("10m", "1Mi", "mnist-1")], ["mnist-1"])
    assert found.free.cpu == pytest.approx(2000 - COSTS["workbench"].cpu)
    (found,) = measure([node()], [pod("1", "1Gi", "mnist-1")], ["mnist-1"])
    assert found.free.cpu == pytest.approx(1000)
    assert found.free.memory == pytest.approx(7 * GIB)


def test_pods_that_ended_and_nodes_that_take_none_do_not_count() -> None:
    (found,) = measure([node(), node(name="two", unschedulable=True)],
                       [pod("1", "1Gi", phase="Succeeded"), pod("1", "1Gi", on="two")])  # fmt: skip
    assert found.free.cpu == 2000
    assert not takes_pods(node(taints=[{"effect": "NoSchedule"}]))


def test_init_containers_count_by_the_largest_and_sidecars_with_the_rest() -> None:
    wanted = pod("100m", "1Gi")
    wanted["spec"]["initContainers"] = [
        {"resources": {"requests": {"cpu": "500m"}}},
        {"restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}},
    ]
    assert requested(wanted).cpu == 500
    assert requested(wanted).memory == GIB


def test_the_report_has_the_numbers_and_what_thirty_would_need() -> None:
    nodes = measure([node()], [pod("1", "2Gi")])
    lines = " ".join(report(nodes, "workbench", 30))
    assert "1 node with 2.00 cores and 8.00 GiB, of which 1.00 cores and 6.00 GiB are free" in lines
    assert "6 more with workbenches" in lines
    assert "2 more served" in lines
    assert "30 seats need 4.80 cores and 19.50 GiB: 3.8 cores and 14 GiB of memory" in lines
    assert "room for 11 pods more than there is" in lines
    assert "114 GiB" in lines


def test_nothing_fits_where_more_is_asked_than_there_is() -> None:
    assert Amount(-5, GIB, 10).holds(COSTS["project"]) == 0
