"""What a registry holds, asked over HTTP; and that only what it lacks is pushed."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from registry_stub import Registry

from lab_images import registry
from lab_images.builder import stored_name
from lab_images.catalogue import Settings, all_keys, settings_from
from lab_images.delivery import push
from lab_images.layout import Layout
from lab_images.storage import base_is_there

# Stores nothing but pushes for real: a manifest whose configuration is the image's ID.
FAKE_BUILDAH = """#!/usr/bin/python3
import json, os, sys, urllib.request
from pathlib import Path
words = sys.argv[1:]
with open(os.environ["FAKE_LOG"], "a") as log:
    print(" ".join(words), file=log)
if "images" in words:
    print(os.environ["FAKE_IMAGES"])
if "push" in words:
    source, target = words[-2], words[-1].removeprefix("docker://")
    [image] = [i for i in json.loads(os.environ["FAKE_IMAGES"]) if source in i["names"]]
    host, _, rest = target.partition("/")
    name, _, tag = rest.rpartition(":")
    body = json.dumps({"config": {"digest": image["id"]}}).encode()
    kind = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
    url = f"http://{host}/v2/{name}/manifests/{tag}"
    urllib.request.urlopen(urllib.request.Request(url, body, kind, method="PUT"))
sys.exit(int(os.environ.get("FAKE_STATUS", "0")) if "inspect" in words or "pull" in words else 0)
"""


@pytest.fixture
def stub() -> Iterator[Registry]:
    with Registry() as running:
        yield running


@pytest.fixture
def pushing(
    data: dict[str, Any], stub: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Settings that push to the stub, with a buildah that has built everything."""
    more = {"push_registry": stub.address, "push_tls_verify": False}
    settings = settings_from({**data, **more})
    (settings.cache / "images/storage").mkdir(parents=True)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "buildah").write_text(FAKE_BUILDAH)
    (tools / "buildah").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "calls"))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    have(settings, monkeypatch)
    return settings


def have(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let buildah's store hold every image with its present content."""
    keys = all_keys(settings)
    images = [
        {
            "id": f"sha256:{hashlib.sha256(keys[image.name].encode()).hexdigest()}",
            "names": [stored_name(image, keys[image.name])],
        }
        for image in settings.images
    ]
    monkeypatch.setenv("FAKE_IMAGES", json.dumps(images))


def pushed(settings: Settings) -> list[str]:
    layout = Layout(settings.cache / "images/layout")
    return list(push(settings, layout, settings.images, all_keys(settings))["images"])


def test_only_what_the_registry_lacks_is_pushed(
    pushing: Settings, stub: Registry, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pushed(pushing) == ["base", "app"]
    assert pushed(pushing) == []
    assert stub.pushes == 2
    # Somebody emptied the registry: what this checkout once did counts for nothing.
    stub.manifests.clear()
    assert pushed(pushing) == ["base", "app"]
    # Somebody pushed another image under the name.
    other = json.dumps({"config": {"digest": "sha256:" + "0" * 64}}).encode()
    stub.manifests["images/app", "1.0"] = (registry.KINDS[0], other)
    assert pushed(pushing) == ["app"]
    (tree / "src/app/main.py").write_text("print(2)\n")
    have(pushing, monkeypatch)
    assert pushed(pushing) == ["app"]


def test_a_registry_that_does_not_answer_holds_nothing() -> None:
    assert registry.manifest_of("127.0.0.1:9/images/app:1.0", verify=False) is None


def test_without_leave_nothing_is_believed_in_plain(stub: Registry) -> None:
    stub.manifests["images/app", "1.0"] = (registry.KINDS[0], b"{}")
    reference = f"{stub.address}/images/app:1.0"
    assert registry.manifest_of(reference) is None
    assert registry.manifest_of(reference, verify=False) == {}


@pytest.mark.parametrize("scheme", ["Bearer", "Basic"])
def test_a_login_is_used_as_the_registry_asks(
    stub: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    login = base64.b64encode(b"user:password").decode()
    file = tmp_path / "auth.json"
    file.write_text(json.dumps({"auths": {stub.address: {"auth": login}}}))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(file))
    stub.manifests["images/app", "1.0"] = (registry.KINDS[0], b'{"schemaVersion": 2}')
    stub.asks_for(scheme, login)
    reference = f"{stub.address}/images/app:1.0"
    assert registry.manifest_of(reference, verify=False) == {"schemaVersion": 2}
    file.write_text("{}")
    assert registry.manifest_of(reference, verify=False) is None


@pytest.mark.parametrize(("reference", "parts"), [
    ("registry.example/a/b:1", ("registry.example", "a/b", "1")),
    ("localhost:5000/b", ("localhost:5000", "b", "latest")),
    ("registry.example/a/b@sha256:ab", ("registry.example", "a/b", "sha256:ab")),
    ("ubi9/ubi:1", None),
    ("ubi9", None),
])  # fmt: skip
def test_references(reference: str, parts: tuple[str, str, str] | None) -> None:
    assert registry.split_reference(reference) == parts


@pytest.mark.parametrize(("check", "called"), [(True, "inspect"), (False, "pull")])
def test_a_base_is_pulled_only_when_it_is_for_real(
    pushing: Settings, tmp_path: Path, check: bool, called: str
) -> None:
    settings = settings_from(
        {**vars(pushing), "images": [], "base_image": "registry.example/a/base:1"}
    )
    assert base_is_there(settings, check=check)
    calls = (tmp_path / "calls").read_text()
    assert f" {called} " in calls
    assert (" pull " in calls) is not check


def test_in_check_mode_the_registry_is_asked_for_the_base(
    pushing: Settings, stub: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_STATUS", "1")
    asked = []

    def manifest_of(reference: str) -> dict[str, Any] | None:
        asked.append(reference)
        return None

    monkeypatch.setattr(registry, "manifest_of", manifest_of)
    settings = settings_from(
        {**vars(pushing), "images": [], "base_image": "registry.example/a/base:1"}
    )
    assert not base_is_there(settings, check=True)
    assert asked == ["registry.example/a/base:1"]
