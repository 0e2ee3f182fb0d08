"""Renders several templates in one task; see the module lab_files for its options.

A task with ansible.builtin.template starts two processes for every file. A repeated run looks at
some twenty files, so that alone would take longer than all the rest of it.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from lab_ground.files import write_whole


class ActionModule(ActionBase):
    """Compare, then write what differs; only for hosts with a local connection."""

    _supports_check_mode = True
    _supports_diff = True
    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make the directories, render the templates, and write what is new."""
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        if self._connection.transport != "local":
            raise AnsibleActionFail(
                "lab_files writes on this machine only: connection must be local"
            )
        changed: list[str] = []
        diffs: list[dict[str, str]] = []
        for directory in self._task.args.get("directories", []):
            path = Path(str(directory))
            if not path.is_dir():
                changed.append(str(path))
                if not self._task.check_mode:
                    path.mkdir(mode=0o755, parents=True)
        for file in self._task.args["files"]:
            path = Path(str(file["dest"]))
            mode = int(str(file.get("mode", "0644")), 8)
            text = self._render(str(file["src"]), dict(file.get("vars", {})), variables)
            before = path.read_text() if path.is_file() else ""
            same_mode = path.is_file() and path.stat().st_mode & 0o777 == mode
            if path.is_file() and before == text and same_mode:
                continue
            changed.append(str(path))
            if self._task.diff and not file.get("secret", False):
                diffs.append({"prepared": compare(before, text, str(path))})
            if not self._task.check_mode:
                write_whole(path, text, mode)
        result.update(changed=bool(changed), files=changed)
        if diffs:
            result["diff"] = diffs
        return result

    def _render(self, source: str, more: dict[str, Any], variables: dict[str, Any]) -> str:
        lookup = self._shared_loader_obj.lookup_loader.get(
            "ansible.builtin.template", loader=self._loader, templar=self._templar
        )
        return str(lookup.run([source], variables=variables, template_vars=more)[0])


def compare(before: str, after: str, name: str) -> str:
    """The difference as people read it."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, name
    )
    return "".join(lines)
