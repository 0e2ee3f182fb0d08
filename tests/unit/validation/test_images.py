"""An image that cannot be had is told of, without asking for it."""

from __future__ import annotations

from typing import Any

import pytest

from lab_driver.images import references, troubles

IMAGE = "image-registry.openshift-image-registry.svc:5000/lab/mnist-runtime:1.0"
DIGEST = f"registry.example/lab/mnist-runtime@sha256:{'0a' * 32}"


def stream(*images: str, **tag: Any) -> dict[str, Any]:
    items = [{"dockerImageReference": image} for image in images]
    return {
        "metadata": {"name": "mnist-runtime"},
        "status": {"tags": [{"tag": "1.0", "items": items, **tag}]},
    }


def pod(image: str, **state: Any) -> dict[str, Any]:
    statuses = [{"name": "main", "image": image, "state": state}]
    return {"metadata": {"name": "step-1"}, "status": {"containerStatuses": statuses}}


@pytest.mark.parametrize("image", [IMAGE, DIGEST])
def test_an_image_that_pods_run_with_has_no_trouble(image: str) -> None:
    assert references(stream(image)) == [image]
    assert troubles(stream(image), [pod(image, running={})]) == []


def test_a_stream_that_resolves_to_nothing_says_so() -> None:
    assert troubles(stream(), []) == ["ImageStream mnist-runtime resolves to no image"]
    assert troubles({"metadata": {"name": "x"}}, []) == ["ImageStream x resolves to no image"]


@pytest.mark.parametrize("image", ["", "mnist-runtime:1.0", "registry:5000/lab/mnist-runtime"])
def test_a_reference_that_nobody_can_pull_is_named(image: str) -> None:
    (told,) = troubles(stream(image), [])
    assert "no pod can pull" in told


def test_a_failed_import_is_told_with_its_message() -> None:
    condition = {"type": "ImportSuccess", "status": "False", "message": "manifest unknown"}
    (told,) = troubles(stream(IMAGE, conditions=[condition]), [])
    assert "manifest unknown" in told


def test_a_pod_that_waits_for_the_image_is_named() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "unauthorized"}
    pods = [pod(IMAGE, waiting=waiting), pod(DIGEST, waiting=waiting), pod(IMAGE, running={})]
    (told,) = troubles(stream(IMAGE), pods)
    assert told == f"Pod step-1 cannot get {IMAGE}: ImagePullBackOff: unauthorized"
