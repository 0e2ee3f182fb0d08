"""A module's documentation, its arguments and its examples are held against each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_checks.module_arguments import check

MODULE = '''
DOCUMENTATION = """
module: example
extends_documentation_fragment: shared
options:
  size: {description: How large., type: int, default: 3}
  kind: {description: Which., type: str, choices: [a, b], required: true}
"""
EXAMPLES = """
- name: Show it
  example: {kind: a, address: "{{ lab_address }}"}
"""
ARGUMENTS = {
    "size": {"type": "int", "default": 3},
    "kind": {"type": "str", "choices": ["a", "b"], "required": True},
    "address": {"type": "str"},
}
'''
FRAGMENT = '''
class ModuleDocFragment:
    DOCUMENTATION = """
options:
  address: {description: Where., type: str}
"""
'''
KNOWN = frozenset({"lab_address"})


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    for folder in ("modules", "doc_fragments", "action"):
        (tmp_path / folder).mkdir()
    (tmp_path / "modules/example.py").write_text(MODULE)
    (tmp_path / "doc_fragments/shared.py").write_text(FRAGMENT)
    return tmp_path


def test_agreement(plugins: Path) -> None:
    assert check(plugins, KNOWN) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('"default": 3}', '"default": 4}', "default of size is documented as 3 and is 4"),
        (
            '{"type": "int"',
            '{"type": "float"',
            "type of size is documented as 'int' and is 'float'",
        ),
        ('["a", "b"]', '["a"]', "choices of kind is documented as ['a', 'b'] and is ['a']"),
        (', "required": True', "", "required of kind is documented as True and is False"),
        ('    "address": {"type": "str"},\n', "", "address is documented, and the module does not"),
        ('"size": {', '"more": {"type": "str"}, "size": {', "more is taken, and not documented"),
        ("description: Which., ", "", "kind has no description"),
        ("module: example", "module: other", "its documentation is of other"),
        (
            "{kind: a, ",
            "{kind: a, colour: red, ",
            "an example gives colour, which it does not take",
        ),
        ("{kind: a, ", "{", "an example leaves out kind, which it must have"),
        ("lab_address", "lab_addres", "uses the variable lab_addres, which nothing defines"),
        ("  example: {", "  another: {", "no example shows it"),
    ],
)
def test_each_difference_is_told(plugins: Path, before: str, after: str, told: str) -> None:
    assert before in MODULE
    (plugins / "modules/example.py").write_text(MODULE.replace(before, after))
    problems = check(plugins, KNOWN)
    assert [problem for problem in problems if told in problem], problems


def test_a_role_s_task_gives_only_what_the_module_takes(plugins: Path) -> None:
    tasks = [{"name": "Show", "example": {"kind": "a", "apply": True}}]
    assert check(plugins, KNOWN, tasks) == ["example: “Show” gives apply, which it does not take"]


def test_an_action_s_arguments_are_those_that_count(plugins: Path) -> None:
    (plugins / "action/example.py").write_text(
        'ARGUMENTS = {"size": {"type": "int", "default": 3}}'
    )
    problems = check(plugins, KNOWN)
    assert any("kind is documented, and the module does not take it" in line for line in problems)
