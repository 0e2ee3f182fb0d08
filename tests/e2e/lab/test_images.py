"""The images that a learner chooses from."""

from __future__ import annotations

import pytest

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader
from lab_driver.images import references, troubles

pytestmark = pytest.mark.images
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
def place(access: Access) -> str:
    """The namespace of the ImageStreams."""
    return access.get("images.namespace")


@pytest.fixture(scope="module")
def streams(cluster: ClusterReader, place: str) -> dict[str, dict]:
    found = cluster.objects("image.openshift.io/v1", "ImageStream", place)
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
def test_image_stream_resolves(streams: dict[str, dict], place: str, name: str) -> None:
    """The image stream says where its image is."""
    assert name in streams, f"ImageStream {place}/{name} does not exist"
    status = streams[name].get("status") or {}
    assert status.get("dockerImageRepository", "").endswith(f"/{place}/{name}")
    assert status.get("tags"), f"ImageStream {name} has no tag that resolves"


@pytest.mark.parametrize("name", ["mnist-workbench", "mnist-runtime"])
def test_image_can_be_had(
    access: Access, cluster: ClusterReader, namespace: str, streams: dict[str, dict], place: str,
    held: set[str], name: str,
) -> None:  # fmt: skip
    """A pod gets the image that the stream names."""
    assert name in streams, f"ImageStream {place}/{name} does not exist"
    found = troubles(streams[name], cluster.objects("v1", "Pod", namespace))
    assert not found, "; ".join(found)
    if access.images_on_nodes:
        for image in references(streams[name]):
            assert image in held, (
                f"no node has the image {image} any more, so no pod with it can start; "
                "./lab run build-images brings it back"
            )
