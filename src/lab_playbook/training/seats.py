"""Each seat's model: left alone while it is up to date, trained and checked where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes.config import ConfigException

from lab_diagnosis.collect import explain_error
from lab_ground.connections import secret_texts
from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.kubernetes.errors import ApiError
from lab_playbook.buckets import find_bucket, telling
from lab_playbook.models import StoredModel, compute_fingerprint, read_model, read_tag
from lab_playbook.outcome import Arguments, Result, TaskError
from lab_playbook.training import manifests
from lab_playbook.training.runs import (
    PipelinesClient,
    Say,
    explain_failure,
    follow,
    goes_on,
    list_steps,
    seconds_between,
)
from lab_playbook.training.submission import FIELD_MANAGER, Submission


@dataclass(frozen=True)
class Present:
    """A seat's model, and the SHA-256 of what one would be made from now."""

    model: StoredModel
    fingerprint: str

    def is_current(self, record: Mapping[str, str]) -> bool:
        """Say whether the model is there and was made from what is there now, by its record."""
        return (
            self.model.exists
            and record.get("fingerprint") == self.fingerprint
            and record.get("sha256") == self.model.sha256
        )

    def is_good(self, least: float) -> bool:
        """Say whether the model is whole, is what its JSON describes, and is accurate enough."""
        described = self.model.sidecar.get("sha256")
        return (
            self.model.exists
            and self.model.sha256 == described
            and self.model.accuracy >= least
        )


def at(url: str, namespace: str) -> str:
    """Return an address of the seat."""
    return url.replace("{namespace}", namespace)


def look(arguments: Arguments, namespace: str) -> Present:
    """Read a seat's model and its data's entity tags; what is not there is no failure.

    Raises:
        TaskError: the data connection or the store cannot be read.
    """
    url = at(arguments["store_url"], namespace)
    bucket = find_bucket({**arguments, "namespace": namespace, "url": url})
    with telling(f"The object store at {url} cannot be read"):
        model = read_model(bucket, arguments["model_key"])
        tags = [read_tag(bucket, key) if bucket else "" for key in arguments["data_keys"]]
    fingerprint = compute_fingerprint(tags, arguments["sources"], arguments["profile"])
    return Present(model, fingerprint)


def check(arguments: Arguments, model: StoredModel, namespace: str) -> None:
    """Accept a model that is whole, is the one that its JSON describes, and is good enough.

    Raises:
        TaskError: it is not; with what was found and what is asked for.
    """
    least = arguments["min_accuracy"]
    described = model.sidecar.get("sha256", "nothing")
    if Present(model, "").is_good(least):
        return
    presence = "is in the bucket" if model.exists else "or its JSON is missing"
    raise TaskError(
        f"The run succeeded, but its model is not accepted. {arguments['model_key']} {presence} "
        f"of {namespace}, SHA-256 {model.sha256 or 'nothing'} (its JSON says {described}), "
        f"accuracy {model.sidecar.get('accuracy', 'unknown')}; "
        f"lab_training_min_accuracy asks for {least}."
    )


def open_pipelines(
    cluster: KubernetesClient, arguments: Arguments, namespace: str
) -> PipelinesClient:
    """Return a client of the seat's pipeline server, with the token of its Secret.

    Raises:
        TaskError: there is no such Secret, or no token in it.
    """
    name = arguments["pipelines_client"]
    token = secret_texts(cluster.get("v1", "Secret", name, namespace)).get("token")
    if not token:
        raise TaskError(
            f"Secret {namespace}/{name} holds no token for the pipelines API: "
            "prepare the lab first (./lab run prepare-lab)."
        )
    url = at(arguments["pipelines_url"], namespace)
    return PipelinesClient(url, token, arguments["ca_certificate"])


def train_seat(
    cluster: KubernetesClient, arguments: Arguments, namespace: str, present: Present, say: Say
) -> Result:
    """Train a seat's model: follow the run that goes on, or submit one; check what it stored."""
    pipelines = open_pipelines(cluster, arguments, namespace)
    submission = Submission(cluster, arguments, namespace, present.fingerprint)
    run_id = submission.earlier_run()
    if not run_id or not goes_on(pipelines, run_id):
        run_id = submission.submit()
    run = follow(pipelines, run_id, arguments["timeout"], say)
    if run.get("state") != "SUCCEEDED":
        raise TaskError(explain_failure(run, pipelines))
    stored = look(arguments, namespace)
    check(arguments, stored.model, namespace)
    record = manifests.build_record(arguments, namespace, stored.fingerprint, stored.model)
    cluster.apply(record, field_manager=FIELD_MANAGER)
    seconds = seconds_between(run.get("created_at"), run.get("finished_at"))
    say(
        f"  {namespace}: {arguments['model_key']}, {stored.model.size} bytes, "
        f"accuracy {stored.model.accuracy}, in {seconds} s"
    )
    steps = [
        {"name": step.name, "state": step.state, "seconds": step.seconds}
        for step in list_steps(run)
    ]
    return {"run_id": run_id, "seconds": seconds, "steps": steps, "trained": True}


def look_at_seat(
    cluster: KubernetesClient, arguments: Arguments, namespace: str
) -> tuple[Present, bool]:
    """Return what a seat has, and whether there is nothing to do.

    Where good models are kept, a learner's own counts, whatever it was made from.
    """
    present = look(arguments, namespace)
    record = cluster.get("v1", "ConfigMap", arguments["record"], namespace) or {}
    current = present.is_current(record.get("data") or {})
    if arguments["keep_good"] and present.is_good(arguments["min_accuracy"]):
        current = True
    return present, current and not arguments["force"]


def train(arguments: Arguments, check_mode: bool, say: Say) -> Result:
    """Train each seat's model that is not up to date, one after another.

    In check mode only the seats that would be trained are named.

    Raises:
        TaskError: a seat's training did not come to an accepted model, or could not be begun.
    """
    seats: dict[str, Any] = {}
    try:
        cluster = open_client(arguments["kubeconfig"])
        for namespace in arguments["namespaces"]:
            present, current = look_at_seat(cluster, arguments, namespace)
            if current:
                continue
            seats[namespace] = (
                {"trained": False}
                if check_mode
                else train_seat(cluster, arguments, namespace, present, say)
            )
    except (ApiError, ConfigException) as error:
        raise TaskError(f"The lab cannot be trained: {explain_error(error)}") from error
    return {"changed": bool(seats), "seats": seats}
