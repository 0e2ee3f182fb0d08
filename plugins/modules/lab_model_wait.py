#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Waits until the model is served in every seat, and says why it is not."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_model_wait
short_description: Wait until a model is served in every namespace
description:
  - Looks at an InferenceService in each of several namespaces, every second, until each is up to
    date or has failed.
  - Fails with a sentence about the first that cannot be served, or that was not in time. A model
    whose server tries again (its store was just starting, say) has 20 seconds to be well.
  - A status that says of which generation it is must be of the present one. ModelMesh may not say
    it; KServe's RawDeployment says its Deployment's.
options:
  name:
    description: Name of the InferenceService.
    type: str
    required: true
  namespaces:
    description: The namespaces to look in.
    type: list
    elements: str
    required: true
  raw:
    description: Whether each model has a Deployment of its own.
    type: bool
    default: false
  timeout:
    description: Seconds until all must be served.
    type: int
    default: 240
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Wait until the model is served
  lab_model_wait:
    name: mnist
    namespaces: [mnist-1, mnist-2]
"""

RETURN = r"""
seconds:
  description: How long it took.
  type: float
  returned: success
"""

import time

from ansible.module_utils.basic import AnsibleModule

from lab_diagnosis import Evidence, Finding, diagnose
from lab_diagnosis.collect import collect, connect, explain_error

PAUSE = 1.0
# Seconds that a status may still be the former spec's, where it does not say whose it is.
SETTLE = 5.0
# Seconds that a failure must last: the server tries again after 3 and 6 more.
PATIENCE = 20.0
API = "serving.kserve.io/v1beta1"
KIND = "InferenceService"
FAILED = ("BlockedByFailedLoad", "InvalidSpec")
MANAGED_BY = "app.kubernetes.io/managed-by"
PLATFORM = "lab-platform"


def is_rolled_out(deployment):
    """Say whether all pods of a Deployment are of its newest template, and ready."""
    status = deployment.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    return (
        status.get("observedGeneration") == deployment["metadata"].get("generation")
        and status.get("updatedReplicas", 0) >= wanted
        and status.get("readyReplicas", 0) >= wanted
        and status.get("replicas", 0) == wanted
    )


def is_current(service, deployment=None):
    """Say whether a status is of the present spec, as far as it can be told."""
    observed = (service.get("status") or {}).get("observedGeneration")
    if observed is None or observed == service["metadata"].get("generation"):
        return True
    # KServe copies the generation of its Deployment, a number with a life of its own.
    labels = (deployment or {}).get("metadata", {}).get("labels") or {}
    foreign = deployment is not None and labels.get(MANAGED_BY) != PLATFORM
    return foreign and is_rolled_out(deployment)


def transition_of(service):
    """Return what a model's status says of the way to what its spec asks for."""
    return ((service.get("status") or {}).get("modelStatus") or {}).get("transitionStatus", "")


def explain_failure(service):
    """Say why a model cannot be served."""
    metadata, status = service["metadata"], service["status"]["modelStatus"]
    failure = status.get("lastFailureInfo") or {}
    state = (status.get("states") or {}).get("targetModelState", "FailedToLoad")
    return Finding(
        f"Model {metadata['namespace']}/{metadata['name']}",
        f"is {state}: {failure.get('message') or 'no reason given'}",
        f"oc -n {metadata['namespace']} describe inferenceservice {metadata['name']}",
    )


def judge(service, deployment, spent):
    """Return ready, failed or waiting."""
    told = (service.get("status") or {}).get("observedGeneration")
    if not is_current(service, deployment):
        return "waiting"
    if told != service["metadata"].get("generation") and spent < SETTLE:
        return "waiting"
    transition = transition_of(service)
    if transition in FAILED:
        return "failed"
    return "ready" if transition == "UpToDate" else "waiting"


def read(client, params):
    """Return the models and their Deployments, each by namespace."""
    found = []
    for api, kind, name in (
        (API, KIND, params["name"]),
        ("apps/v1", "Deployment", f"{params['name']}-predictor"),
    ):
        if kind == "Deployment" and not params["raw"]:
            found.append({})
            continue
        resource = client.resources.get(api_version=api, kind=kind)
        where = {"namespace": params["namespaces"][0]} if len(params["namespaces"]) == 1 else {}
        listed = resource.get(field_selector=f"metadata.name={name}", **where).to_dict()
        found.append({item["metadata"]["namespace"]: item for item in listed["items"]})
    return found


def look(client, params, spent):
    """Return the namespaces that are waited for, and the first model that cannot be served."""
    services, deployments = read(client, params)
    verdicts = {
        namespace: judge(service, deployments.get(namespace), spent)
        for namespace, service in services.items()
    }
    failed = [name for name in params["namespaces"] if verdicts.get(name) == "failed"]
    waiting = [name for name in params["namespaces"] if verdicts.get(name) != "ready"]
    return waiting, services[failed[0]] if failed else None


def count(since, failing, spent):
    """Return since when a model has been failing, and whether that has lasted long enough."""
    if not failing:
        return None, False
    since = spent if since is None else since
    return since, spent - since >= PATIENCE


def late(client, params, namespace):
    """Say in a sentence what a model is still waiting for."""
    try:
        evidence = collect(client, KIND, params["name"], namespace, API)
    except Exception as error:
        evidence = Evidence(KIND, params["name"], namespace, trouble=explain_error(error))
    return diagnose(evidence, "serving the model")


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "namespaces": {"type": "list", "elements": "str", "required": True},
            "raw": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 240},
        },
        supports_check_mode=True,
    )
    params = module.params
    if module.check_mode:
        module.exit_json(changed=False, seconds=0.0)
    began = time.monotonic()
    failing_since = None
    client = None
    while True:
        waiting, failed = params["namespaces"], None
        try:
            client = client or connect()
            waiting, failed = look(client, params, time.monotonic() - began)
        except Exception as error:
            # The API server may be away for a moment; in the end the sentence says so.
            module.debug(f"{KIND} {params['name']}: {explain_error(error)}")
        spent = time.monotonic() - began
        failing_since, lasts = count(failing_since, bool(failed), spent)
        finding = explain_failure(failed) if lasts else None
        if not waiting:
            module.exit_json(changed=False, seconds=round(spent, 1))
        if not finding and spent > params["timeout"]:
            finding = late(client, params, waiting[0])
        if finding:
            module.fail_json(msg=finding.sentence, **finding.as_dict())
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
