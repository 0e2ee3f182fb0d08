"""The start-a-run form: fields from the pipeline's parameters, and what a person typed, checked.

Checking returns every complaint at once, by field, so that each is shown beside its field.

A browser posts a text with other line ends than it read (and no NUL): a field that nobody has
touched therefore stands for the value it was made from, and what was typed has plain line ends.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipeline_server.services.recurring_runs import Schedule
from pipeline_server.web.formatting import whole_numbers
from pipeline_server.web.spec import InputField

PREFIX = "parameter."
LONGEST_NAME = 128
CRON_FIELDS = 6
CRON_PART = re.compile(r"^[0-9A-Za-z*?/,\-#]+$")
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
TYPE_LABELS = {
    "STRING": "text",
    "NUMBER_INTEGER": "whole number",
    "NUMBER_DOUBLE": "number",
    "BOOLEAN": "yes or no",
    "LIST": "list, as JSON",
    "STRUCT": "object, as JSON",
    "TASK_FINAL_STATUS": "status",
}
WHOLE = re.compile(r"^[+-]?\d+$")


@dataclass(frozen=True, slots=True)
class FormField:
    """A field as it is shown."""

    name: str
    label: str
    widget: str
    type_label: str
    value: str
    required: bool
    description: str = ""
    choices: tuple[str, ...] = ()
    error: str = ""

    @property
    def control_id(self) -> str:
        """Id for the label and for error messages."""
        return "field-" + re.sub(r"[^A-Za-z0-9_-]", "-", self.name)


@dataclass(slots=True)
class Checked:
    """What was typed, read; and what is wrong with it, by field."""

    name: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    schedule: Schedule | None = None
    errors: dict[str, str] = field(default_factory=dict)


def build_fields(
    inputs: Sequence[InputField],
    typed: Mapping[str, str] | None = None,
    given: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
) -> tuple[FormField, ...]:
    """Fields with what was typed, else a cloned run's value, else the default."""
    return tuple(_field(item, typed or {}, given or {}, errors or {}) for item in inputs)


def check(
    inputs: Sequence[InputField],
    typed: Mapping[str, str],
    given: Mapping[str, Any] | None = None,
) -> Checked:
    """Read the whole form; ``given`` are the values of the run that is cloned."""
    checked = Checked(name=typed.get("name", "").strip())
    if not checked.name:
        checked.errors["name"] = "Give the run a name."
    elif len(checked.name) > LONGEST_NAME:
        checked.errors["name"] = (
            f"The name has {len(checked.name)} characters; {LONGEST_NAME} are allowed."
        )
    for item in inputs:
        text = as_posted(typed.get(PREFIX + item.name, ""))
        if item.name in (given or {}):
            before = (given or {})[item.name]
            if before is not None and text == as_posted(_as_text(before)):
                checked.parameters[item.name] = before
                continue
        elif item.default is not None and text == as_posted(_as_text(item.default)):
            if text.strip():
                checked.parameters[item.name] = item.default
            continue
        try:
            value = read_value(item, text)
        except ValueError as error:
            checked.errors[PREFIX + item.name] = str(error)
        else:
            if value is not None:
                checked.parameters[item.name] = value
    if typed.get("mode") == "recurring":
        checked.schedule = _schedule(typed, checked.errors)
    return checked


