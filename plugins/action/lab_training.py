# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Trains the seats' models; see the module lab_training for its options.

It works where Ansible runs, so that it can print a run's steps while it waits for them.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from lab_playbook.buckets import CONNECTION_ARGUMENTS
from lab_playbook.outcome import TaskError
from lab_playbook.training.seats import train

ARGUMENTS = {
    "namespaces": {"type": "list", "elements": "str", "required": True},
    "repository": {"type": "path", "required": True},
    "pipeline": {"type": "str", "required": True},
    "sources": {"type": "list", "elements": "path", "default": []},
    "profile": {"type": "str", "choices": ["default", "quick"], "default": "default"},
    "min_accuracy": {"type": "float", "default": 0.99},
    "timeout": {"type": "int", "default": 900},
    "image": {"type": "str", "required": True},
    "image_pull_policy": {
        "type": "str",
        "choices": ["Always", "IfNotPresent", "Never"],
        "default": "Always",
    },
    "workbench": {"type": "str", "default": "notebook"},
    "runtime_secret": {"type": "str", "default": "ds-pipeline-config"},
    "pipelines_client": {"type": "str", "default": "pipelines-client"},
    "pipelines_url": {"type": "str", "required": True},
    "store_url": {"type": "str", "required": True},
    **CONNECTION_ARGUMENTS,
    "model_key": {"type": "str", "default": "onnx/model-v2.onnx"},
    "data_keys": {"type": "list", "elements": "str", "default": []},
    "record": {"type": "str", "default": "mnist-training"},
    "force": {"type": "bool", "default": False},
    "keep_good": {"type": "bool", "default": False},
    "kubeconfig": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """Runs on the controller."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Train what is not up to date."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            result.update(train(arguments, self._task.check_mode, Display().display))
        except TaskError as error:
            result.update(failed=True, msg=str(error), **error.details)
        return result
