"""Downloads are used only when they are what the release says; the cache only when complete."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embedded_cluster import binaries
from embedded_cluster.go_build import BUILT_ALWAYS, COMPONENTS
from embedded_cluster.releases import (
    ChecksumError,
    ProvisionError,
    Versions,
    architecture,
    download_all,
)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """An empty directory for what is downloaded."""
    path = tmp_path / "target"
    path.mkdir()
    return path


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A Go module small enough to make a key from."""
    path = tmp_path / "module"
    (path / "cmd/kube").mkdir(parents=True)
    (path / "go.mod").write_text("module example\n\ngo 1.25.0\n")
    (path / "go.sum").write_text("")
    (path / "cmd/kube/main.go").write_text("package main\n")
    return path


def fake_build(
    names: tuple[str, ...], module: Path, target: Path, cache: Path, versions: Versions
) -> None:
    """Stand in for the compiler."""
    for name in names:
        (target / name).write_text(f"built {name}")


def test_good_files_are_all_installed(
    serve: Callable[[], dict[str, str]], target: Path, versions: Versions
) -> None:
    download_all(versions, target, urls=serve(), pinned={}, published=True)
    assert sorted(path.name for path in target.iterdir()) == sorted(COMPONENTS)
    assert (target / "etcd").read_text() == "program etcd\n"
    assert all(path.stat().st_mode & 0o111 for path in target.iterdir())


def test_a_truncated_file_is_refused(
    serve: Callable[[], dict[str, str]], target: Path, versions: Versions, release_tree: Path
) -> None:
    kubelet = release_tree / f"kubernetes/v1.34.4/bin/linux/{architecture()}/kubelet"
    kubelet.with_name("kubelet.short").touch()
    with pytest.raises(ProvisionError, match="kubelet"):
        download_all(versions, target, urls=serve(), pinned={}, published=True)
    assert not (target / "kubelet").exists()


@pytest.mark.parametrize(
    "victim", ["kubernetes/v1.34.4/bin/linux/{}/kubectl", "etcd/v3.6.4/etcd-v3.6.4-linux-{}.tar.gz"]
)
def test_a_tampered_file_is_refused_with_both_checksums(
    victim: str,
    serve: Callable[[], dict[str, str]],
    target: Path,
    versions: Versions,
    release_tree: Path,
) -> None:
    path = release_tree / victim.format(architecture())
    path.write_bytes(path.read_bytes() + b"#")
    with pytest.raises(ChecksumError, match=r"its SHA-256 is [0-9a-f]{64}, [0-9a-f]{64} was"):
        download_all(versions, target, urls=serve(), pinned={}, published=True)
    assert not (target / path.name.split("-")[0]).exists()
    assert not list(target.glob(".download-*"))


def test_a_pinned_checksum_outweighs_the_published_one(
    serve: Callable[[], dict[str, str]], target: Path, versions: Versions
) -> None:
    key = f"kubernetes/v1.34.4/bin/linux/{architecture()}/kubelet"
    with pytest.raises(ChecksumError, match="kubelet"):
        download_all(versions, target, urls=serve(), pinned={key: "0" * 64}, published=True)


def test_a_missing_release_is_named(
    serve: Callable[[], dict[str, str]], target: Path, versions: Versions
) -> None:
    urls = {**serve(), "coredns": serve()["coredns"] + "/nowhere"}
    with pytest.raises(ProvisionError, match=r"coredns.*could not be downloaded.*404"):
        download_all(versions, target, urls=urls, pinned={}, published=True)


def pins_of(tree: Path) -> dict[str, str]:
    """The checksums of all files of a tree of releases, as they are pinned."""
    return {
        path.relative_to(tree).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in tree.rglob("*")
        if path.is_file()
    }


def test_what_is_not_pinned_is_not_downloaded(
    serve: Callable[[], dict[str, str]], target: Path, versions: Versions, release_tree: Path
) -> None:
    pins = pins_of(release_tree)
    loose = f"kubernetes/v1.34.4/bin/linux/{architecture()}/kube-proxy"
    del pins[loose]
    with pytest.raises(ProvisionError, match=rf"No checksum is pinned for {loose}, so"):
        download_all(versions, target, urls=serve(), pinned=pins)
    assert not list(target.iterdir())


