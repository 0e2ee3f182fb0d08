#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Waits until an object is as wanted in every namespace, and says why it is not."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_wait
short_description: Wait until objects are ready in every namespace
description:
  - Looks at each object in each of several namespaces, every second, until all are as wanted.
  - When the time is over it fails with a sentence about the first that is not, its cause read
    from conditions, events and pods.
  - In check mode it looks once, waits for nothing and fails for nothing.
options:
  objects:
    description: The objects, which are waited for one after the other.
    type: list
    elements: dict
    required: true
    suboptions:
      api_version:
        description: Group and version of the object.
        type: str
        required: true
      kind:
        description: Kind of the object.
        type: str
        required: true
      name:
        description: Name of the object.
        type: str
        required: true
  namespaces:
    description: The namespaces to look in.
    type: list
    elements: str
    required: true
  state:
    description:
      - C(ready) is what each kind has for it; for a Deployment or StatefulSet all pods of the
        newest template, for a Route the condition Admitted, for a Job that it has ended either way.
        What is being removed, or was stopped, is not ready.
      - C(stopped) is that nothing of the object is to run, nor runs any more.
    type: str
    choices: [ready, stopped]
    default: ready
  timeout:
    description: Seconds to wait.
    type: int
    default: 180
  step:
    description: What is being waited for, in the sentence of a failure.
    type: str
    default: ""
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Wait until the workbenches run
  lab_wait:
    objects:
      - {api_version: apps/v1, kind: StatefulSet, name: notebook}
    namespaces: [mnist-1, mnist-2]
"""

RETURN = r"""
waiting:
  description: Kind, name and namespace of what was not as wanted, in check mode.
  type: list
  elements: str
  returned: success
"""

import time

from ansible.module_utils.basic import AnsibleModule

from lab_diagnosis import Evidence, diagnose
from lab_diagnosis.collect import collect, connect, explain_error
from lab_ground.kubernetes.readiness import is_stopped, readiness

PAUSE = 1.0


def is_ready(thing):
    """Say whether an object is ready; a Job need only have ended, either way."""
    found = readiness(thing)
    return found.ready or (found.failed and thing["kind"] == "Job")


def look(resource, name, namespaces, is_wanted):
    """Return the namespaces where an object is not there or not as wanted."""
    field = f"metadata.name={name}"
    if len(namespaces) == 1:
        found = resource.get(namespace=namespaces[0], field_selector=field)
    else:
        found = resource.get(field_selector=field)
    well = {
        thing["metadata"]["namespace"] for thing in found.to_dict()["items"] if is_wanted(thing)
    }
    return [namespace for namespace in namespaces if namespace not in well]


def explain(client, thing, namespace, step):
    """Say in a sentence why the object of a namespace is not as wanted."""
    what = (thing["kind"], thing["name"], namespace)
    try:
        evidence = collect(client, *what, thing["api_version"])
    except Exception as error:
        evidence = Evidence(*what, trouble=explain_error(error))
    return diagnose(evidence, step)


def wait(module, client, thing, deadline):
    """Look until an object is as wanted everywhere; return where it is not, in check mode."""
    params = module.params
    is_wanted = is_stopped if params["state"] == "stopped" else is_ready
    waiting = params["namespaces"]
    while True:
        try:
            resource = client.resources.get(api_version=thing["api_version"], kind=thing["kind"])
            waiting = look(resource, thing["name"], params["namespaces"], is_wanted)
        except Exception as error:
            # The API server may be away for a moment; in the end the sentence says so.
            module.debug(f"{thing['kind']} {thing['name']}: {error}")
        if not waiting or module.check_mode:
            return [f"{thing['kind']} {namespace}/{thing['name']}" for namespace in waiting]
        if time.monotonic() > deadline:
            finding = explain(client, thing, waiting[0], params["step"])
            module.fail_json(msg=finding.sentence, waiting=waiting, **finding.as_dict())
        time.sleep(PAUSE)


def main():
    """Run the module."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "objects": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {"api_version": text, "kind": text, "name": text},
            },
            "namespaces": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["ready", "stopped"], "default": "ready"},
            "timeout": {"type": "int", "default": 180},
            "step": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        client = connect()
    except Exception as error:
        if module.check_mode:
            module.exit_json(changed=False, waiting=[])
        module.fail_json(msg=explain_error(error))
    deadline = time.monotonic() + params["timeout"]
    waiting = [
        line for thing in params["objects"] for line in wait(module, client, thing, deadline)
    ]
    module.exit_json(changed=False, waiting=waiting)


if __name__ == "__main__":
    main()
