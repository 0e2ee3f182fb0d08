"""Looks at what `-e` sets: that the names are read by something, and the values of their type."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab_launcher.catalogue import OURS, Catalogue
from lab_launcher.errors import WordError, listed, meant
from lab_launcher.words import LABEL

NAME = re.compile(r"[A-Za-z_]\w*")
TRUTHS = frozenset({"yes", "no", "true", "false", "on", "off", "1", "0", "y", "n", "t", "f"})
# A value that Ansible works out later.
TEMPLATE = "{{"
# Lists of them, and one: each names seats by their namespaces.
SEATS = re.compile(r"lab_seats|lab_\w*_namespaces")
SEAT = "lab_namespace"
EXAMPLES = {"list": '["a", "b"]', "dict": '{"a": 1}'}


def read(text: str) -> dict[str, Any]:
    """Return the variables of one `-e`; none where they are in a file, or cannot be read here.

    Raises:
        WordError: it is neither ``name=value`` nor an object nor ``@file``.
    """
    text = text.strip()
    if not text or text.startswith("@"):
        return {}
    if text[0] in "{[":
        return _object(text)
    return _pairs(text)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as problem:
        try:
            import yaml
        except ImportError:
            return {}
        try:
            found = yaml.safe_load(text)
        except yaml.YAMLError:
            raise WordError(f"-e {text}: neither JSON nor YAML ({problem})") from problem
    if not isinstance(found, dict):
        raise WordError(f"-e {text}: variables have names, for example '{{\"lab_seats\": {text}}}'")
    return found


def _pairs(text: str) -> dict[str, Any]:
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise WordError(f"-e {text}: a quotation mark is not closed") from error
    found = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals or not NAME.fullmatch(name):
            raise WordError(
                f'-e {text}: "{part}" is not name=value; write -e name=value, '
                "-e '{\"name\": value}' or -e @file"
            )
        found[name] = value
    return found


def check_file(text: str) -> None:
    """See that ``@file`` is there.

    Raises:
        WordError: it is not.
    """
    if text.startswith("@") and not Path(text[1:]).is_file():
        raise WordError(f"-e {text}: there is no file {text[1:]}")


def check(variables: Mapping[str, Any], catalogue: Catalogue) -> None:
    """Compare variables with what the roles read.

    Raises:
        WordError: nothing reads a name of ours, or a value is not of its type.
    """
    for name, value in variables.items():
        if OURS.fullmatch(name) and name not in catalogue.variables:
            raise WordError(
                f"-e {name}: nothing reads it{meant(name, catalogue.variables)}; the variables "
                "are in inventories/ and in the roles' defaults/main.yml"
            )
        if isinstance(value, str) and TEMPLATE in value:
            continue
        told = catalogue.types.get(name)
        if told is not None:
            check_type(name, value, told)
        check_seats(name, value)


def check_type(name: str, value: Any, told: Mapping[str, Any]) -> None:
    """Compare one value with a role's word for it.

    Raises:
        WordError: it is of another type, or none of the choices.
    """
    kind, choices = told.get("type", "str"), told.get("choices")
    if kind in EXAMPLES:
        wanted = list if kind == "list" else dict
        if not isinstance(value, wanted):
            example = json.dumps({name: json.loads(EXAMPLES[kind])})
            if kind == "list" and isinstance(value, str):
                example = json.dumps({name: [part for part in value.split(",") if part]})
            raise WordError(
                f"-e {name}: it is a {'list' if kind == 'list' else 'table'}, not {shown(value)}; "
                f"write -e '{example}'"
            )
        if choices:
            for element in value:
                _choose(name, element, choices)
    elif kind == "int" and not re.fullmatch(r"[+-]?\d+", str(value).strip()):
        raise WordError(f"-e {name}: it is a whole number, not {shown(value)}")
    elif kind == "float" and not _is_number(value):
        raise WordError(f"-e {name}: it is a number, not {shown(value)}")
    elif kind == "bool" and str(value).strip().lower() not in TRUTHS:
        raise WordError(f"-e {name}: it is true or false, not {shown(value)}")
    elif choices:
        _choose(name, value, choices)


def _choose(name: str, value: Any, choices: list[Any]) -> None:
    if str(value) not in map(str, choices):
        raise WordError(f"-e {name}: it is {listed(map(str, choices))}, not {shown(value)}")


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def check_seats(name: str, value: Any) -> None:
    """See that seats are named as namespaces may be.

    Raises:
        WordError: one is not.
    """
    if name == SEAT:
        wrong = [value]
    elif SEATS.fullmatch(name) and isinstance(value, list):
        if not value:
            raise WordError(f"-e {name}: the list is empty; name a seat, or leave it out for all")
        wrong = list(value)
    else:
        return
    for seat in wrong:
        if isinstance(seat, str) and TEMPLATE in seat:
            continue
        if not isinstance(seat, str) or not LABEL.fullmatch(seat):
            raise WordError(
                f"-e {name}: {shown(seat)} cannot be the name of a seat, which is a namespace: "
                "small letters, digits and hyphens, at most 63"
            )


def shown(value: Any) -> str:
    """Return a value as a sentence has it, cut where it is long."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
