"""What a failed Ansible task was about, read from its arguments and its result."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab_diagnosis.text import last_log_line, one_line
from lab_ground.kubernetes.readiness import readiness

# Messages that name an object: kubernetes.core's timeout, the API server's refusals.
TIMED_OUT = re.compile(r'"(?P<kind>[A-Z]\w+)" "(?P<name>[^"]+)": Timed out waiting')
REFUSED = re.compile(r"(?P<kind>[A-Z]\w+) (?P<name>[a-z0-9][a-z0-9.-]*): Failed to \w+ object")
MODULES = ("k8s", "k8s_info", "k8s_scale", "lab_objects", "k8s_exec", "k8s_log", "lab_explain")


@dataclass(frozen=True)
class Suspect:
    """An object that a task waited for or could not make; the namespace may be unknown."""

    kind: str
    name: str
    namespace: str = ""
    api_version: str = ""


def failed_items(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The failed results of a loop, or the result itself."""
    items = result.get("results")
    if isinstance(items, Sequence) and not isinstance(items, str):
        failed = [item for item in items if isinstance(item, Mapping) and item.get("failed")]
        if failed:
            return failed
    return [result]


def suspects(action: str, args: Mapping[str, Any], result: Mapping[str, Any]) -> list[Suspect]:
    """Objects to look at, the likeliest first; empty for a task that is not about the cluster."""
    found: list[Suspect] = []
    for item in failed_items(result):
        found += _of_result(action, args, item)
    return list(dict.fromkeys(found))


def _of_result(action: str, args: Mapping[str, Any], result: Mapping[str, Any]) -> list[Suspect]:
    given = (result.get("invocation") or {}).get("module_args") or args
    namespace = str(given.get("namespace") or "")
    named = _of_thing(result.get("result"), namespace)
    message = str(result.get("msg") or "")
    said = TIMED_OUT.search(message) or REFUSED.search(message)
    if said:
        return [
            suspect
            for suspect in named
            if (suspect.kind, suspect.name) == (said["kind"], said["name"])
        ] or [Suspect(said["kind"], said["name"], namespace)]
    if action.rsplit(".", 1)[-1] not in MODULES:
        return []
    if named:
        return named
    listed = [
        suspect
        for resource in result.get("resources") or ()
        for suspect in _of_thing(resource, namespace)
        if not readiness(resource).well
    ]
    if listed:
        return listed
    kind, name = str(given.get("kind") or ""), _name(given)
    if kind and name:
        return [Suspect(kind, name, namespace, str(given.get("api_version") or ""))]
    return _of_definition(given, namespace)


def _of_definition(given: Mapping[str, Any], namespace: str) -> list[Suspect]:
    definition = given.get("definition") or given.get("resource_definition")
    things = definition if isinstance(definition, list) else [definition]
    return [suspect for thing in things for suspect in _of_thing(thing, namespace)]


def _of_thing(thing: Any, namespace: str) -> list[Suspect]:
    if not isinstance(thing, Mapping):
        return []
    inner = thing.get("results") or thing.get("items")
    if isinstance(inner, list):
        return [
            suspect
            for item in inner
            if isinstance(item, Mapping)
            for suspect in _of_thing(item.get("result", item), namespace)
            if not readiness(item.get("result") or item).well
        ]
    metadata = thing.get("metadata") or {}
    if not thing.get("kind") or not metadata.get("name"):
        return []
    return [
        Suspect(
            str(thing["kind"]),
            str(metadata["name"]),
            str(metadata.get("namespace") or namespace),
            str(thing.get("apiVersion") or ""),
        )
    ]


def _name(given: Mapping[str, Any]) -> str:
    if given.get("name"):
        return str(given["name"])
    for selector in given.get("field_selectors") or ():
        key, _, value = str(selector).partition("=")
        if key == "metadata.name":
            return value.lstrip("=")
    return ""


def message_of(result: Mapping[str, Any]) -> str:
    """What a failed task says, without what only a program reads."""
    if result.get("censored"):
        return "its output is hidden, because it holds credentials"
    item = failed_items(result)[0]
    message = str(item.get("msg") or "")
    if message in ("", "non-zero return code", "MODULE FAILURE") or "See stdout/stderr" in message:
        for stream in ("stderr", "module_stderr", "stdout", "module_stdout"):
            line = last_log_line(str(item.get(stream) or ""))
            if line:
                code = item.get("rc")
                return f"exit code {code}: {line}" if code is not None else line
    return one_line(message or "it gave no reason", 600)
