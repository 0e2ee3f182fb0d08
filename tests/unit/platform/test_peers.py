"""Who comes in by the policies that the controllers make: pods that are named, no namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from platform_manifests import notebook

from controllers.model_serving.build import common
from controllers.notebook import build as workbench
from lab_ground.kubernetes import peers


def policies() -> Iterator[dict[str, Any]]:
    yield from workbench.build_network_policies(notebook("notebook"))
    for authorised in (True, False):
        yield common.build_network_policy(
            {"name": "server"},
            {"app": "server"},
            authorised=authorised,
            rules=[common.metrics_rule()],
        )


def callers(policy: dict[str, Any]) -> list[dict[str, Any]]:
    return [peer for rule in policy["spec"]["ingress"] for peer in rule.get("from") or ()]


def test_nobody_comes_in_for_the_namespace_that_he_is_in() -> None:
    named = [peer for policy in policies() for peer in callers(policy)]
    assert named
    for peer in named:
        if "namespaceSelector" in peer:
            assert peer["podSelector"]["matchLabels"], peer


def test_the_router_comes_to_ports_without_a_proxy_only() -> None:
    open_, closed = (
        common.build_network_policy({}, {}, authorised=authorised, rules=[])
        for authorised in (False, True)
    )
    assert peers.router() in callers(open_)
    assert peers.router() not in callers(closed)


@pytest.mark.parametrize("policy", workbench.build_network_policies(notebook("notebook")))
def test_the_router_does_not_come_to_a_workbench_past_its_proxy(policy: dict[str, Any]) -> None:
    assert peers.router() not in callers(policy)
