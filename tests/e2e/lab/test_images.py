"""The images that a learner chooses from."""

from __future__ import annotations

import pytest

from lab_validation.cluster import ClusterReader

pytestmark = pytest.mark.images
NAMESPACE = "redhat-ods-applications"
SHOWN = "opendatahub.io/notebook-image-name"


@pytest.fixture(scope="module")
def streams(cluster: ClusterReader) -> dict[str, dict]:
    found = cluster.objects("image.openshift.io/v1", "ImageStream", NAMESPACE)
    return {stream["metadata"]["name"]: stream for stream in found}


def test_workbench_image_is_offered(streams: dict[str, dict]) -> None:
    """The workbench image is offered as “Custom Datascience Notebook”."""
    offered = {
        stream["metadata"].get("annotations", {}).get(SHOWN)
        for stream in streams.values()
        if stream["metadata"].get("labels", {}).get("opendatahub.io/notebook-image") == "true"
    }
    assert "Custom Datascience Notebook" in offered, f"offered are {sorted(map(str, offered))}"


@pytest.mark.parametrize("name", ["mnist-workbench", "mnist-runtime"])
def test_image_stream_resolves(streams: dict[str, dict], name: str) -> None:
    """The image stream says where its image is."""
    assert name in streams, f"ImageStream {NAMESPACE}/{name} does not exist"
    status = streams[name].get("status") or {}
    assert status.get("dockerImageRepository", "").endswith(f"/{NAMESPACE}/{name}")
    assert status.get("tags"), f"ImageStream {name} has no tag that resolves"
