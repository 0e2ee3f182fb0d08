"""The official releases of Kubernetes, etcd and CoreDNS: their files, downloaded and checked.

A downloaded file is used only when it matches the checksum that is pinned for it. The one that its
release publishes beside it comes from where the file does, and counts only where that is said.
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
    # Project and path below its releases, by which a checksum is pinned: the version is part of it.
    key: str
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

    def artifact(
        project: str, path: str, members: Mapping[str, str], checksums: str | None = None
    ) -> Artifact:
        url = f"{urls[project]}/{path}"
        beside = f"{url.rsplit('/', 1)[0]}/{checksums}" if checksums else f"{url}.sha256"
        return Artifact(url, beside, f"{project}/{path}", members)

    listed = [
        artifact("kubernetes", f"v{versions.kubernetes}/bin/linux/{arch}/{name}", {})
        for name in KUBERNETES
    ]
    etcd = f"etcd-v{versions.etcd}-linux-{arch}"
    inside = {f"{etcd}/etcd": "etcd"}
    listed.append(artifact("etcd", f"v{versions.etcd}/{etcd}.tar.gz", inside, "SHA256SUMS"))
    coredns = f"v{versions.coredns}/coredns_{versions.coredns}_linux_{arch}.tgz"
    listed.append(artifact("coredns", coredns, {"coredns": "coredns"}))
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
    """Download one artifact into the directory `target`, held to its pinned checksum.

    Where none is pinned, the one that its release publishes counts; see `download_all`.
    """
    with tempfile.TemporaryDirectory(dir=target, prefix=".download-") as directory:
        scratch = Path(directory)
        expected = pinned.get(artifact.key) or published_checksum(artifact, scratch, timeout)
        file = scratch / artifact.name
        fetch(artifact.url, file, timeout)
        with file.open("rb") as stream:
            checksum = hashlib.file_digest(stream, "sha256").hexdigest()
        if checksum != expected.lower():
            raise ChecksumError(
                f"{artifact.url} is not what was expected: its SHA-256 is {checksum}, "
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
    versions: Versions,
    target: Path,
    *,
    urls: Mapping[str, str],
    pinned: Mapping[str, str],
    published: bool = False,
) -> None:
    """Download every component of the official releases into `target`.

    Args:
        versions: the releases wanted.
        target: an empty directory.
        urls: the base of each project's releases.
        pinned: SHA-256 by project and path (``kubernetes/v1.34.4/bin/linux/amd64/kubelet``).
        published: whether the checksum beside a file does where none is pinned for it.

    Raises:
        ProvisionError: a file is not there, is not what was expected, or has no pinned checksum.
    """
    wanted = artifacts(versions, urls)
    loose = [artifact.key for artifact in wanted if artifact.key not in pinned]
    if loose and not published:
        more = f" and {len(loose) - 1} others" if len(loose) > 1 else ""
        raise ProvisionError(
            f"No checksum is pinned for {loose[0]}{more}, so no release is downloaded: pin them in "
            "kube_binaries_checksums, or let those count that the releases publish "
            "(kube_binaries_published_checksums)."
        )
    for artifact in wanted:
        say(f"downloading {artifact.name}")
        download(artifact, target, pinned=pinned)
