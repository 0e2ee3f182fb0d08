"""The images that a learner chooses from."""

from __future__ import annotations

import pytest

from lab_validation.access import Access
from lab_validation.cluster import ClusterReader

pytestmark = pytest.mark.images
NAMESPACE = "redhat-ods-applications"
SHOWN = "opendatahub.io/notebook-image-name"


@pytest.fixture(scope="module")
def held(cluster: ClusterReader) -> set[str]:
    """The names of all images that a node holds."""
    nodes = cluster.objects("v1", "Node", "")
    return {
        name
        for node in nodes
        for image in node["status"]["images"]
        for name in image.get("names") or ()
    }


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


@pytest.mark.parametrize("name", ["mnist-workbench", "mnist-runtime"])
def test_image_can_be_had(
    access: Access, streams: dict[str, dict], held: set[str], name: str
) -> None:
    """A pod gets the image that the stream names."""
    assert name in streams, f"ImageStream {NAMESPACE}/{name} does not exist"
    items = [item for tag in streams[name]["status"]["tags"] for item in tag.get("items") or ()]
    assert items, f"ImageStream {name} resolves to no image"
    # Where a registry has them, it is the one that says so in the stream.
    if access.images_on_nodes:
        for item in items:
            image = item["dockerImageReference"]
            assert image in held, (
                f"no node has the image {image} any more, so no pod with it can start; "
                "./lab run build-images brings it back"
            )
