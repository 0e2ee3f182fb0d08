"""How the model is served: ModelMesh as the lab's text has it, or KServe without it."""

from __future__ import annotations

import pytest
import yaml

from lab_ground.kubernetes.manifest import Manifest

from .rendering import INVENTORIES, MODES, render, render_text

SUM = "0" * 64


def serving(inventory: str, mode: str, **overrides: object) -> dict[str, Manifest]:
    manifests = render(inventory, lab_serving_mode=mode, **overrides)
    kinds = ("ServingRuntime", "InferenceService")
    return {one["kind"]: one for one in manifests if one["kind"] in kinds}


@pytest.mark.parametrize("inventory", INVENTORIES)
@pytest.mark.parametrize(
    ("mode", "deployment", "runtime", "multi"),
    [("modelmesh", "ModelMesh", "model-server", True), ("raw", "RawDeployment", "mnist", False)],
)
def test_the_mode_is_the_models_and_the_servers(
    inventory: str, mode: str, deployment: str, runtime: str, multi: bool
) -> None:
    found = serving(inventory, mode)
    server, model = found["ServingRuntime"], found["InferenceService"]
    assert server["metadata"]["name"] == runtime
    assert server["spec"]["multiModel"] is multi
    assert server["metadata"]["annotations"]["enable-auth"] == "true"
    annotations = model["metadata"]["annotations"]
    assert annotations["serving.kserve.io/deploymentMode"] == deployment
    assert (annotations.get("security.opendatahub.io/enable-auth") == "true") is not multi
    wanted = model["spec"]["predictor"]["model"]
    assert wanted["runtime"] == runtime
    assert wanted["modelFormat"] == {"name": "onnx", "version": "1"}
    formats = server["spec"]["supportedModelFormats"]
    assert {"name": "onnx", "version": "1"}.items() <= formats[0].items()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("inventory", INVENTORIES)
def test_the_models_checksum_is_part_of_its_spec(inventory: str, mode: str) -> None:
    model = serving(inventory, mode)["InferenceService"]["spec"]["predictor"]["model"]
    assert model["storage"] == {
        "key": "aws-connection-s3-creds",
        "path": "onnx" if mode == "raw" else "onnx/model-v2.onnx",
        "parameters": {"sha256": SUM},
    }


@pytest.mark.parametrize("stored", [{}, {"skipped": True}, {"checksums": {"mnist": ""}}])
def test_a_model_that_cannot_be_read_has_no_checksum(stored: dict[str, object]) -> None:
    text = render_text("embedded", "lab_serving", "model.yml.j2", __lab_serving_stored=stored)
    (model,) = yaml.safe_load_all(text)
    storage = model["spec"]["predictor"]["model"]["storage"]
    assert storage == {"key": "aws-connection-s3-creds", "path": "onnx/model-v2.onnx"}


@pytest.mark.parametrize(
    ("mode", "account", "kind", "role"),
    [
        ("modelmesh", "model-server-sa", "Role", "model-server-view-role"),
        ("raw", "mnist-sa", "Role", "mnist-view-role"),
    ],
)
def test_callers_get_the_right_that_the_proxy_asks_for(
    mode: str, account: str, kind: str, role: str
) -> None:
    manifests = render("openshift", lab_serving_mode=mode)
    (binding,) = (
        one
        for one in manifests
        if one["kind"] == "RoleBinding" and one["subjects"][0]["name"] == account
    )
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == (kind, role)
    tokens = [
        one["metadata"]["name"]
        for one in manifests
        if one.get("type") == "kubernetes.io/service-account-token"
        and one["metadata"]["labels"].get("app.kubernetes.io/component") == "serving"
    ]
    assert tokens == ["model-mesh"]


def test_openshifts_own_server_is_taken() -> None:
    server = serving("openshift", "modelmesh")["ServingRuntime"]
    assert server["metadata"]["annotations"]["opendatahub.io/template-name"] == "ovms"
    assert server["spec"]["builtInAdapter"]["serverType"] == "ovms"
    assert serving("embedded", "modelmesh")["ServingRuntime"]["spec"]["containers"][0]["name"] == (
        "mlserver"
    )
