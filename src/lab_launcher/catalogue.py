"""What this checkout has: inventories, playbooks, tags, and the variables that its roles read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

# What the project's own variables begin with.
OURS = re.compile(r"\b(?:lab|kube|platform)_[a-z0-9_]+\b")
# A role's default that is nothing but a variable of the inventory, with or without one of its own.
PASSED = re.compile(r"\{\{\s*([a-z0-9_]+)\s*(\|\s*default\([^}]*\)\s*)?\}\}")
TAGS = re.compile(r"^\s*(?:- )?tags:\s*(.+)$", re.MULTILINE)
# Ansible's own.
SPECIAL_TAGS = frozenset({"all", "always", "never", "tagged", "untagged"})
SPECIAL_HOSTS = frozenset({"all", "localhost", "machine", "platform", "ungrouped"})


@dataclass(frozen=True)
class Catalogue:
    """One checkout, by its directory."""

    project: Path

    @cached_property
    def inventories(self) -> list[str]:
        """Names that LAB_INVENTORY may have."""
        return sorted(path.parent.name for path in self.project.glob("inventories/*/hosts.yml"))

    @cached_property
    def playbooks(self) -> list[str]:
        """Names of playbooks."""
        return sorted(path.stem for path in self.project.glob("playbooks/*.yml"))

    def _texts(self, *patterns: str) -> Iterator[str]:
        for pattern in patterns:
            for path in self.project.glob(pattern):
                if path.is_file():
                    yield path.read_text(encoding="utf-8", errors="replace")

    @cached_property
    def tags(self) -> set[str]:
        """The tags of all plays, roles and tasks."""
        found = set(SPECIAL_TAGS)
        texts = self._texts("site.yml", "playbooks/*.yml", "roles/*/tasks/*.yml")
        for text in texts:
            for value in TAGS.findall(text):
                found |= set(re.findall(r"[\w-]+", value))
        return found

    @cached_property
    def variables(self) -> set[str]:
        """Every name of ours that a play, a role or an inventory has."""
        texts = self._texts(
            "site.yml",
            "playbooks/*.yml",
            "inventories/*/group_vars/**/*.yml",
            "roles/*/defaults/*.yml",
            "roles/*/meta/*.yml",
            "roles/*/tasks/*.yml",
            "roles/*/vars/*.yml",
            "roles/*/templates/**/*",
        )
        return {name for text in texts for name in OURS.findall(text)}

    @cached_property
    def types(self) -> dict[str, dict[str, Any]]:
        """What the roles say of each variable, by its name; nothing where PyYAML is missing.

        An inventory's variable that is a role's default as it stands has that role's word.
        """
        try:
            import yaml
        except ImportError:
            return {}
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

        def load(path: Path) -> Any:
            return yaml.load(path.read_text(encoding="utf-8"), loader)  # noqa: S506 - it is safe

        told: dict[str, dict[str, Any]] = {}
        handed: dict[str, dict[str, Any]] = {}
        for path in sorted(self.project.glob("roles/*/meta/argument_specs.yml")):
            specs = load(path)["argument_specs"]
            options = {
                name: option
                for entry in specs.values()
                for name, option in (entry.get("options") or {}).items()
            }
            told.update(options)
            defaults = path.parents[1] / "defaults/main.yml"
            if defaults.exists():
                values = load(defaults) or {}
                for name, value in values.items():
                    passed = PASSED.fullmatch(value.strip()) if isinstance(value, str) else None
                    if passed and name in options:
                        handed.setdefault(passed[1], options[name])
        return {**handed, **told}
