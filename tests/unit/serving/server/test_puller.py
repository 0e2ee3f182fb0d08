"""The puller: what it fetches, what it refuses and with which words."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
import serving_models as models

from model_puller.check import check_model, start_trials
from model_puller.errors import PullError
from model_puller.fetch import Fetched, connection_for, fetch
from model_puller.listing import choose_files
from model_puller.model import ModelSpec

from .object_store import ACCESS_KEY, ObjectStore
from .orders import config, spec

MIB = 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def _trials() -> None:
    start_trials()


def pull(
    store: ObjectStore,
    folder: Path,
    wanted: ModelSpec,
    *,
    max_bytes: int = 100 * MIB,
    memory: int | None = None,
    **changes: str,
) -> Fetched:
    return fetch(
        wanted,
        connection_for(wanted, config(store, **changes)),
        folder,
        max_bytes=max_bytes,
        memory_bytes=memory,
        check=check_model,
    )


def test_a_model_arrives_whole(store: ObjectStore, tmp_path: Path) -> None:
    content = models.digits().SerializeToString()
    store.objects["onnx/model-v2.onnx"] = content
    found = pull(store, tmp_path, spec())
    assert found.file == f"{found.name}/model-v2.onnx"
    assert (tmp_path / found.file).read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == [found.name]
    assert re.fullmatch(r"mnist__isvc-[0-9a-f]{10}", found.name)


def test_another_content_has_another_name(store: ObjectStore, tmp_path: Path) -> None:
    store.objects["onnx/model-v2.onnx"] = models.digits().SerializeToString()
    first = pull(store, tmp_path, spec())
    assert pull(store, tmp_path, spec()) == first
    assert pull(store, tmp_path, spec(revision="r2")).name != first.name
    store.objects["onnx/model-v2.onnx"] = models.digits(bias=3).SerializeToString()
    second = pull(store, tmp_path, spec())
    assert (second.version != first.version, second.name != first.name) == (True, True)


def test_a_model_is_found_behind_a_thousand_others(store: ObjectStore, tmp_path: Path) -> None:
    for number in range(1500):
        store.objects[f"onnx/model-v2-{number:04}.onnx"] = b"another"
    store.objects["onnx/model-v2.onnx"] = models.digits().SerializeToString()
    assert pull(store, tmp_path, spec()).file.endswith("/model-v2.onnx")


@pytest.mark.parametrize(
    ("sidecar", "body"),
    [
        ("onnx/model-v2.json", '{{"sha256": "{sum}", "accuracy": 0.99}}'),
        ("onnx/model-v2.onnx.json", '{{"sha256": "{sum}"}}'),
        ("onnx/model-v2.onnx.sha256", "{sum}  model-v2.onnx\n"),
    ],
)
def test_the_sidecars_sum_is_checked(
    store: ObjectStore, tmp_path: Path, sidecar: str, body: str
) -> None:
    content = models.digits().SerializeToString()
    store.objects["onnx/model-v2.onnx"] = content
    store.objects[sidecar] = body.format(sum=hashlib.sha256(content).hexdigest()).encode()
    pull(store, tmp_path, spec())
    store.objects[sidecar] = body.format(sum="0" * 64).encode()
    with pytest.raises(PullError, match=f"its sidecar {sidecar} says 0000"):
        pull(store, tmp_path, spec())


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"access_key_id": "wrong"}, "onnx/model-v2.onnx", "refused the key of data connection"),
        ({"bucket": "other"}, "onnx/model-v2.onnx", "no bucket 'other'"),
        ({"bucket": ""}, "onnx/model-v2.onnx", "names no bucket"),
        ({"endpoint_url": "http://127.0.0.1:9"}, "onnx/model-v2.onnx", "cannot be reached"),
        (
            {"endpoint_url": "rhods"},
            "onnx/model-v2.onnx",
            "which does not begin with http:// or https://",
        ),
        ({"type": "gcs"}, "onnx/model-v2.onnx", "type 'gcs' is not supported"),
        ({}, "onnx/absent.onnx", "no object at s3://rhods/onnx/absent.onnx"),
        ({}, "onnx/text.onnx", "not an ONNX model"),
        ({}, "onnx/half.onnx", "not an ONNX model"),
        ({}, "onnx/empty.onnx", "not an ONNX model"),
    ],
)
def test_every_fault_is_named(
    store: ObjectStore, tmp_path: Path, changes: dict[str, str], path: str, message: str
) -> None:
    content = models.digits().SerializeToString()
    store.objects["onnx/model-v2.onnx"] = content
    store.objects["onnx/half.onnx"] = content[: len(content) // 2]
    store.objects["onnx/text.onnx"] = b"<html>not a model</html>"
    store.objects["onnx/empty.onnx"] = b""
    with pytest.raises(PullError) as raised:
        pull(store, tmp_path, spec(path), **changes)
    assert message in raised.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("field", ["access_key_id", "bucket", "endpoint_url", "secret_access_key"])
def test_what_surrounds_a_value_makes_no_difference(
    store: ObjectStore, tmp_path: Path, field: str
) -> None:
    store.objects["onnx/model-v2.onnx"] = models.digits().SerializeToString()
    value = json.loads(config(store)["s3-creds"])[field]
    assert pull(store, tmp_path, spec(), **{field: f" {value}\r\n"}).file.endswith("model-v2.onnx")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"endpoint_url": ""}, "AWS_S3_ENDPOINT is empty"),
        ({"access_key_id": "two\nlines"}, "AWS_ACCESS_KEY_ID has a space"),
        ({"region": "eu west"}, "AWS_DEFAULT_REGION is 'eu west'"),
        ({"bucket": "s3://rhods"}, "the bucket's name alone belongs there"),
    ],
)
def test_a_wrong_value_is_told_by_its_field(
    store: ObjectStore, tmp_path: Path, changes: dict[str, str], fault: str
) -> None:
    with pytest.raises(PullError) as raised:
        pull(store, tmp_path, spec(), **changes)
    assert raised.value.message.startswith("data connection 's3-creds': ")
    assert fault in raised.value.message
    assert "refused" not in raised.value.message


def test_an_unknown_data_connection_is_named() -> None:
    with pytest.raises(PullError, match="no data connection 's3-creds'; there are: none"):
        connection_for(spec(), {})


def test_credentials_are_not_shown(store: ObjectStore) -> None:
    assert ACCESS_KEY not in repr(connection_for(spec(), config(store)))


def test_too_large_a_model_is_not_fetched(store: ObjectStore, tmp_path: Path) -> None:
    store.objects["onnx/model-v2.onnx"] = bytes(2 * MIB)
    with pytest.raises(PullError, match="at most 1048576 are allowed"):
        pull(store, tmp_path, spec(), max_bytes=MIB)
    assert not any(request.startswith("/rhods/onnx") for request in store.requests)


@pytest.mark.parametrize("location", ["../weights", "/etc/passwd", "a/../../weights"])
def test_external_data_outside_the_folder_is_refused(
    store: ObjectStore, tmp_path: Path, location: str
) -> None:
    (tmp_path / "weights").write_bytes(models.weights_bytes())
    store.objects["onnx/m/model.onnx"] = models.with_external_data(location).SerializeToString()
    with pytest.raises(PullError, match="outside the model's folder"):
        pull(store, tmp_path, spec("onnx/m"))


def test_external_data_inside_the_folder_is_taken(store: ObjectStore, tmp_path: Path) -> None:
    made = models.with_external_data("weights")
    store.objects["onnx/m/model.onnx"] = made.SerializeToString()
    with pytest.raises(PullError, match="not found"):
        pull(store, tmp_path, spec("onnx/m"))
    store.objects["onnx/m/weights"] = models.weights_bytes()
    assert pull(store, tmp_path, spec("onnx/m")).file.endswith("/model.onnx")


def test_a_model_that_needs_too_much_memory_is_refused(store: ObjectStore, tmp_path: Path) -> None:
    store.objects["onnx/model-v2.onnx"] = models.large(64).SerializeToString()
    with pytest.raises(PullError, match="out of memory") as raised:
        pull(store, tmp_path, spec(), memory=64 * MIB)
    assert raised.value.retry


@pytest.mark.parametrize(
    ("names", "path", "expected"),
    [
        (["a/m.onnx", "a/m.onnx.sha256"], "a/m.onnx", "m.onnx"),
        (["a/m.onnx"], "a", "m.onnx"),
        (["a/model.onnx", "a/other.onnx"], "a", "model.onnx"),
        (["a/1/model.onnx", "a/2/model.onnx", "a/10/model.onnx"], "a", "10/model.onnx"),
        (["a/b/model.onnx", "a/readme.txt"], "a", "b/model.onnx"),
    ],
)
def test_files_of_a_model_are_found(names: list[str], path: str, expected: str) -> None:
    assert choose_files(path, dict.fromkeys(names, 1), "rhods").main == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a/x.onnx", "a/y.onnx"], "several models"),
        (["a/readme.txt"], "no object"),
        (["a/../b/model.onnx"], "leaves the model's folder"),
        (["a/model.onnx", *(f"a/{number}.bin" for number in range(64))], "more than 64 files"),
        (["ab/model.onnx"], "no object"),
    ],
)
def test_unclear_folders_are_refused(names: list[str], message: str) -> None:
    with pytest.raises(PullError, match=message):
        choose_files("a", dict.fromkeys(names, 1), "rhods")


@pytest.mark.parametrize("name", ["..", "a/b", "", "-a", "A"])
def test_names_that_are_no_folders_are_refused(name: str) -> None:
    item = {"name": name, "revision": "r1", "storageKey": "k", "path": "p"}
    with pytest.raises(PullError):
        ModelSpec.from_json(item)
