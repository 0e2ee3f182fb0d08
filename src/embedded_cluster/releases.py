"""The official releases of Kubernetes, etcd and CoreDNS: their files, downloaded and checked.

A downloaded file is used only when it matches the checksum that its release publishes, or the one
pinned in the variables.
"""

from __future__ import annotations

import hashlib
import http.client
import platform
import shutil
import tarfile
import tempfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from embedded_cluster.progress import say

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


def fetch(url: str, target: Path, timeout: float) -> None:
    """Download one file."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response, target.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(response, file, 1 << 20)
            announced = response.headers.get("Content-Length")
    except (OSError, http.client.HTTPException) as error:
        raise ProvisionError(f"{url} could not be downloaded: {error}") from error
    if announced is not None and target.stat().st_size != int(announced):
        raise ChecksumError(
            f"{url} is truncated: {target.stat().st_size} bytes came, {announced} were announced."
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
            checksum = hashlib.file_digest(stream, "sha256").hexdigest()
        if checksum != expected.lower():
            raise ChecksumError(
                f"{artifact.url} is not what its release published: its SHA-256 is {checksum}, "
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
