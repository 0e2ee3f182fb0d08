"""The router's rules as they travel: written by the controller of Route, tried by the router.

They are Traefik's dynamic configuration. What belongs to a Route is named ``<namespace>_<name>``,
with another ``_`` and a word where it has several of a kind; other names have no ``_``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

Rules = dict[str, Any]
_GROUPS = ("http", "tcp")
_SECTIONS = ("routers", "services", "middlewares")
_MARK = re.compile(r"rules-[0-9a-f]{16}")
# Only within strings: JSON itself is ASCII.
_BEYOND_ASCII = re.compile(r"[^\x20-\x7e]")
_LONG_ESCAPE = re.compile(rb"\\\\|\\U([0-9a-f]{8})")


def encode(configuration: Mapping[str, Any]) -> bytes:
    """Write the configuration as JSON that Traefik cannot take for a template.

    Traefik runs its files through a template engine, so ``{{`` in somebody's annotation would be
    run there, or stop every rule. JSON has two braces in a row only inside of a string. It then
    reads them as YAML, which knows no surrogate pairs: a character beyond the basic plane is one
    escape of eight digits.
    """
    text = json.dumps(configuration, sort_keys=True, ensure_ascii=False).replace("{{", "{\\u007b")
    return _BEYOND_ASCII.sub(_escape, text).encode()


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    if 0xD800 <= number <= 0xDFFF:
        return "\\ufffd"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def decode(rules: bytes) -> Rules:
    """Read what `encode` wrote."""
    found: Rules = json.loads(_LONG_ESCAPE.sub(_pair, rules))
    return found


def _pair(match: re.Match[bytes]) -> bytes:
    """YAML's escape of eight digits as JSON's two of four; an escaped backslash stays."""
    return json.dumps(chr(int(match[1], 16)))[1:-1].encode() if match[1] else match[0]


def marked(configuration: Mapping[str, Any]) -> Rules:
    """The configuration with a middleware that nothing uses, named for its content.

    By it the router sees whether Traefik works by these rules.
    """
    http = configuration.get("http", {})
    others = {
        name: one for name, one in http.get("middlewares", {}).items() if not _MARK.fullmatch(name)
    }
    plain = {**configuration, "http": {**http, "middlewares": others}}
    digest = hashlib.sha256(encode(plain)).hexdigest()[:16]
    mark = {f"rules-{digest}": {"redirectScheme": {"scheme": "https"}}}
    return {**configuration, "http": {**http, "middlewares": {**others, **mark}}}


def route_of(name: str) -> str | None:
    """The Route, as ``<namespace>_<name>``, that a name in the rules belongs to."""
    parts = name.split("_")
    return "_".join(parts[:2]) if len(parts) > 1 else None


def parts_of(rules: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What each Route has in the rules, with the transports that its services use."""
    found: dict[str, dict[str, Any]] = {}
    transports = rules.get("http", {}).get("serversTransports", {})
    for group in _GROUPS:
        for section in _SECTIONS:
            for name, one in rules.get(group, {}).get(section, {}).items():
                if route := route_of(name):
                    found.setdefault(route, {})[f"{group}/{section}/{name}"] = one
                    used = _transport(one)
                    found[route][f"transport/{used}"] = transports.get(used)
    return found


def _transport(service: Mapping[str, Any]) -> str | None:
    name: str | None = (service.get("loadBalancer") or {}).get("serversTransport")
    return name


def without(rules: Mapping[str, Any], left_out: Collection[str]) -> Rules:
    """The rules without those of some Routes, under a mark of their own."""
    result = dict(rules)
    for group in _GROUPS:
        if group not in rules:
            continue
        kept = dict(rules[group])
        for section in _SECTIONS:
            kept[section] = {
                name: one
                for name, one in kept.get(section, {}).items()
                if route_of(name) not in left_out
            }
        used = {_transport(one) for one in kept["services"].values()}
        kept["serversTransports"] = {
            name: one for name, one in kept.get("serversTransports", {}).items() if name in used
        }
        # Traefik refuses empty sections.
        result[group] = {section: one for section, one in kept.items() if one}
    if not result.get("tcp", {}).get("routers"):
        result.pop("tcp", None)
    return marked(result)


def settle(
    former: Mapping[str, Any], rules: Mapping[str, Any], attempt: Callable[[Rules], bool]
) -> set[str] | None:
    """Find the Routes for which the rules are not taken; the rest of them is in force afterwards.

    What is as it was in the former rules is not suspected; of the others each half is tried.

    Args:
        former: rules that were taken.
        rules: rules that were not.
        attempt: gives Traefik rules and says whether it took them.

    Returns:
        The Routes that are left out; None where the rules are not taken without any of them.
    """
    known = parts_of(former)
    suspects = sorted(name for name, parts in parts_of(rules).items() if parts != known.get(name))
    if not attempt(without(rules, suspects)):
        return None
    guilty: set[str] = set()

    def look(among: list[str], later: set[str]) -> None:
        if not among or attempt(without(rules, guilty | later)):
            return
        if len(among) == 1:
            guilty.update(among)
            return
        middle = len(among) // 2
        first, second = among[:middle], among[middle:]
        look(first, later | set(second))
        look(second, later)

    look(suspects, set())
    if guilty:
        attempt(without(rules, guilty))
    return guilty
