"""Five faults, made for real in the running lab: the validation's report names each one's cause.

Each fault is mended afterwards; the last test finds the lab whole. The reports stay in
`.lab/reports/faults`. For the embedded lab: one fault takes an image from its node.
"""

from __future__ import annotations

import base64
import html
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import config, dynamic

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader
from lab_ground.redaction import Redactor
from lab_ground.waiting import wait_for
from lab_validation.templating import sentence_text

REPOSITORY = Path(__file__).resolve().parents[3]
REPORTS = REPOSITORY / ".lab" / "reports" / "faults"
MODEL = ("serving.kserve.io/v1beta1", "InferenceService", "mnist")
RUNTIME = (
    "image-registry.openshift-image-registry.svc:5000/redhat-ods-applications/mnist-runtime:1.0"
)
KEPT = "lab.local/kept-by-a-test:1"
CONTAINERD = ["ctr", "--address", "/run/mnist-lab/containerd.sock", "--namespace", "k8s.io"]
PATIENCE = 180
# All but those that take minutes and need nothing that these faults break.
STEPS = ("project", "data", "images", "pipelines", "serving", "token", "inference")


@dataclass(frozen=True)
class Lab:
    """The running lab, which these tests break and mend."""

    namespace: str
    cluster: ClusterReader
    api: dynamic.DynamicClient

    def patch(self, api_version: str, kind: str, name: str, body: dict[str, Any]) -> None:
        """Merge ``body`` into an object."""
        resource = self.api.resources.get(api_version=api_version, kind=kind)
        place = {"namespace": self.namespace} if resource.namespaced else {}
        resource.patch(name=name, body=body, content_type="application/merge-patch+json", **place)

    def becomes(self) -> str:
        """The model's transitionStatus: UpToDate where it is what it should be."""
        found = self.cluster.find(*MODEL, self.namespace) or {}
        status = found.get("status", {}).get("modelStatus") or {}
        return str(status.get("transitionStatus", ""))

    def held(self) -> set[str]:
        """The names of the images that the nodes say they hold."""
        nodes = self.cluster.objects("v1", "Node", "")
        return {
            n
            for node in nodes
            for each in node["status"]["images"]
            for n in each.get("names") or ()
        }


@pytest.fixture(scope="module")
def lab(kubeconfig: Path | None, cluster: ClusterReader, namespace: str) -> Lab:
    path = str(kubeconfig) if kubeconfig else None
    return Lab(namespace, cluster, dynamic.DynamicClient(config.new_client_from_config(path)))


def wait_until(reached: Callable[[], bool], what: str) -> None:
    wait_for(reached, PATIENCE, what, 1)


@contextmanager
def wrong_key(lab: Lab) -> Iterator[None]:
    """The data connection's secret key is another one."""
    name, key = "aws-connection-s3-creds", "AWS_SECRET_ACCESS_KEY"
    right = lab.cluster.find("v1", "Secret", name, lab.namespace)["data"][key]
    wrong = base64.b64encode(b"a-key-that-opens-nothing").decode()
    lab.patch("v1", "Secret", name, {"data": {key: wrong}})
    try:
        yield
    finally:
        lab.patch("v1", "Secret", name, {"data": {key: right}})


@contextmanager
def no_label(lab: Lab) -> Iterator[None]:
    """The namespace lacks the label that lets models be served in it."""

    def label(value: str | None) -> None:
        body = {"metadata": {"labels": {"modelmesh-enabled": value}}}
        lab.patch("v1", "Namespace", lab.namespace, body)

    label(None)
    try:
        wait_until(lambda: lab.becomes() == "InvalidSpec", "the model is refused")
        yield
    finally:
        label("true")
        wait_until(lambda: lab.becomes() == "UpToDate", "the model is loaded")


@contextmanager
def wrong_path(lab: Lab) -> Iterator[None]:
    """The InferenceService names a file that is not in the bucket."""

    def name(path: str) -> None:
        body = {"spec": {"predictor": {"model": {"storage": {"path": path}}}}}
        lab.patch(*MODEL, body)

    found = lab.cluster.find(*MODEL, lab.namespace)
    right = found["spec"]["predictor"]["model"]["storage"]["path"]
    name("onnx/no-such-model.onnx")
    try:
        wait_until(lambda: lab.becomes() == "BlockedByFailedLoad", "the model cannot be loaded")
        yield
    finally:
        name(right)
        wait_until(lambda: lab.becomes() == "UpToDate", "the model is loaded")


