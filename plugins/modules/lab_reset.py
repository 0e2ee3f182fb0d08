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
  - Two resets of one seat never run at once (Lease C(lab-reset)). An interrupted one can be
    run again.
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
  data_connection:
    description: Secret of the data connection whose bucket is emptied.
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
  pipelines_token_secret:
    description: Secret whose key C(token) opens the pipeline server.
    type: str
    required: true
  kept_prefixes:
    description: Prefixes in the bucket that are the lab's own data and stay.
    type: list
    elements: str
    default: [data/]
  timeout:
    description: Seconds within which what was removed must be gone.
    type: int
    default: 120
  lease_timeout:
    description: Seconds to wait for another reset of the seat to end.
    type: int
    default: 60
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
    data_connection: aws-connection-s3-creds
    storage_route: minio-ds-pipeline
    pipelines_route: ds-pipeline-ds-pipeline
    pipelines_token_secret: lab-pipelines-token
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

import time
from concurrent.futures import ThreadPoolExecutor

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_reset import bucket as buckets
from ansible.module_utils.lab_reset import cluster as clusters
from ansible.module_utils.lab_reset import lease, pipelines, planning


class Seat:
    """One seat: its objects, its bucket and its pipeline server, under one reset."""

    def __init__(self, params, cluster):
        """Read what exists; connect to bucket and server where their Routes are there."""
        self.params = params
        self.cluster = cluster
        self.rules = planning.parse_rules(params["rules"])
        self.erases_work = planning.step_index(params["to"]) < planning.step_index("trained")
        self.bucket = self._bucket() if self.erases_work else None
        self.server = self._server() if self.erases_work else None

    def _bucket(self):
        credentials = self.cluster.secret(self.params["data_connection"])
        url = self.cluster.route_url(self.params["storage_route"])
        if not credentials or not url:
            return None
        return buckets.Bucket(url, credentials, self.params["ca_certificate"])

    def _server(self):
        token = self.cluster.secret(self.params["pipelines_token_secret"])
        url = self.cluster.route_url(self.params["pipelines_route"])
        if not token or not url:
            return None
        return pipelines.PipelineServer(url, token["token"], self.params["ca_certificate"])

    def plan(self):
        """Return the plan for the objects, the keys and the rows to remove."""
        kinds = dict.fromkeys((rule.api_version, rule.kind) for rule in self.rules)
        things = {kind: self.cluster.objects(*kind) for kind in kinds}
        outcome = planning.plan(self.rules, things, self.params["to"])
        keys = self.bucket.keys() if self.bucket else []
        return (
            outcome,
            buckets.removable(keys, self.params["kept_prefixes"]),
            self.server.rows() if self.server else [],
        )

    def apply(self, outcome, rows):
        """Remove objects, rows and keys: schedules before runs, runs before their files."""
        if rows:
            self.server.delete(rows)
        clusters.remove(self.cluster, outcome.remove, self.params["timeout"])
        if self.bucket:
            # Steps that were ending while their run was removed may have written more.
            self.bucket.delete(buckets.removable(self.bucket.keys(), self.params["kept_prefixes"]))

    def prove(self):
        """Look again, from the outside, and name whatever is left."""
        outcome, keys, rows = self.plan()
        left = [str(reference) for reference in outcome.remove]
        left += [f"s3://{self.bucket.name}/{key}" for key in keys]
        left += [f"{path} {name or identifier}" for path, identifier, name, _ in rows]
        served = planning.step_index(self.params["to"]) >= planning.step_index("served")
        left += clusters.cluster_leftovers(self.cluster, served)
        return left


def connect(params, namespace):
    """Return a seat's cluster, refused unless the namespace is a lab's."""
    from kubernetes import config, dynamic

    client = dynamic.DynamicClient(config.new_client_from_config(params["kubeconfig"]))
    cluster = clusters.Cluster(client, namespace)
    labels = cluster.namespace_labels()
    if labels is None:
        raise clusters.ResetError(f"namespace {namespace} does not exist; ./lab up makes it")
    wrong = {k: v for k, v in params["namespace_labels"].items() if labels.get(k) != v}
    if wrong:
        wanted = ", ".join(f"{k}={v}" for k, v in wrong.items())
        raise clusters.ResetError(
            f"namespace {namespace} is not a lab's: it lacks the label {wanted}. "
            "Nothing was touched; name seats of the lab in lab_reset_namespaces"
        )
    return cluster


def describe(outcome, keys, rows):
    """Return the plan as lines, for people and for the diff."""
    removed = [str(reference) for reference in outcome.remove]
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
    if check_mode:
        return describe(*Seat(params, cluster).plan())
    leases = cluster.api("coordination.k8s.io/v1", "Lease")
    with lease.Lease(leases, cluster.namespace, params["lease_timeout"]):
        seat = Seat(params, cluster)
        parts = seat.plan()
        lines = describe(*parts)
        if lines["removed"]:
            seat.apply(parts[0], parts[2])
        left = settle(seat, params["timeout"])
    if left:
        raise clusters.ResetError(
            f"{cluster.namespace} is not clean, this was left behind: {', '.join(left)}"
        )
    return lines


def settle(seat, timeout, pause=1):
    """Look until nothing is left, and return what still is after ``timeout`` seconds.

    A volume outlives its claim for the moments that its provisioner takes to empty it.
    """
    end = time.monotonic() + timeout
    while (left := seat.prove()) and time.monotonic() < end:
        time.sleep(pause)
    return left


def attempt(params, cluster, check_mode):
    """Reset one seat; return its lines and, where it failed, the sentence that says why."""
    try:
        return reset_seat(params, cluster, check_mode), ""
    except (clusters.ResetError, planning.PlanError, lease.LeaseHeldError) as error:
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
            "data_connection": {"type": "str", "required": True},
            "storage_route": {"type": "str", "required": True},
            "pipelines_route": {"type": "str", "required": True},
            "pipelines_token_secret": {"type": "str", "required": True, "no_log": False},
            "kept_prefixes": {"type": "list", "elements": "str", "default": ["data/"]},
            "timeout": {"type": "int", "default": 120},
            "lease_timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    params, namespaces = module.params, module.params["namespaces"]
    try:
        seats = [connect(params, namespace) for namespace in namespaces]
    except clusters.ResetError as error:
        module.fail_json(msg=str(error))
    with ThreadPoolExecutor(max_workers=8) as pool:
        outcomes = list(pool.map(lambda c: attempt(params, c, module.check_mode), seats))
    result = merge(namespaces, outcomes)
    if failures := [sentence for _, sentence in outcomes if sentence]:
        module.fail_json(msg=". ".join(failures), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