def as_posted(text: str) -> str:
    """The text as a browser gives it back, but for the line ends, which are plain."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}")


def read_value(item: InputField, text: str) -> Any:
    """The typed value; None where the field is left empty and may be."""
    stripped = text.strip()
    if not stripped:
        if item.type == "STRING" and isinstance(item.default, str) and item.default == "":
            return None
        if item.required:
            raise ValueError("This parameter has no default: give a value.")
        return None
    value = _read_typed(item.type, text, stripped)
    if item.choices and value not in item.choices:
        raise ValueError(f"Choose one of: {', '.join(str(choice) for choice in item.choices)}.")
    return value


def _read_typed(kind: str, text: str, stripped: str) -> Any:
    if kind == "NUMBER_INTEGER":
        if not WHOLE.match(stripped):
            raise ValueError(f"A whole number is wanted, not “{_quote(stripped)}”.")
        return int(stripped)
    if kind == "NUMBER_DOUBLE":
        try:
            number = float(stripped)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"A number is wanted, not “{_quote(stripped)}”.")
        return number
    if kind == "BOOLEAN":
        if stripped.lower() not in {"true", "false"}:
            raise ValueError("Choose true or false.")
        return stripped.lower() == "true"
    if kind in {"LIST", "STRUCT"}:
        return _read_json(kind, stripped)
    return text


def _read_json(kind: str, stripped: str) -> Any:
    wanted: type = list if kind == "LIST" else dict
    example = "[1, 2]" if kind == "LIST" else '{"key": 1}'
    try:
        value = json.loads(stripped)
    except ValueError as error:
        where = (
            f" at line {error.lineno}, column {error.colno}"
            if isinstance(error, json.JSONDecodeError)
            else ""
        )
        raise ValueError(f"This is not JSON{where}. Write it like {example}.") from error
    if not isinstance(value, wanted):
        raise ValueError(f"JSON like {example} is wanted here.")
    return value


def _field(
    item: InputField,
    typed: Mapping[str, str],
    given: Mapping[str, Any],
    errors: Mapping[str, str],
) -> FormField:
    key = PREFIX + item.name
    value = typed[key] if key in typed else _as_text(given.get(item.name, item.default))
    choices = tuple(_as_text(choice) for choice in item.choices)
    if item.type == "BOOLEAN":
        choices = ("true", "false")
    widget = (
        "select"
        if choices
        else {
            "NUMBER_INTEGER": "integer",
            "NUMBER_DOUBLE": "number",
            "LIST": "json",
            "STRUCT": "json",
        }.get(item.type, "lines" if "\n" in as_posted(value) else "text")
    )
    return FormField(
        name=key,
        label=item.name,
        widget=widget,
        type_label=TYPE_LABELS.get(item.type, item.type.lower()),
        value=value,
        required=item.required,
        description=item.description,
        choices=choices,
        error=errors.get(key, ""),
    )


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    value = whole_numbers(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _schedule(typed: Mapping[str, str], errors: dict[str, str]) -> Schedule:
    cron, interval = "", None
    if typed.get("trigger", "period") == "cron":
        cron = " ".join(typed.get("cron", "").split())
        problem = cron_problem(cron)
        if problem:
            errors["cron"] = problem
    else:
        interval = _interval(typed, errors)
    start, end = _moment(typed, "start", errors), _moment(typed, "end", errors)
    if start and end and end <= start:
        errors["end"] = "The end must come after the start."
    text = typed.get("max_concurrency", "1").strip() or "1"
    concurrency = int(text) if WHOLE.match(text) else 0
    if not 1 <= concurrency <= 10:
        errors["max_concurrency"] = "Between 1 and 10 runs may go on at once."
    return Schedule(cron, interval, start, end, concurrency, typed.get("catch_up") != "on")


def cron_problem(cron: str) -> str:
    """What is wrong with a cron of six fields; "" when its form is right."""
    parts = cron.split()
    if parts and parts[0].startswith("@") and len(parts) == 1:
        return ""
    if len(parts) != CRON_FIELDS:
        return (
            "Six fields are wanted: second, minute, hour, day of month, month, day of week. "
            f"There are {len(parts)}. For example “0 0 6 * * *” is every day at 06:00."
        )
    wrong = next((part for part in parts if not CRON_PART.match(part)), "")
    return f"“{_quote(wrong)}” is not a cron field." if wrong else ""


def _interval(typed: Mapping[str, str], errors: dict[str, str]) -> int | None:
    count = typed.get("every", "").strip()
    unit = UNITS.get(typed.get("unit", "minutes"))
    if unit is None or not WHOLE.match(count) or int(count) < 1:
        errors["every"] = "Give a whole number of at least 1."
        return None
    return int(count) * unit


def _moment(typed: Mapping[str, str], name: str, errors: dict[str, str]) -> datetime | None:
    text = typed.get(name, "").strip()
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        errors[name] = f"“{_quote(text)}” is not a date and time."
        return None


def _quote(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
