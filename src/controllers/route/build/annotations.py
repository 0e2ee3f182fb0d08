"""OpenShift's annotations of a Route (``haproxy.router.openshift.io/…``), in Traefik's words.

What cannot be read is left out, as OpenShift's router does (its haproxy-config.template), but for
lists of allowed addresses: one without any address that can be read lets nobody in. A time is at
most what OpenShift's router clips it to.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

PREFIX = "haproxy.router.openshift.io/"
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1e-3}
_STRATEGIES = {"roundrobin": "wrr", "leastconn": "p2c", "random": "p2c", "source": "hrw"}
_NOBODY = "255.255.255.255/32"
# clipHAProxyTimeoutValue of OpenShift's router: 2147483647 ms.
MOST_SECONDS = 2147483.647
_LONGEST_TARGET = 1024
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))


@dataclass(frozen=True)
class Options:
    """What a Route's annotations ask of the router."""

    timeout: float | None = None
    allowed: tuple[str, ...] | None = None
    strict_transport: Mapping[str, Any] | None = None
    rewrite_target: str | None = None
    strategy: str | None = None

    def transport(self) -> dict[str, Any]:
        """Return what a transport to the servers has besides; HAProxy's one limit is three here."""
        if self.timeout is None:
            return {}
        limit = f"{max(1, round(self.timeout * 1000))}ms"
        return {"forwardingTimeouts": {"responseHeaderTimeout": limit}}

    def middlewares(self, path: str, *, tls: bool) -> dict[str, dict[str, Any]]:
        """Return the middlewares by a name each, in the order in which a request passes them."""
        found: dict[str, dict[str, Any]] = {}
        if self.allowed is not None:
            found["allowed"] = {"ipAllowList": {"sourceRange": list(self.allowed)}}
        if self.strict_transport is not None and tls:
            found["hsts"] = {"headers": dict(self.strict_transport)}
        if self.rewrite_target is not None:
            found["rewrite"] = {"replacePathRegex": _rewrite(path, self.rewrite_target)}
        return found


def read_options(route: Mapping[str, Any]) -> Options:
    """Read a Route's annotations; unknown ones are nobody's business here."""
    annotations = route["metadata"].get("annotations") or {}

    def text(name: str) -> str:
        return str(annotations.get(PREFIX + name) or "").strip()

    return Options(
        timeout=_seconds(text("timeout")),
        allowed=_addresses(text("ip_allowlist") or text("ip_whitelist")),
        strict_transport=_strict_transport(text("hsts_header")),
        rewrite_target=_target(text("rewrite-target")),
        strategy=_STRATEGIES.get(text("balance").lower()),
    )


def _seconds(text: str) -> float | None:
    match = re.fullmatch(r"([0-9]{1,9})(us|ms|s|m|h|d|)", text)
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    return min(seconds, MOST_SECONDS) or None


def _target(text: str) -> str | None:
    """The path to rewrite to, with what no path is written with as %XX."""
    target = quote(text, safe=_PRINTABLE, errors="replace")
    return target if 0 < len(target) <= _LONGEST_TARGET else None


def _addresses(text: str) -> tuple[str, ...] | None:
    if not text:
        return None
    found = []
    for word in text.split():
        if "%" in word:
            # A zone is of one machine, and the router's own library refuses the list for it.
            continue
        try:
            found.append(str(ipaddress.ip_network(word, strict=False)))
        except ValueError:
            continue
    return tuple(found) or (_NOBODY,)


def _strict_transport(text: str) -> Mapping[str, Any] | None:
    parts = [part.strip().lower() for part in text.split(";")]
    ages = [match[1] for part in parts if (match := re.fullmatch(r"max-age=([0-9]{1,12})", part))]
    if not ages:
        return None
    if int(ages[0]) == 0:  # Traefik has no words for it: the header as it is.
        return {"customResponseHeaders": {"Strict-Transport-Security": "max-age=0"}}
    return {
        "stsSeconds": int(ages[0]),
        "stsIncludeSubdomains": "includesubdomains" in parts,
        "stsPreload": "preload" in parts,
    }


def _rewrite(path: str, target: str) -> dict[str, str]:
    """Return the rule that puts the target in the place of the Route's path, and keeps the rest."""
    target = target if target.startswith("/") else f"/{target}"
    slash = "/?" if target.endswith("/") else ""
    return {
        "regex": f"^{re.escape(path.rstrip('/'))}{slash}(.*)$",
        "replacement": f"{target.replace('$', '$$')}${{1}}",
    }