def test_a_release_that_is_exchanged_with_its_checksum_is_refused(
    serve: Callable[[], dict[str, str]], target: Path, versions: Versions, release_tree: Path
) -> None:
    pins = pins_of(release_tree)
    path = release_tree / f"kubernetes/v1.34.4/bin/linux/{architecture()}/kubelet"
    path.write_bytes(b"another program")
    path.with_name("kubelet.sha256").write_text(hashlib.sha256(b"another program").hexdigest())
    with pytest.raises(ChecksumError, match="kubelet is not what was expected"):
        download_all(versions, target, urls=serve(), pinned=pins)


@pytest.mark.parametrize(("source", "reachable", "pinned", "used"), [
    ("auto", True, True, "download"),
    ("auto", True, False, "build"),
    ("auto", False, True, "build"),
    ("build", True, True, "build"),
])  # fmt: skip
def test_sources_in_their_order(
    source: str,
    reachable: bool,
    pinned: bool,
    used: str,
    serve: Callable[[], dict[str, str]],
    release_tree: Path,
    tmp_path: Path,
    module: Path,
    versions: Versions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(binaries, "build", fake_build)
    pins = pins_of(release_tree) if pinned else {}
    urls = serve() if reachable else dict.fromkeys(serve(), "http://127.0.0.1:9")
    more = {"urls": urls, "pinned": pins, "cache": tmp_path / "cache", "module": module}
    first = binaries.provide(source, versions, **more)
    manifest = (Path(str(first["directory"])) / "manifest.json").read_text()
    assert f'"source": "{used}"' in manifest
    second = binaries.provide(source, versions, **more)
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["directory"] == second["directory"]


def test_download_only_does_not_build(
    tmp_path: Path, module: Path, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "build", fake_build)
    urls = dict.fromkeys(("kubernetes", "etcd", "coredns"), "http://127.0.0.1:9")
    with pytest.raises(ProvisionError, match="could not be downloaded"):
        binaries.provide(
            "download",
            versions,
            urls=urls,
            pinned={},
            published=True,
            cache=tmp_path / "cache",
            module=module,
        )
    assert not list((tmp_path / "cache").rglob("manifest.json"))


def test_the_key_follows_sources_and_versions(module: Path, versions: Versions) -> None:
    key = binaries.source_key(module, versions)
    assert binaries.source_key(module, versions) == key
    other = Versions(**{**vars(versions), "etcd": "3.6.5"})
    assert binaries.source_key(module, other) != key
    (module / "cmd/kube/main.go").write_text("package main // changed\n")
    assert binaries.source_key(module, versions) != key


def test_the_key_follows_a_package_that_a_command_imports(module: Path, versions: Versions) -> None:
    package = module / "networkpolicy"
    package.mkdir()
    (package / "rules.go").write_text("package networkpolicy\n")
    key = binaries.source_key(module, versions)
    (package / "rules.go").write_text("package networkpolicy // changed\n")
    changed = binaries.source_key(module, versions)
    assert changed != key
    (package / "rules_test.go").write_text("package networkpolicy\n")
    assert binaries.source_key(module, versions) == changed


@pytest.mark.parametrize(("changed", "built"), [
    ("networkpolicy/rules.go", set(BUILT_ALWAYS)),
    ("cmd/kube/main.go", {"kube", *BUILT_ALWAYS}),
    ("go.sum", {"kube", *BUILT_ALWAYS}),
])  # fmt: skip
def test_kubernetes_is_built_anew_only_for_what_it_is_made_from(
    changed: str,
    built: set[str],
    tmp_path: Path,
    module: Path,
    versions: Versions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[str, ...]] = []

    def build(names: tuple[str, ...], *rest: Any) -> None:
        calls.append(names)
        fake_build(names, *rest)

    monkeypatch.setattr(binaries, "build", build)
    more = {"urls": {}, "pinned": {}, "cache": tmp_path / "cache", "module": module}
    first = binaries.provide("build", versions, **more)
    (module / changed).parent.mkdir(exist_ok=True)
    (module / changed).write_text("// changed\n")
    second = binaries.provide("build", versions, **more)
    assert set(calls[1]) == built
    old, new = Path(str(first["directory"])), Path(str(second["directory"]))
    assert old != new
    assert {path.name for path in old.iterdir()} == {path.name for path in new.iterdir()}
    assert (old / "kube").samefile(new / "kube") == ("kube" not in built)
