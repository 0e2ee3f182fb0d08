"""Provides the Kubernetes binaries: from the cache, from the official releases, or by building.

What fails half-way leaves nothing behind that a later run would take.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from embedded_cluster.go_build import BUILT_ALWAYS, COMPONENTS, build
from embedded_cluster.layout import cache_directory, project_directory
from embedded_cluster.progress import say
from embedded_cluster.releases import ProvisionError, Versions, architecture, download_all


def source_key(module: Path, versions: Versions) -> str:
    """One hash over everything that the binaries are made from.

    The commands import packages of the module's own, so all of it counts, its tests aside. Go's
    own cache sees to it that what did not change is not compiled again.
    """
    digest = hashlib.sha256()
    packages = sorted(path for path in module.glob("**/*.go") if not path.name.endswith("_test.go"))
    for path in [module / "go.mod", module / "go.sum", *packages]:
        digest.update(path.relative_to(module).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    digest.update(repr((versions, architecture())).encode())
    return digest.hexdigest()[:16]


def kubernetes_key(module: Path, versions: Versions) -> str:
    """One hash over what the components of Kubernetes are made from, the small programs aside."""
    digest = hashlib.sha256()
    for path in [module / "go.mod", module / "go.sum", *sorted((module / "cmd/kube").glob("*.go"))]:
        digest.update(path.relative_to(module).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    digest.update(repr((versions, architecture())).encode())
    return digest.hexdigest()[:16]


def former(cache: Path, key: str, source: str) -> Path | None:
    """A set of binaries in the cache whose Kubernetes is the wanted one, from a source allowed."""
    for path in sorted((cache / "kube").glob("*/manifest.json")):
        manifest = json.loads(path.read_text())
        if manifest.get("kubernetes") == key and source in ("auto", manifest["source"]):
            return path.parent
    return None


def take(directory: Path, target: Path) -> str:
    """Take the components of Kubernetes from another set; returns which source they came from."""
    for name in ("kube", *COMPONENTS):
        path = directory / name
        if path.is_symlink():
            (target / name).symlink_to(path.readlink())
        elif path.exists():
            (target / name).hardlink_to(path)
    return str(json.loads((directory / "manifest.json").read_text())["source"])


def complete(directory: Path) -> bool:
    """Whether a cached set of binaries is all there."""
    return (directory / "manifest.json").exists()


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a lock, so that two checkouts do not build the same thing side by side."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def provide(
    source: str,
    versions: Versions,
    *,
    urls: Mapping[str, str],
    pinned: Mapping[str, str],
    published: bool = False,
    cache: Path,
    module: Path,
) -> dict[str, object]:
    """Return where the binaries are, after making them if the cache does not have them."""
    key = source_key(module, versions)
    directory = cache / "kube" / key
    with only_one(cache / "kube" / ".lock"):
        if complete(directory):
            return {"changed": False, "directory": str(directory), "key": key}
        shutil.rmtree(directory, ignore_errors=True)
        with tempfile.TemporaryDirectory(
            dir=cache / "kube", prefix=".new-", ignore_cleanup_errors=True
        ) as scratch:
            target = Path(scratch) / key
            target.mkdir()
            used = make(
                source,
                versions,
                target,
                urls=urls,
                pinned=pinned,
                published=published,
                cache=cache,
                module=module,
            )
            (target / "manifest.json").write_text(
                json.dumps(
                    {
                        "source": used,
                        "versions": vars(versions),
                        "key": key,
                        "kubernetes": kubernetes_key(module, versions),
                    }
                )
                + "\n"
            )
            target.rename(directory)
    return {"changed": True, "directory": str(directory), "key": key}


def make(
    source: str,
    versions: Versions,
    target: Path,
    *,
    urls: Mapping[str, str],
    pinned: Mapping[str, str],
    published: bool,
    cache: Path,
    module: Path,
) -> str:
    """Fill `target` with the binaries; returns which source they came from."""
    if built_before := former(cache, kubernetes_key(module, versions), source):
        build(BUILT_ALWAYS, module, target, cache, versions)
        return take(built_before, target)
    if source in ("auto", "download"):
        try:
            download_all(versions, target, urls=urls, pinned=pinned, published=published)
        except ProvisionError as error:
            if source == "download":
                raise
            say(f"{error} Building instead.")
            for path in target.iterdir():
                path.unlink()
        else:
            build(BUILT_ALWAYS, module, target, cache, versions)
            return "download"
    build(("kube", *BUILT_ALWAYS), module, target, cache, versions)
    return "build"


def main() -> int:
    """Provide what the command line asks for; the result is one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["plan", "provide"])
    parser.add_argument("--source", choices=["auto", "download", "build"], default="auto")
    parser.add_argument("--versions", type=json.loads, required=True)
    parser.add_argument("--urls", type=json.loads, default={})
    parser.add_argument("--checksums", type=json.loads, default={})
    parser.add_argument("--published-checksums", action="store_true")
    parser.add_argument("--cache", type=Path, default=cache_directory())
    parser.add_argument("--module", type=Path, default=project_directory() / "kube")
    arguments = parser.parse_args()
    versions = Versions(**arguments.versions)
    if arguments.action == "plan":
        key = source_key(arguments.module, versions)
        directory = arguments.cache / "kube" / key
        print(json.dumps({"key": key, "directory": str(directory), "present": complete(directory)}))
        return 0
    try:
        result = provide(
            arguments.source,
            versions,
            urls=arguments.urls,
            pinned=arguments.checksums,
            published=arguments.published_checksums,
            cache=arguments.cache,
            module=arguments.module,
        )
    except ProvisionError as error:
        say(str(error))
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
