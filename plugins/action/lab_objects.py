# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""kubernetes.core.k8s with sentences for failures and the truth in check mode."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from lab_playbook.objects import prepare, tell

ARGUMENTS = {
    "template": {"type": "raw"},
    "definition": {"type": "raw"},
    "apply": {"type": "bool", "default": False},
    "server_side_apply": {"type": "dict"},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 120},
    "wait_condition": {"type": "dict"},
}


class ActionModule(ActionBase):
    """Hands the task over to kubernetes.core.k8s."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Apply the objects."""
        super().run(tmp, task_vars)
        self.validate_argument_spec(argument_spec=ARGUMENTS)
        task = self._task.copy()
        task.action = "kubernetes.core.k8s"
        task.args = prepare(self._task.args, self._task.check_mode)
        action = self._shared_loader_obj.action_loader.get(
            "kubernetes.core.k8s",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return tell(action.run(task_vars=task_vars), self._task.check_mode)
