"""Whatever Routes say, the real router takes the rules that are made of them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import route_rules
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from platform_manifests import route, service
from real_router import RealRouter, running_router

from controllers.route.build.annotations import PREFIX
from controllers.serving_certificate.build.authority import KeyPair, create_authority, sign

DOMAIN = "apps.mnist-lab.localhost"
ODD = [
    "999999999d", "0", "-1", "1e9", "inf", "nan", "²s", "😀", "/😀", "{{ env `HOME` }}", "%zz",
    "$1", "${x}", "\\", "(", "[a", "a\x00b", "\ud800", "`", "10.0.0.0/99", "fe80::1%eth0", "::/0",
    "1.2.3", "0.0.0.0/0", "::ffff:1.2.3.4/120", "max-age=999999999999", "max-age=0;preload",
    "source", "random", "30s", "1us",
]  # fmt: skip
NAMES = (
    "timeout", "ip_allowlist", "ip_whitelist", "hsts_header", "rewrite-target", "balance",
    "disable_cookies", "rate-limit-connections", "rate-limit-connections.rate-http",
)  # fmt: skip
TEXT = st.sampled_from(ODD) | st.text(max_size=30)
HOSTS = st.sampled_from(
    [f"x.{DOMAIN}", "127.0.0.1", "a.b", "A.B", "x_y", "*.x", "a" * 64, "1"]
) | st.text("ab.-_1*`", max_size=10)
PATHS = (
    st.sampled_from(["/", "/a", "/a/", "//", "/a b", "/%zz", "/(", "/{x}", "/a`b", "/\\Q"]) | TEXT
)
TLS = st.fixed_dictionaries(
    {"termination": st.sampled_from(["edge", "reencrypt", "passthrough"])},
    optional={
        "insecureEdgeTerminationPolicy": st.sampled_from(["None", "Allow", "Redirect"]),
        "certificate": TEXT,
        "key": TEXT,
        "caCertificate": TEXT,
        "destinationCACertificate": TEXT,
    },
)
ROUTES = st.fixed_dictionaries(
    {
        "annotations": st.dictionaries(st.sampled_from(NAMES), TEXT, max_size=3),
        "spec": st.fixed_dictionaries({}, optional={"host": HOSTS, "path": PATHS, "tls": TLS}),
    }
)


@pytest.fixture(scope="module")
def authority() -> KeyPair:
    return create_authority([DOMAIN, "svc"])


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRouter]:
    with running_router(tmp_path_factory.mktemp("router")) as running:
        yield running


def rules_of(routes: list[dict[str, Any]], authority: KeyPair) -> dict[str, Any]:
    """What the controller makes of these Routes, each of a namespace of its own."""
    services = [
        service(one["metadata"]["name"], namespace=one["metadata"]["namespace"]) for one in routes
    ]
    default = sign(authority, [f"*.{DOMAIN}"])
    return route_rules.configure(
        routes,
        DOMAIN,
        services,
        authority=authority.certificate,
        default_certificate={"certFile": default.certificate, "keyFile": default.key},
    )


def told(router: RealRouter, kind: str) -> list[dict[str, Any]]:
    address = f"http://127.0.0.1:{router.ports['traefik']}/api/{kind}?per_page=10000"
    with urllib.request.urlopen(address, timeout=5) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


# Each example is a reload of the router: a failure is told as it was found.
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(st.lists(ROUTES, min_size=10, max_size=30))
def test_the_real_router_takes_what_is_made_of_any_routes(
    router: RealRouter, authority: KeyPair, written: list[dict[str, Any]]
) -> None:
    routes = [route("good", namespace="good", created="2026-01-01T00:00:00Z")]
    for number, one in enumerate(written):
        made = route("page", namespace=f"seat-{number}", **one["spec"])
        made["metadata"]["annotations"] = {
            PREFIX + name: text for name, text in one["annotations"].items()
        }
        routes.append(made)
    rules = rules_of(routes, authority)
    assert router.publish(rules), router.log.read_text(errors="replace")[-1000:]
    for kind in ("http/routers", "tcp/routers", "http/middlewares", "http/services"):
        found = {one["name"]: one for one in told(router, kind)}
        wrong = {name: one for name, one in found.items() if one.get("status") != "enabled"}
        assert not wrong, wrong
        group, section = kind.split("/")
        expected = rules.get(group, {}).get(section, {})
        assert {f"{name}@file" for name in expected} <= set(found)
