# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""kubernetes.core.k8s with sentences for failures and the truth in check mode.

In check mode kubernetes.core.k8s fails on an object whose namespace or kind an earlier task would
have created. Such an object would be created: that is a change, and no failure.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ansible.plugins.action import ActionBase

NOT_YET = (
    re.compile(r'namespaces \\*"[^"\\]+\\*" not found'),
    re.compile(r"Failed to find exact match for"),
    re.compile(r"no matches for kind"),
)
STATUS = re.compile(r"b'(\{.*\})\\n'", re.DOTALL)


def explain_refusal(message: str) -> str:
    """Return what the API server said of an object, without the JSON around it."""
    match = STATUS.search(message)
    if not match:
        return message
    try:
        status = json.loads(match.group(1).replace('\\\\"', '\\"').replace("\\'", "'"))
    except ValueError:
        return message
    said = status.get("message")
    return f"The API server refused: {said}" if said else message


class ActionModule(ActionBase):
    """Hands the task over to kubernetes.core.k8s."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Apply the objects."""
        super().run(tmp, task_vars)
        task = self._task.copy()
        task.action = "kubernetes.core.k8s"
        task.args = {"state": "present", **task.args}
        if self._task.check_mode:
            task.args["wait"] = False
        action = self._shared_loader_obj.action_loader.get(
            "kubernetes.core.k8s",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        result: dict[str, Any] = action.run(task_vars=task_vars)
        if not result.get("failed"):
            return result
        message = str(result.get("msg", ""))
        if self._task.check_mode and any(pattern.search(message) for pattern in NOT_YET):
            return {
                "changed": True,
                "msg": "The objects would be created; their namespace or kind is not there yet.",
            }
        result["msg"] = explain_refusal(message)
        return result
