"""Compares every role's defaults with its argument_specs; they must name the same variables."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

from embedded_cluster.layout import project_directory

# A page's own table of variables would drift from the specification, which has them all.
TABLE = re.compile(r"^\| *`?variable", re.IGNORECASE | re.MULTILINE)
TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "dict": (dict,),
    "float": (float, int),
    "int": (int,),
    "list": (list,),
    "path": (str,),
    "str": (str, int, float),
}


def load(path: Path) -> dict[str, Any]:
    """One YAML file, empty where there is none."""
    return dict(yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def differences(role: Path) -> list[str]:
    """What the defaults and the specification of one role disagree on."""
    problems = []
    for name in ("README.md", "defaults/main.yml", "meta/argument_specs.yml", "tasks/main.yml"):
        if not (role / name).exists():
            problems.append(f"{role.name}: {name} is missing")
    page = role / "README.md"
    if page.exists() and TABLE.search(page.read_text()):
        problems.append(f"{role.name}: README.md repeats meta/argument_specs.yml in a table")
    defaults = load(role / "defaults/main.yml")
    specs = load(role / "meta/argument_specs.yml").get("argument_specs", {})
    options: dict[str, Any] = {}
    for entry in specs.values():
        options.update(entry.get("options") or {})
    for variable in sorted(set(defaults) - set(options)):
        problems.append(f"{role.name}: {variable} has a default and no specification")
    for variable in sorted(set(options) - set(defaults)):
        if not options[variable].get("required") and "default" in options[variable]:
            problems.append(
                f"{role.name}: {variable} is specified with a default that defaults lack"
            )
    for variable in sorted(set(options) & set(defaults)):
        problems += value_differences(role.name, variable, defaults[variable], options[variable])
    for path in sorted((role / "tasks").glob("*.yml")):
        lines = len(path.read_text().splitlines())
        if lines > 75:
            problems.append(
                f"{role.name}: tasks/{path.name} has {lines} lines, at most 75 are wanted"
            )
    return problems


def value_differences(role: str, variable: str, value: Any, option: dict[str, Any]) -> list[str]:
    """Whether a default fits its specification; expressions are known only when they run."""
    if isinstance(value, str) and "{{" in value:
        return []
    problems = []
    kind = option.get("type", "str")
    wrong = not isinstance(value, TYPES.get(kind, (object,)))
    if value is not None and (wrong or (isinstance(value, bool) and kind != "bool")):
        problems.append(f"{role}: {variable} is of type {kind} and its default is {value!r}")
    if "default" in option and option["default"] != value:
        problems.append(
            f"{role}: {variable} defaults to {value!r}, specified {option['default']!r}"
        )
    choices = option.get("choices")
    unknown = (
        [item for item in (value if isinstance(value, list) else [value]) if item not in choices]
        if choices
        else []
    )
    if unknown:
        problems.append(f"{role}: the default {value!r} of {variable} is none of {choices}")
    return problems


def main() -> int:
    """Print every difference."""
    roles = sorted(path for path in (project_directory() / "roles").iterdir() if path.is_dir())
    problems = [line for role in roles for line in differences(role)]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
