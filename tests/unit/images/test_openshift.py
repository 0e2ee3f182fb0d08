"""On OpenShift the same Containerfiles become BuildConfigs; a small stand-in API takes those."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kubernetes import client

from lab_images import openshift
from lab_images.catalogue import ImageError, Settings, all_keys, settings_from


class FakeApi(ThreadingHTTPServer):
    """Keeps objects by path; a build ends in the phase that the test sets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, dict[str, Any]] = {}
        self.uploads: list[bytes] = []
        self.phase = "Complete"


class Handler(BaseHTTPRequestHandler):
    server: FakeApi

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def answer(self, status: int, body: object) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.endswith("/log"):
            self.answer(200, b"STEP 1/2: FROM base\nSTEP 2/2: RUN make\nmake: not found\n")
        elif path in self.server.objects:
            self.answer(200, self.server.objects[path])
        else:
            self.answer(404, {"code": 404})

    def do_PATCH(self) -> None:
        path = self.path.partition("?")[0]
        sent = json.loads(self.body())
        known = self.server.objects.setdefault(path, {"metadata": {}})
        if self.headers["Content-Type"] == "application/merge-patch+json":
            known["metadata"].setdefault("annotations", {}).update(sent["metadata"]["annotations"])
        else:
            # Applying leaves what others wrote.
            sent["metadata"]["annotations"] = known["metadata"].get("annotations", {})
            self.server.objects[path] = {**sent, "status": known.get("status", {})}
        self.answer(200, self.server.objects[path])

    def do_POST(self) -> None:
        assert self.path.endswith("/instantiatebinary")
        self.server.uploads.append(self.body())
        name = f"app-{len(self.server.uploads)}"
        base = "/apis/build.openshift.io/v1/namespaces/images/builds"
        self.server.objects[f"{base}/{name}"] = {"status": {"phase": self.server.phase}}
        if self.server.phase == "Complete":
            stream = "/apis/image.openshift.io/v1/namespaces/images/imagestreams/app"
            self.server.objects[stream]["status"] = {"tags": [{"tag": "1.0", "items": [{}]}]}
        self.answer(201, {"metadata": {"name": name}})


@pytest.fixture
def api() -> Iterator[FakeApi]:
    server = FakeApi()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


@pytest.fixture
def cluster(api: FakeApi) -> openshift.OpenShift:
    configuration = client.Configuration(host=f"http://127.0.0.1:{api.server_port}")
    return openshift.OpenShift(client.ApiClient(configuration), "images")


@pytest.fixture
def on_openshift(data: dict[str, Any]) -> Settings:
    return settings_from(data)


def test_build_config_uses_the_containerfile_and_the_base_of_the_stream(
    on_openshift: Settings,
) -> None:
    spec = openshift.build_build_config(on_openshift, on_openshift.image("app"), "key")["spec"]
    strategy = spec["strategy"]["dockerStrategy"]
    assert strategy["dockerfilePath"] == "images/app/Containerfile"
    arguments = {item["name"]: item["value"] for item in strategy["buildArgs"]}
    assert arguments["BASE_IMAGE"] == "registry.example:5000/images/base:1.0"
    assert spec["output"]["to"] == {"kind": "ImageStreamTag", "name": "app:1.0"}
    labels = {item["name"] for item in spec["output"]["imageLabels"]}
    assert "org.opencontainers.image.revision" in labels


def test_without_a_base_the_default_of_the_containerfile_holds(on_openshift: Settings) -> None:
    arguments = openshift.build_arguments(on_openshift, on_openshift.image("base"))
    assert "BASE_IMAGE" not in arguments


def test_context_holds_only_what_the_image_is_made_from(on_openshift: Settings) -> None:
    packed = openshift.pack_context(on_openshift, on_openshift.image("app"))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        files = {member.name.removeprefix("./") for member in archive if member.isfile()}
    assert files == {"images/app/Containerfile", "src/app/__init__.py", "src/app/main.py"}


def test_built_image_is_not_built_again(
    on_openshift: Settings, cluster: openshift.OpenShift, api: FakeApi
) -> None:
    key = all_keys(on_openshift)["app"]
    assert cluster.built_key("app", "1.0") == ""
    cluster.build(on_openshift, on_openshift.image("app"), key, timeout=10)
    assert cluster.built_key("app", "1.0") == key
    assert len(api.uploads) == 1


def test_failed_build_names_the_step_and_keeps_the_former_key(
    on_openshift: Settings, cluster: openshift.OpenShift, api: FakeApi
) -> None:
    image = on_openshift.image("app")
    cluster.build(on_openshift, image, "former", timeout=10)
    api.phase = "Failed"
    with pytest.raises(ImageError) as failure:
        cluster.build(on_openshift, image, "newer", timeout=10)
    assert "2/2 RUN make" in str(failure.value)
    assert "make: not found" in str(failure.value)
    assert (on_openshift.state / "log/images/app.log").is_file()
    assert cluster.built_key("app", "1.0") == "former"


def test_build_that_does_not_end_is_given_up(
    on_openshift: Settings, cluster: openshift.OpenShift, api: FakeApi
) -> None:
    api.phase = "Running"
    with pytest.raises(ImageError, match="lab_images_build_timeout"):
        cluster.build(on_openshift, on_openshift.image("app"), "key", timeout=0)
