"""What is handed to buildah, and what is said when it fails."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab_images import builder
from lab_images.catalogue import Settings, all_keys, content_key
from lab_images.storage import Storage

FAKE_BUILDAH = """#!/bin/sh
printf '%s\\n' "$*" >>"$FAKE_LOG"
case "$*" in
*" bud "*) echo "STEP 1/2: FROM scratch"; echo "STEP 2/2: RUN false"; echo "no such thing" >&2
    exit "${FAKE_STATUS:-0}" ;;
*" images "*) echo "[{\\"id\\":\\"sha256:abc\\",\\"names\\":[\\"$FAKE_NAME\\"]}]" ;;
esac
"""


@pytest.fixture
def buildah(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A buildah that only writes down how it was called; returns that log."""
    tools = tmp_path / "tools"
    tools.mkdir()
    program = tools / "buildah"
    program.write_text(FAKE_BUILDAH)
    program.chmod(0o755)
    log = tmp_path / "calls"
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_LOG", str(log))
    return log


@pytest.fixture
def storage(settings: Settings) -> Storage:
    root = settings.cache / "storage"
    root.mkdir(parents=True)
    return Storage(root)


def test_build_uses_the_base_and_the_labels_of_its_content(
    settings: Settings, storage: Storage, buildah: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = all_keys(settings)
    image = settings.image("app")
    monkeypatch.setenv("FAKE_NAME", builder.stored_name(image, keys["app"]))
    assert builder.build(settings, storage, image, keys) == (keys["app"], "abc")
    call = buildah.read_text().splitlines()[0]
    assert f"--build-arg BASE_IMAGE=localhost/lab/base:{keys['base'][:24]}" in call
    assert "--build-arg IMAGE_NAME=app --build-arg IMAGE_VERSION=1.0" in call
    assert "--label org.opencontainers.image.licenses=Apache-2.0" in call
    assert "--label org.opencontainers.image.version=1.0" in call
    assert "--label org.opencontainers.image.revision=" in call
    assert f"--label io.mnist-lab.key={keys['app']}" in call


def test_failure_names_the_step_and_the_log(
    settings: Settings, storage: Storage, buildah: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_STATUS", "1")
    with pytest.raises(builder.ImageError) as failure:
        builder.build(settings, storage, settings.image("app"), all_keys(settings))
    message = str(failure.value)
    assert "Failing step: 2/2 RUN false" in message
    assert str(settings.state / "log/images/app.log") in message
    assert "no such thing" in message
    assert "is kept" in message
    assert "rmi" not in buildah.read_text()


def test_context_is_the_same_whoever_checked_it_out(settings: Settings, tmp_path: Path) -> None:
    (settings.root / "src/app/main.py").chmod(0o600)
    target = tmp_path / "staged"
    target.mkdir()
    builder.stage_context(settings.root, settings.image("app"), target)
    staged = target / "src/app/main.py"
    assert stat.S_IMODE(staged.stat().st_mode) == 0o644
    assert staged.stat().st_mtime == builder.EPOCH
    assert not (target / "src/other").exists()


def test_registry_settings_are_mounted_and_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.crt"
    bundle.write_text("authority")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:it's@index.example/simple")
    with builder.mounted_environment() as directory:
        script = (directory / "environment").read_text()
        shown = subprocess.run(
            ["sh", "-c", f". {directory}/environment; echo $UV_DEFAULT_INDEX $PIP_CERT"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert (directory / "ca-bundle.crt").read_text() == "authority"
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert shown.split() == [
        "https://user:it's@index.example/simple",
        "/run/lab-build/ca-bundle.crt",
    ]
    assert "PATH=" not in script
    assert not directory.exists()


def test_revision_is_of_the_files_that_the_image_is_made_from(
    settings: Settings, tree: Path
) -> None:
    git = ["git", "-C", str(tree), "-c", "user.name=a", "-c", "user.email=a@example.com"]

    def run(*arguments: str) -> str:
        done = subprocess.run([*git, *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    image = settings.image("app")
    assert builder.revision_of(settings, image) == "unknown"
    run("init", "-q")
    run("add", "images", "src")
    run("commit", "-qm", "first")
    first = run("rev-parse", "HEAD")
    (tree / "src/other/new.py").write_text("")
    run("add", "src/other")
    run("commit", "-qm", "second")
    assert builder.revision_of(settings, image) == first
    (tree / "src/app/main.py").write_text("print(9)\n")
    assert builder.revision_of(settings, image) == f"{first}-dirty"


def test_code_in_an_image_knows_its_revision(settings: Settings, tmp_path: Path) -> None:
    image = replace(settings.image("app"), revision_file="src/app/REVISION")
    context = tmp_path / "staged"
    context.mkdir()
    builder.stage_context(settings.root, image, context)
    key = content_key(context, image, "")
    builder.write_revision(settings, image, context)
    assert (context / "src/app/REVISION").read_text() == "unknown\n"
    assert (context / "src/app").stat().st_mtime == builder.EPOCH
    assert not (settings.root / "src/app/REVISION").exists()
    assert key == content_key(settings.root, image, ""), "another commit, but the same image"


def test_revision_is_where_the_code_looks_for_it(catalogue: list[dict[str, Any]]) -> None:
    files = {entry["name"]: entry.get("revision_file") for entry in catalogue}
    for name in ("mnist-runtime", "mnist-workbench", "mnist-runtime-cuda", "mnist-workbench-cuda"):
        assert files[name] == "src/mnist_workload/REVISION"
