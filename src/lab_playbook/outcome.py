"""How a task ends: with a result, or with one sentence that says why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from lab_diagnosis import Finding

Arguments = Mapping[str, Any]
Result = dict[str, Any]
# What a plugin calls: its arguments, whether only to look (check mode); gives Ansible's result.
Work = Callable[[Arguments, bool], Result]


class TaskError(Exception):
    """A task failed; the message is a whole sentence, ``details`` go into the task's result."""

    def __init__(self, sentence: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(sentence)
        self.details = dict(details or {})

    @classmethod
    def of(cls, finding: Finding, **details: Any) -> TaskError:
        """Return the error that tells a finding."""
        return cls(finding.sentence, {**finding.as_dict(), **details})


class Module(Protocol):
    """The part of an AnsibleModule that a task's end takes."""

    params: dict[str, Any]
    check_mode: bool

    def fail_json(self, msg: str, **result: Any) -> None:
        """End with a failure."""

    def exit_json(self, **result: Any) -> None:
        """End with a result."""


def finish(module: Module, work: Work) -> None:
    """Do a module's work and end it; what the work does not mention has not changed."""
    try:
        result = work(module.params, module.check_mode)
    except TaskError as error:
        module.fail_json(msg=str(error), **error.details)
    else:
        module.exit_json(**{"changed": False, **result})
