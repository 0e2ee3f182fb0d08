"""Ansible's linear strategy over Mitogen: one Python on the machine for all of a run's tasks.

Without it every task that is a module starts a Python of its own and imports the Kubernetes client
anew, about a second of a processor each. What the tasks do and answer is the same either way: where
Mitogen is not installed, it is Ansible's own strategy.
"""

from __future__ import annotations

import os
from pathlib import Path

from ansible import constants
from ansible.plugins.strategy.linear import StrategyModule as Linear

DOCUMENTATION = r"""
name: lab_linear
short_description: The linear strategy, with one Python on the machine for all tasks
description:
  - Runs each task on every host before the next, as M(ansible.builtin.linear) does.
  - Modules run in forks of one process on the machine, which has their imports already.
author:
  - MNIST lab suite
"""

try:
    from ansible_mitogen import affinity
    from ansible_mitogen.strategy import StrategyMixin
except ModuleNotFoundError as error:
    if error.name is None or error.name.split(".")[0] not in ("mitogen", "ansible_mitogen"):
        raise

    class StrategyMixin:  # type: ignore[no-redef]
        """Nothing to add."""
else:
    # Mitogen ties its processes to single cores, and what they start with them: the cluster, too.
    affinity.policy = affinity.Policy()
    # A module of a fork runs elsewhere than the playbook, so the setting's relative path would not
    # be found; it is the one of ansible.cfg, seen from there.
    home = Path(constants.CONFIG_FILE or "ansible.cfg").resolve().parent
    os.environ.setdefault("ANSIBLE_REMOTE_TMP", str(home / ".lab/tmp"))


class StrategyModule(StrategyMixin, Linear):
    """What the setting ``strategy`` of ansible.cfg names."""