@contextmanager
def no_image(lab: Lab) -> Iterator[None]:
    """The node has lost the image in which the steps of the pipelines run."""
    subprocess.run([*CONTAINERD, "images", "tag", "--force", RUNTIME, KEPT], check=True)
    subprocess.run([*CONTAINERD, "images", "remove", RUNTIME], check=True)
    try:
        wait_until(lambda: RUNTIME not in lab.held(), "the node says that it lacks the image")
        yield
    finally:
        subprocess.run([*CONTAINERD, "images", "tag", "--force", KEPT, RUNTIME], check=True)
        subprocess.run([*CONTAINERD, "images", "remove", KEPT], check=True)


@contextmanager
def revoked_token(lab: Lab) -> Iterator[None]:
    """The Secret with the model's token is deleted, which ends the token everywhere."""
    name = "model-mesh"
    secrets = lab.api.resources.get(api_version="v1", kind="Secret")
    found = lab.cluster.find("v1", "Secret", name, lab.namespace)
    metadata = {key: found["metadata"][key] for key in ("name", "labels", "annotations")}
    metadata["annotations"].pop("kubernetes.io/service-account.uid", None)
    secrets.delete(name=name, namespace=lab.namespace)
    try:
        yield
    finally:
        body = {
            "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": found["type"],
        }  # fmt: skip
        secrets.create(body=body, namespace=lab.namespace)


@dataclass(frozen=True)
class Fault:
    """A fault, the step at which a learner first meets it, and what the report must say.

    ``checked`` are the steps that are validated, all where it is empty.
    """

    make: Callable[[Lab], AbstractContextManager[None]]
    step: str
    sentence: str
    checked: tuple[str, ...] = STEPS


FAULTS = {
    # First, since the function gets a new token only when the kubelet renews its volume.
    "revoked-token": Fault(
        revoked_token,
        "serving",
        r"the model's token was revoked: Secret \S+/model-mesh is not",
        checked=(),
    ),
    "wrong-key": Fault(
        wrong_key,
        "project",
        r"The data connection .* refuses the key in Secret aws-connection-s3-creds: "
        r"the secret key is wrong",
    ),
    "no-label": Fault(no_label, "project", r"namespace \S+ lacks the label modelmesh-enabled=true"),
    "wrong-path": Fault(wrong_path, "serving", r"cannot be loaded: .*onnx/no-such-model\.onnx"),
    "no-image": Fault(no_image, "images", r"no node has the image \S+/mnist-runtime:1\.0"),
}


def validate(directory: Path, steps: tuple[str, ...] = ()) -> tuple[int, dict[str, Any], str]:
    """Validate the lab as an instructor does; return the status, the summary and the page."""
    done = subprocess.run(
        [
            "./lab", "run", "validate-lab", "-e", f"lab_validation_reports={directory}",
            "-e", json.dumps({"lab_validation_steps": steps}),
        ],
        cwd=REPOSITORY, text=True, capture_output=True, check=False, timeout=900,
    )  # fmt: skip
    summary = json.loads((directory / "summary.json").read_text())
    return done.returncode, summary, html.unescape((directory / "index.html").read_text())


@pytest.mark.parametrize("name", FAULTS)
def test_the_report_names_the_cause(lab: Lab, access: Access, name: str) -> None:
    fault = FAULTS[name]
    with fault.make(lab):
        status, summary, page = validate(REPORTS / name, fault.checked)
    assert status != 0
    first = next(step for step in summary["steps"] if step["outcome"] == "failed")
    assert first["id"] == fault.step, first
    told = [cause for cause in first["causes"] if re.search(fault.sentence, cause)]
    assert told, first["causes"]
    top = page.partition("<details")[0]
    assert "What is wrong" in top
    assert sentence_text(told[0]) in top
    redactor = Redactor(lab.cluster.secret_values(lab.namespace))
    assert not redactor.leaks(page + json.dumps(summary))


def test_the_lab_is_whole_afterwards(lab: Lab) -> None:
    wait_until(lambda: lab.becomes() == "UpToDate", "the model is loaded")
    wait_until(lambda: RUNTIME in lab.held(), "the node has its image back")
    # The function reads its token from a volume, which the kubelet renews once a minute or so.
    wait_until(lambda: validate(REPORTS / "mended")[0] == 0, "every check passes")
