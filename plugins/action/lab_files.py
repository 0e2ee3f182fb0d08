# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Renders several templates in one task; see the module lab_files for its options.

A task with ansible.builtin.template starts two processes for every file. A repeated run looks at
some twenty files, so that alone would take longer than all the rest of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from lab_playbook.files import bring_about

FILE = {
    "src": {"type": "str", "required": True},
    "dest": {"type": "path", "required": True},
    "mode": {"type": "str", "default": "0644"},
    "vars": {"type": "dict", "default": {}},
    "secret": {"type": "bool", "default": False},
}
ARGUMENTS = {
    "directories": {"type": "list", "elements": "path", "default": []},
    "files": {"type": "list", "elements": "dict", "required": True, "options": FILE},
}


class ActionModule(ActionBase):
    """Compare, then write what differs; only for hosts with a local connection."""

    _supports_check_mode = True
    _supports_diff = True
    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make the directories, render the templates, and write what is new."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        if self._connection.transport != "local":
            raise AnsibleActionFail(
                "lab_files writes on this machine only: connection must be local"
            )
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)

        def render(source: str, more: Mapping[str, Any]) -> str:
            lookup = self._shared_loader_obj.lookup_loader.get(
                "ansible.builtin.template", loader=self._loader, templar=self._templar
            )
            return str(lookup.run([source], variables=task_vars or {}, template_vars=more)[0])

        result.update(
            bring_about(
                arguments,
                render,
                check_mode=self._task.check_mode,
                with_difference=self._task.diff,
            )
        )
        return result
