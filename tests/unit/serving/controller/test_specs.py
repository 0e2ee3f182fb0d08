"""Reading InferenceServices, and which runtime serves which model."""

from __future__ import annotations

from typing import Any

import pytest

from controllers.model_serving.specs import (
    Model,
    Runtime,
    SpecError,
    choose_runtime,
    read_model,
    with_storage_key,
)
from controllers.model_serving.storage_config import read_connections

from . import manifests


def read(**changes: Any) -> Model:
    return read_model(manifests.service(**changes), model_mesh_enabled=True)


def test_the_labs_model() -> None:
    model = read()
    assert (model.name, model.mode, model.format_name) == ("mnist", "ModelMesh", "onnx")
    assert (model.storage_key, model.path) == ("aws-connection-s3-creds", "onnx/model-v2.onnx")
    assert model.revision.startswith("mnist__isvc-")
    assert len(model.revision.removeprefix("mnist__isvc-")) == 10
    assert int(model.revision.removeprefix("mnist__isvc-"), 16) >= 0


def test_another_source_is_another_revision() -> None:
    storage = {"key": "aws-connection-s3-creds", "path": "onnx/model-v3.onnx"}
    assert read().revision == read().revision
    assert read(model={"storage": storage}).revision != read().revision
    assert read(model={"runtime": "other"}).revision == read().revision


def test_another_sum_is_another_revision() -> None:
    def revision(**parameters: str) -> str:
        storage = {"key": "aws-connection-s3-creds", "path": "onnx/model-v2.onnx"}
        return read(model={"storage": {**storage, "parameters": parameters}}).revision

    assert revision() == read().revision
    assert revision(sha256="a" * 64) == revision(sha256="a" * 64)
    assert len({revision(), revision(sha256="a" * 64), revision(sha256="b" * 64)}) == 3
    assert revision(bucket="other") != revision()


def test_older_spellings_are_read() -> None:
    older = {"predictor": {"onnx": {"storageUri": "s3://rhods/onnx/model-v2.onnx"}}}
    model = read(spec=older, annotations={"serving.kserve.io/secretKey": "s3-creds"})
    assert (model.format_name, model.bucket, model.path) == ("onnx", "rhods", "onnx/model-v2.onnx")
    assert model.storage_key == "s3-creds"


@pytest.mark.parametrize(
    ("mode", "enabled", "expected"),
    [
        ("ModelMesh", True, "ModelMesh"),
        ("RawDeployment", True, "RawDeployment"),
        ("Standard", True, "RawDeployment"),
        ("Serverless", True, "Serverless"),
        (None, True, "ModelMesh"),
        (None, False, "RawDeployment"),
    ],
)
def test_modes(mode: str | None, enabled: bool, expected: str) -> None:
    manifest = manifests.service(mode=mode)
    assert read_model(manifest, model_mesh_enabled=enabled).mode == expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"predictor": {}}, "has no model"),
        ({"predictor": {"model": {"modelFormat": {}}}}, "no modelFormat.name"),
        ({"predictor": {"model": {"modelFormat": {"name": "onnx"}}}}, "neither storage.path"),
        ({"predictor": {"onnx": {"storageUri": "pvc://x/y"}}}, "is not s3://bucket/path"),
        ({"predictor": {"onnx": {"storageUri": "s3://bucket"}}}, "neither storage.path"),
    ],
)
def test_what_cannot_be_read_is_named(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message) as raised:
        read(spec=spec)
    assert raised.value.reason == "InvalidPredictorSpec"


@pytest.mark.parametrize(
    ("runtimes", "model", "reason", "message"),
    [
        ([], {}, "RuntimeNotRecognized", "no ServingRuntime 'model-server'; there are: none"),
        ([{"spec": {"disabled": True}}], {}, "RuntimeDisabled", "is disabled"),
        (
            [{}],
            {"modelFormat": {"name": "pytorch", "version": "1"}},
            "NoSupportingRuntime",
            "does not support format pytorch 1",
        ),
        ([{"spec": {"multiModel": False}}], {}, "NoSupportingRuntime", "no multi-model runtime"),
        (
            [{}],
            {"runtime": "", "modelFormat": {"name": "onnx", "version": "2"}},
            "NoSupportingRuntime",
            "no ServingRuntime supports format onnx 2",
        ),
        (
            [{"spec": {"supportedModelFormats": [{"name": "onnx", "version": "1"}]}}],
            {"runtime": ""},
            "NoSupportingRuntime",
            "no ServingRuntime supports",
        ),
    ],
)
def test_a_model_without_a_runtime_says_why(
    runtimes: list[dict[str, Any]], model: dict[str, Any], reason: str, message: str
) -> None:
    found = [Runtime.read(manifests.runtime(**changes)) for changes in runtimes]
    with pytest.raises(SpecError, match=message) as raised:
        choose_runtime(read(model=model), found)
    assert raised.value.reason == reason


def test_a_model_that_names_no_runtime_gets_a_fitting_one() -> None:
    runtimes = [
        Runtime.read(manifests.runtime("z-onnx")),
        Runtime.read(manifests.runtime("b-onnx")),
        Runtime.read(manifests.runtime("a-raw", spec={"multiModel": False})),
    ]
    unversioned = {"runtime": "", "modelFormat": {"name": "onnx"}}
    assert choose_runtime(read(model=unversioned), runtimes).name == "b-onnx"


def test_the_only_fitting_data_connection_is_taken() -> None:
    model = read(model={"storage": {"path": "m.onnx"}})
    uri = read(model={"storage": {}, "storageUri": "s3://rhods/m.onnx"})
    connections = {"one": {"bucket": "rhods"}, "two": {"bucket": "other"}}
    assert with_storage_key(uri, connections).storage_key == "one"
    assert with_storage_key(model, {"one": {"bucket": "x"}}).storage_key == "one"
    with pytest.raises(SpecError, match="names no data connection"):
        with_storage_key(model, connections)
    with pytest.raises(SpecError, match="no data connection 'aws-connection-s3-creds'"):
        with_storage_key(read(), connections)


def test_a_faulty_data_connection_is_told_by_its_field() -> None:
    """Not as one that is not there: the Secret is, and its endpoint is missing."""
    secret = manifests.connection()
    del secret["data"]["AWS_S3_ENDPOINT"]
    link = manifests.connection("link")
    link["data"] = {"URI": ""}
    connections, faults = read_connections([secret, link])
    assert connections == {}
    told = "data connection 'aws-connection-s3-creds': AWS_S3_ENDPOINT is not set"
    with pytest.raises(SpecError, match=told):
        with_storage_key(read(), connections, faults)
    with pytest.raises(SpecError, match="0 of the project's fit it; Secret 'link' is no"):
        with_storage_key(read(model={"storage": {"path": "m.onnx"}}), connections, faults)
    assert faults["link"] == "Secret 'link' is no data connection to S3"
