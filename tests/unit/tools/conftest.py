"""A local HTTP server with releases, and small programs to put into images."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from embedded_cluster.releases import KUBERNETES, Versions, architecture

VERSIONS = Versions(kubernetes="1.34.4", etcd="3.6.4", coredns="1.12.4", local_path="0.0.30")


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing; a file that ends in .short announces more than it sends."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def copyfile(self, source: object, outputfile: object) -> None:
        """Send a file, or only its first half where it is marked."""
        marked = Path(self.translate_path(self.path) + ".short").exists()
        data = source.read()
        outputfile.write(data[: len(data) // 2] if marked else data)


@pytest.fixture
def versions() -> Versions:
    """The versions that the local releases have."""
    return VERSIONS


@pytest.fixture
def release_tree(tmp_path: Path) -> Path:
    """Files as the projects publish them, with right checksums."""
    root = tmp_path / "releases"
    arch = architecture()

    def publish(path: Path, data: bytes, checksum: Path, *, listed: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        checksum.write_text(f"{digest}  {path.name}\n" if listed else digest)

    base = root / f"kubernetes/v{VERSIONS.kubernetes}/bin/linux/{arch}"
    for name in KUBERNETES:
        publish(base / name, f"program {name}\n".encode() * 99, base / f"{name}.sha256")
    stem = f"etcd-v{VERSIONS.etcd}-linux-{arch}"
    base = root / f"etcd/v{VERSIONS.etcd}"
    publish(
        base / f"{stem}.tar.gz", archive(f"{stem}/etcd", b"program etcd\n"), base / "SHA256SUMS",
        listed=True,
    )  # fmt: skip
    name = f"coredns_{VERSIONS.coredns}_linux_{arch}.tgz"
    base = root / f"coredns/v{VERSIONS.coredns}"
    publish(
        base / name, archive("coredns", b"program coredns\n"), base / f"{name}.sha256", listed=True
    )
    return root


def archive(member: str, data: bytes) -> bytes:
    """A compressed archive with one program."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def serve(release_tree: Path) -> Iterator[Callable[[], dict[str, str]]]:
    """Serve the release tree on loopback; the call gives each project's base address."""
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(QuietHandler, directory=str(release_tree))
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    yield lambda: {name: f"{address}/{name}" for name in ("kubernetes", "etcd", "coredns")}
    server.shutdown()
    thread.join(5)
