#!/usr/bin/python
"""Bring a seat of the MNIST lab back to a step."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_reset
short_description: Bring a seat of the MNIST lab back to a step
description:
  - Removes from a lab's namespace what steps after I(to) made, in the reverse order of the
    lab, waits until it is gone, and proves that nothing of it is left.
  - Removes only what the roles in I(roles) say that they make; names what it keeps as foreign.
  - In check mode it reads, shows the plan and touches nothing.
  - An interrupted one can be run again. That no two run at once is M(lab_seat_lease)'s part.
options:
  namespaces:
    description:
      - The seats' namespaces, reset side by side. All are refused, before anything is touched,
        unless each carries all of I(namespace_labels).
    type: list
    elements: str
    required: true
  namespace_labels:
    description: Labels by which a lab's namespace is known.
    type: dict
    required: true
  to:
    description: The step to go back to.
    type: str
    choices: [project, workbench, trained, served, complete]
    default: project
  roles:
    description: Directory of the roles, each of which says in C(meta/makes.yml) what it makes.
    type: path
    required: true
  kubeconfig:
    description: Path of the kubeconfig; the environment's when left out.
    type: path
  ca_certificate:
    description: PEM file that verifies the Routes' certificates; the machine's when left out.
    type: path
  store_secret:
    description: Secret with the object store's own keys C(accesskey) and C(secretkey).
    type: str
    required: true
  buckets:
    description: The buckets that are emptied, the lab's and the pipeline server's own.
    type: list
    elements: str
    required: true
  storage_route:
    description: Route of the object store.
    type: str
    required: true
  pipelines_route:
    description: Route of the pipeline server.
    type: str
    required: true
  pipelines_account:
    description:
      - Service account whose token opens the pipeline server. Its Secret of the same name is made
        anew where the token in it does not work.
    type: str
    required: true
  kept_keys:
    description: Keys in the buckets that are the lab's own data and stay.
    type: list
    elements: str
    default: [data/train.csv, data/test.csv]
  timeout:
    description: Seconds within which what was removed must be gone.
    type: int
    default: 120
author:
  - The MNIST lab suite
"""

EXAMPLES = r"""
- name: Bring seat 3 back to a clean start
  lab_reset:
    namespaces: [mnist-3]
    namespace_labels: {app.kubernetes.io/part-of: mnist-lab}
    to: project
    roles: roles
    store_secret: ds-pipeline-s3-ds-pipeline
    buckets: [rhods, mlpipeline]
    storage_route: minio-ds-pipeline
    pipelines_route: ds-pipeline-ds-pipeline
    pipelines_account: pipelines-client
"""

RETURN = r"""
removed:
  description: What was removed, or would be in check mode.
  type: list
  returned: always
kept:
  description: Foreign objects of the same kinds, which stay.
  type: list
  returned: always
restored:
  description: What the lab's roles make again, emptied.
  type: list
  returned: always
unused:
  description: The lab's own volumes that nobody has used yet, which stay as they are.
  type: list
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.outcome import finish
from lab_playbook.resetting import reset
from lab_reset.planning import STEPS

ARGUMENTS = {
    "namespaces": {"type": "list", "elements": "str", "required": True},
    "namespace_labels": {"type": "dict", "required": True},
    "to": {"type": "str", "default": "project", "choices": list(STEPS)},
    "roles": {"type": "path", "required": True},
    "kubeconfig": {"type": "path"},
    "ca_certificate": {"type": "path"},
    "store_secret": {"type": "str", "required": True, "no_log": False},
    "buckets": {"type": "list", "elements": "str", "required": True},
    "storage_route": {"type": "str", "required": True},
    "pipelines_route": {"type": "str", "required": True},
    "pipelines_account": {"type": "str", "required": True},
    "kept_keys": {
        "type": "list",
        "elements": "str",
        "default": ["data/train.csv", "data/test.csv"],
        "no_log": False,
    },
    "timeout": {"type": "int", "default": 120},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, reset)


if __name__ == "__main__":
    main()
