"""Compares each module's documentation with the arguments that it takes, and tries its examples.

A module's arguments are ``ARGUMENTS`` of its file, or of the action of its name where there is one.
An example may name only options that the module has, give all that it must have, and use only
variables that some role or inventory defines.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from embedded_cluster.layout import project_directory

# What is said of an option in both places, and what it is where nothing is said.
COMPARED = {"type": "str", "required": False, "default": None, "choices": None, "elements": None}
VARIABLE = re.compile(r"\{\{\s*([a-zA-Z_]\w*)")
# Variables of Ansible's own, and the words of its expressions.
ANSIBLE = re.compile(r"ansible_\w+|inventory_\w+|playbook_dir|role_path|item|lookup|query")
Options = Mapping[str, Mapping[str, Any]]


def load(path: Path) -> ModuleType:
    """Import a plugin's file."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def documented_options(plugins: Path, documentation: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a module's documentation, with those of the fragments that it extends."""
    options = dict(documentation.get("options") or {})
    fragments = documentation.get("extends_documentation_fragment") or []
    for name in [fragments] if isinstance(fragments, str) else fragments:
        fragment = load(plugins / "doc_fragments" / f"{name}.py").ModuleDocFragment
        for option, told in yaml.safe_load(fragment.DOCUMENTATION)["options"].items():
            options.setdefault(option, told)
    return options


def compare(documented: Options, taken: Options, where: str) -> Iterator[str]:
    """A sentence for each difference; ``where`` names the module, and the option around these."""
    for name in sorted(documented.keys() - taken.keys()):
        yield f"{where}: {name} is documented, and the module does not take it"
    for name in sorted(taken.keys() - documented.keys()):
        yield f"{where}: {name} is taken, and not documented"
    for name in sorted(documented.keys() & taken.keys()):
        told, real = documented[name], taken[name]
        if not told.get("description"):
            yield f"{where}: {name} has no description"
        for key, usual in COMPARED.items():
            said, true = told.get(key, usual), real.get(key, usual)
            if said != true:
                yield f"{where}: {key} of {name} is documented as {said!r} and is {true!r}"
        if "options" in real or "suboptions" in told:
            inner = told.get("suboptions") or {}, real.get("options") or {}
            yield from compare(*inner, f"{where}: {name}")


def try_examples(
    name: str, examples: Sequence[Any], taken: Options, known: frozenset[str]
) -> Iterator[str]:
    """A sentence for each thing in a module's examples that is not there."""
    own = [task for task in flatten(examples) if name in task]
    if not own:
        yield f"{name}: no example shows it"
    for task in own:
        given = task[name] or {}
        for option in sorted(given.keys() - taken.keys()):
            yield f"{name}: an example gives {option}, which it does not take"
        needed = {option for option, told in taken.items() if told.get("required")}
        for option in sorted(needed - given.keys()):
            yield f"{name}: an example leaves out {option}, which it must have"
    for variable in sorted(set(VARIABLE.findall(str(examples))) - known):
        if not ANSIBLE.fullmatch(variable):
            yield f"{name}: an example uses the variable {variable}, which nothing defines"


def try_tasks(name: str, tasks: Sequence[Mapping[str, Any]], taken: Options) -> Iterator[str]:
    """A sentence for each option that a role's task gives a module and that it does not take."""
    for task in tasks:
        for option in sorted((task.get(name) or {}).keys() - taken.keys()):
            yield f"{name}: “{task.get('name')}” gives {option}, which it does not take"


def flatten(tasks: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    """Tasks, and those of their blocks."""
    for task in tasks:
        yield task
        for part in ("block", "rescue", "always"):
            yield from flatten(task.get(part) or [])


def known_variables(project: Path) -> frozenset[str]:
    """What roles and inventories define: inputs, defaults, and an inventory's own variables."""
    names: set[str] = set()
    for path in [
        *project.glob("roles/*/defaults/main.yml"),
        *project.glob("roles/*/vars/main.yml"),
        *project.glob("inventories/*/group_vars/*/*.yml"),
    ]:
        names |= set(yaml.safe_load(path.read_text()) or {})
    for path in project.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values():
            names |= set(entry.get("options") or {})
    return frozenset(names)


def read_tasks(project: Path) -> list[Mapping[str, Any]]:
    """Every task of the roles."""
    tasks: list[Mapping[str, Any]] = []
    for folder in ("tasks", "handlers"):
        for path in sorted(project.glob(f"roles/*/{folder}/*.yml")):
            tasks += flatten(yaml.safe_load(path.read_text()) or [])
    return tasks


def check(
    plugins: Path, known: frozenset[str], tasks: Sequence[Mapping[str, Any]] | None = None
) -> list[str]:
    """Everything that is wrong with the modules' documentation, and with the tasks that use one."""
    problems: list[str] = []
    for path in sorted((plugins / "modules").glob("*.py")):
        name, module = path.stem, load(path)
        action = plugins / "action" / path.name
        taken = (load(action) if action.exists() else module).ARGUMENTS
        documentation = yaml.safe_load(module.DOCUMENTATION)
        if documentation.get("module") != name:
            problems.append(f"{name}: its documentation is of {documentation.get('module')}")
        problems += compare(documented_options(plugins, documentation), taken, name)
        problems += try_tasks(name, tasks or [], taken)
        problems += try_examples(name, yaml.safe_load(module.EXAMPLES), taken, known)
    return problems


def main() -> int:
    """Check the project's modules."""
    project = project_directory()
    problems = check(project / "plugins", known_variables(project), read_tasks(project))
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
