#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Waits until an object is as wanted in every namespace, and says why it is not."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_wait
short_description: Wait until an object is ready in every namespace
description:
  - Looks at one object in each of several namespaces, every second, until all are as wanted.
  - When the time is over it fails with a sentence about the first that is not, its cause read
    from conditions, events and pods.
  - In check mode it looks once, waits for nothing and fails for nothing.
options:
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
      - C(ready) is the condition Ready, for a Deployment or StatefulSet all pods of the newest
        template, for a Route the condition Admitted, for a Job that it has ended either way.
      - C(stopped) is a StatefulSet without pods.
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
    api_version: apps/v1
    kind: StatefulSet
    name: notebook
    namespaces: [mnist-1, mnist-2]
"""

RETURN = r"""
objects:
  description: The object of each namespace where there is one.
  type: dict
  returned: success
waiting:
  description: The namespaces where it was not as wanted, in check mode.
  type: list
  elements: str
  returned: success
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_diagnosis import Evidence, diagnose
from ansible.module_utils.lab_diagnosis.collect import collect, connect, explain_error

PAUSE = 1.0


def has_condition(conditions, *kinds):
    """Say whether one of these conditions is true."""
    return any(
        condition.get("type") in kinds and condition.get("status") == "True"
        for condition in conditions or []
    )


def is_ready(thing):
    """Say whether an object is as wanted; each kind has its own way to say so."""
    status = thing.get("status") or {}
    metadata = thing["metadata"]
    if status.get("observedGeneration", metadata.get("generation")) != metadata.get("generation"):
        return False
    kind = thing["kind"]
    if kind in ("Deployment", "StatefulSet"):
        wanted = thing["spec"].get("replicas", 1)
        updated = status.get("updatedReplicas", 0) >= wanted
        return updated and status.get("readyReplicas", 0) >= wanted > 0
    if kind == "Job":
        return has_condition(status.get("conditions"), "Complete", "Failed")
    if kind == "Route":
        return any(
            has_condition(entry.get("conditions"), "Admitted")
            for entry in status.get("ingress") or []
        )
    return has_condition(status.get("conditions"), "Ready")


def is_stopped(thing):
    """Say whether a StatefulSet has no pods, nor is to have any."""
    return not thing["spec"].get("replicas", 1) and not (thing.get("status") or {}).get("replicas")


def look(resource, name, namespaces, is_wanted):
    """Return the objects that are there, and the namespaces where it is not as wanted."""
    field = f"metadata.name={name}"
    if len(namespaces) == 1:
        found = resource.get(namespace=namespaces[0], field_selector=field)
    else:
        found = resource.get(field_selector=field)
    objects = {thing["metadata"]["namespace"]: thing for thing in found.to_dict()["items"]}
    waiting = [
        namespace
        for namespace in namespaces
        if namespace not in objects or not is_wanted(objects[namespace])
    ]
    return {name: objects[name] for name in namespaces if name in objects}, waiting


def explain(client, params, namespace):
    """Say in a sentence why the object of a namespace is not as wanted."""
    what = (params["kind"], params["name"], namespace)
    try:
        evidence = collect(client, *what, params["api_version"])
    except Exception as error:
        evidence = Evidence(*what, trouble=explain_error(error))
    return diagnose(evidence, params["step"])


def wait(module, client, resource):
    """Look until all is as wanted or the time is over."""
    params = module.params
    is_wanted = is_stopped if params["state"] == "stopped" else is_ready
    deadline = time.monotonic() + params["timeout"]
    waiting = params["namespaces"]
    while True:
        try:
            objects, waiting = look(resource, params["name"], params["namespaces"], is_wanted)
        except Exception:
            # The API server may be away for a moment; in the end the sentence says so.
            objects = {}
        if not waiting or module.check_mode:
            return objects, waiting
        if time.monotonic() > deadline:
            finding = explain(client, params, waiting[0])
            module.fail_json(msg=finding.sentence, waiting=waiting, **finding.as_dict())
        time.sleep(PAUSE)


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "api_version": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
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
        resource = client.resources.get(api_version=params["api_version"], kind=params["kind"])
    except Exception as error:
        if module.check_mode:
            module.exit_json(changed=False, objects={}, waiting=params["namespaces"])
        module.fail_json(msg=explain_error(error))
    objects, waiting = wait(module, client, resource)
    module.exit_json(changed=False, objects=objects, waiting=waiting)


if __name__ == "__main__":
    main()
