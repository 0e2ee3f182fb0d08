"""ImageStreams on the cluster."""

from __future__ import annotations

import pytest
from platform_cluster import wait_for

from controllers.image_stream.reconcile import IMAGE_STREAM
from lab_ground.kubernetes.errors import ApiError
from lab_ground.settings import get_settings

pytestmark = pytest.mark.cluster


def create(client, project, name, tags):
    return client.create(
        {
            "apiVersion": IMAGE_STREAM[0],
            "kind": IMAGE_STREAM[1],
            "metadata": {"name": name, "namespace": project},
            "spec": {"tags": tags},
        }
    )


def status(client, project, name):
    return client.get(*IMAGE_STREAM, name, project)["status"]


def test_create_change_and_a_missing_tag(client, project):
    settings = get_settings()
    image = {"kind": "DockerImage", "name": settings.platform_image}
    create(client, project, "images", [{"name": "1.0", "from": image}])
    found = wait_for(lambda: status(client, project, "images"), 10, "a status")
    assert found["dockerImageRepository"] == f"{settings.image_registry}/{project}/images"
    assert found["tags"][0]["items"][0]["dockerImageReference"] == settings.platform_image
    follow = {"name": "2.0", "from": {"kind": "ImageStreamTag", "name": "gone"}}
    client.patch(
        *IMAGE_STREAM,
        "images",
        {"spec": {"tags": [{"name": "1.0", "from": image}, follow]}},
        project,
    )
    wait_for(
        lambda: (
            "no tag gone"
            in status(client, project, "images")["tags"][1]["conditions"][0]["message"]
        ),
        10,
        "the missing tag is told",
    )


@pytest.mark.parametrize(
    "tags",
    [
        [{"from": {"kind": "DockerImage", "name": "x"}}],
        [{"name": "1", "from": {"kind": "Somewhere", "name": "x"}}],
        [{"name": "1"}, {"name": "1"}],
        "1.0",
    ],
    ids=["no-name", "kind", "twice", "type"],
)
def test_wrong_stream_is_refused(client, project, tags):
    with pytest.raises(ApiError) as refused:
        create(client, project, "wrong", tags)
    assert refused.value.status in (400, 422)
