"""Where an ImageStream's images are."""

from __future__ import annotations

import pytest

from controllers.image_stream.build.references import read_digests
from controllers.image_stream.status import build_status

REGISTRY = "registry.test:5000"


def stream(*tags, name="workbench", status=None):
    return {
        "metadata": {"name": name, "namespace": "images"},
        "spec": {"tags": list(tags)},
        "status": status or {},
    }


def tag(name, kind=None, of=None, **more):
    return {"name": name, **({"from": {"kind": kind, "name": of}} if kind else {}), **more}


def reference(tags, name="1.0", find=lambda namespace, name: None, digests=None):
    status = build_status(stream(*tags), REGISTRY, find, digests or {})
    return next(one for one in status["tags"] if one["tag"] == name)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([tag("1.0")], f"{REGISTRY}/images/workbench:1.0"),
        ([tag("1.0", "DockerImage", "registry.example/a:1")], "registry.example/a:1"),
        (
            [tag("1.0", "DockerImage", "registry.example/a:1", referencePolicy={"type": "Local"})],
            f"{REGISTRY}/images/workbench:1.0",
        ),
        (
            [
                tag("1.0", "ImageStreamTag", "latest"),
                tag("latest", "DockerImage", "registry.example/b:2"),
            ],
            "registry.example/b:2",
        ),
        (
            [tag("1.0", "ImageStreamImage", "other@sha256:abc")],
            f"{REGISTRY}/images/other@sha256:abc",
        ),
    ],
)
def test_reference(tags, expected):
    assert reference(tags)["items"][0]["dockerImageReference"] == expected


def test_repository():
    status = build_status(stream(), REGISTRY, lambda *_: None, {})
    assert status["dockerImageRepository"] == f"{REGISTRY}/images/workbench"


def test_tag_of_another_stream():
    other = stream(tag("3", "DockerImage", "registry.example/c:3"), name="base")
    found = reference(
        [tag("1.0", "ImageStreamTag", "base:3")],
        find=lambda namespace, name: other if (namespace, name) == ("images", "base") else None,
    )
    assert found["items"][0]["dockerImageReference"] == "registry.example/c:3"


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ([tag("1.0", "ImageStreamTag", "gone")], "no tag gone"),
        ([tag("1.0", "ImageStreamTag", "gone:1")], "no ImageStream gone"),
        ([tag("1.0", "ImageStreamTag", "1.0")], "refers to itself"),
        ([tag("1.0", "ImageStreamImage", "no-digest")], "is not name@digest"),
    ],
)
def test_missing_image_is_told(tags, message):
    entry = reference(tags)
    assert entry["items"] == []
    assert entry["conditions"][0]["status"] == "False"
    assert message in entry["conditions"][0]["message"]


def test_unchanged_image_keeps_its_time_and_a_new_one_its_number():
    one = stream(tag("1.0", "DockerImage", "registry.example/a:1"))
    one["status"] = build_status(one, REGISTRY, lambda *_: None, {})
    one["status"]["tags"][0]["items"][0]["created"] = "2020-01-01T00:00:00Z"
    assert build_status(one, REGISTRY, lambda *_: None, {}) == one["status"]
    one["spec"]["tags"][0]["from"]["name"] = "registry.example/a:2"
    item = build_status(one, REGISTRY, lambda *_: None, {})["tags"][0]["items"][0]
    assert item["generation"] == 2
    assert item["created"] != "2020-01-01T00:00:00Z"


def test_digest_is_what_the_node_holds():
    nodes = [
        {
            "status": {
                "images": [{"names": ["registry.example/a@sha256:123", "registry.example/a:1"]}]
            }
        }
    ]
    digests = read_digests(nodes)
    entry = reference([tag("1.0", "DockerImage", "registry.example/a:1")], digests=digests)
    assert entry["items"][0]["image"] == "sha256:123"
    assert reference([tag("1.0")], digests=digests)["items"][0]["image"] == ""
