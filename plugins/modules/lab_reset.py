#!/usr/bin/python
"""Bring a seat of the MNIST lab back to a step."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_reset
short_description: Bring a seat of the MNIST lab back to a step
description:
  - Removes from a lab's namespace what steps after I(to) made, in the reverse order of the
    lab, waits until it is gone, and proves that nothing of it is left.
  - Removes only what the rules in I(rules) claim; names what it keeps as foreign.
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
  rules:
    description: What each step makes, as in the role's C(vars/main.yml).
    type: list
    elements: dict
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
  bucket:
    description: The bucket that is emptied.
    type: str
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
    description: Keys in the bucket that are the lab's own data and stay.
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
    rules: "{{ lab_reset__rules }}"
    store_secret: ds-pipeline-s3-ds-pipeline
    bucket: rhods
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

from concurrent.futures import ThreadPoolExecutor

from ansible.module_utils.basic import AnsibleModule

from lab_reset import cluster as clusters
from lab_reset import planning
from lab_reset import seat as seats


def describe(outcome, keys, rows):
    """Return the plan as lines, for people and for the diff."""
    removed = [reference.told() for reference in outcome.remove]
    removed += [f"{path} {name or identifier}" for path, identifier, name, _ in rows]
    removed += [f"s3 {key}" for key in keys]
    return {
        "removed": removed,
        "kept": [str(reference) for reference in outcome.keep],
        "restored": [str(reference) for reference in outcome.restore],
        "unused": [str(reference) for reference in outcome.unused],
    }


def as_diff(lines):
    """Return Ansible's diff: what is there now against what will be.

    What is kept differs in both texts, since a diff leaves out most of what is the same.
    """
    present = [f"present  {line}" for line in [*lines["kept"], *lines["unused"], *lines["removed"]]]
    after = [f"keep     {line} (not of the lab)" for line in lines["kept"]]
    after += [f"keep     {line} (never used, still empty)" for line in lines["unused"]]
    after += [f"restored {line} (empty)" for line in lines["restored"]]
    return {"before": "\n".join(present) + "\n", "after": "\n".join(after) + "\n"}


def reset_seat(params, cluster, check_mode):
    """Plan, and unless in check mode remove and prove; return the plan's lines."""
    seat = seats.Seat(params, cluster)
    parts = seat.plan()
    lines = describe(*parts)
    if check_mode:
        return lines
    if lines["removed"]:
        seat.apply(parts[0], parts[2])
    if left := seat.settle():
        raise clusters.ResetError(
            f"{cluster.namespace} is not clean, this was left behind: {', '.join(left)}"
        )
    return lines


def attempt(params, cluster, check_mode):
    """Reset one seat; return its lines and, where it failed, the sentence that says why."""
    try:
        return reset_seat(params, cluster, check_mode), ""
    except (clusters.ResetError, planning.PlanError) as error:
        return None, str(error)
    except Exception as error:
        # A dropped connection or a refused call: the seat is named, the reset can be repeated.
        kind = type(error).__name__
        return None, f"reset of {cluster.namespace} stopped ({kind}: {error}); run it again"


def merge(namespaces, outcomes):
    """Return one result for all seats; each line says which seat it speaks of."""
    lines = {"removed": [], "kept": [], "restored": [], "unused": []}
    for namespace, (found, _) in zip(namespaces, outcomes, strict=True):
        for key, values in (found or {}).items():
            lines[key] += [f"{namespace}: {value}" for value in values]
    return {"changed": bool(lines["removed"]), "diff": as_diff(lines), **lines}


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "namespaces": {"type": "list", "elements": "str", "required": True},
            "namespace_labels": {"type": "dict", "required": True},
            "to": {"type": "str", "default": "project", "choices": list(planning.STEPS)},
            "rules": {"type": "list", "elements": "dict", "required": True},
            "kubeconfig": {"type": "path"},
            "ca_certificate": {"type": "path"},
            "store_secret": {"type": "str", "required": True, "no_log": False},
            "bucket": {"type": "str", "required": True},
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
        },
        supports_check_mode=True,
    )
    params, namespaces = module.params, module.params["namespaces"]
    try:
        found = [
            clusters.open_seat(params["kubeconfig"], namespace, params["namespace_labels"])
            for namespace in namespaces
        ]
    except clusters.ResetError as error:
        module.fail_json(msg=str(error))
    with ThreadPoolExecutor(max_workers=8) as pool:
        outcomes = list(pool.map(lambda c: attempt(params, c, module.check_mode), found))
    result = merge(namespaces, outcomes)
    if failures := [sentence for _, sentence in outcomes if sentence]:
        module.fail_json(msg=". ".join(failures), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
