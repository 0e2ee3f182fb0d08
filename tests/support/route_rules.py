"""What the controller makes of Routes, from their rules to the router's configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controllers.route.build import claims, configuration
from controllers.route.build.backends import backends_of

DEFAULT = {"certFile": "default certificate", "keyFile": "default key"}


def configure(
    routes: Sequence[Mapping[str, Any]],
    domain: str,
    services: Sequence[Mapping[str, Any]] = (),
    slices: Mapping[Any, Any] | None = None,
    *,
    authority: str = "the authority",
    default_certificate: Mapping[str, str] = DEFAULT,
    requests: int = 0,
) -> dict[str, Any]:
    """The configuration of those that can be used and are admitted, each in its own namespace."""
    known = {claims.key_of(one): one for one in services}
    rules, refused = {}, {}
    for one in routes:
        key, host = claims.key_of(one), claims.wanted_host(one, domain)
        try:
            backends = backends_of(one, known, slices or {})
            rules[key] = configuration.rules_of(one, host, backends, authority, requests)
        except configuration.UnusableError as error:
            refused[key] = str(error)
    namespaces = {namespace for namespace, _ in map(claims.key_of, routes)}
    admissions = claims.admit(routes, domain, namespaces, refused)
    return configuration.build_configuration(
        [rules[key] for key in sorted(rules) if admissions[key].admitted],
        default_certificate=default_certificate,
    )
