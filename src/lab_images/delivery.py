"""Hands finished images over: to the containerd that a kubelet runs pods with, or a registry."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_images import registry
from lab_images.builder import stored_name
from lab_images.catalogue import Image, ImageError, Settings
from lab_images.layout import MANIFEST, Layout, Record
from lab_images.storage import open_storage


@dataclass(frozen=True)
class Containerd:
    """A containerd, reached through its socket."""

    address: str
    namespace: str = "k8s.io"

    def is_up(self) -> bool:
        """Tell whether it answers."""
        if not Path(self.address).exists() or shutil.which("ctr") is None:
            return False
        return self._run("version").returncode == 0

    def images(self) -> dict[str, str]:
        """Return the digest of every image that it has, by reference."""
        lines = self._checked("images", "list").splitlines()[1:]
        return {line.split()[0]: line.split()[2] for line in lines if len(line.split()) > 2}

    def blobs(self) -> set[str]:
        """Return the digests of all content that it has."""
        return set(self._checked("content", "list", "--quiet").split())

    def take(self, layout: Layout, records: dict[str, Record]) -> int:
        """Import images under the given references; return how many bytes had to be sent.

        Only what is missing is sent: containerd finds the rest by digest in its own store.
        """
        present = self.blobs()
        process = subprocess.Popen(
            self._command("images", "import", "-"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdin is not None  # noqa: S101  (as PIPE was asked for)
        sent = 0
        try:
            with tarfile.open(fileobj=process.stdin, mode="w|") as archive:
                _add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
                done: set[str] = set()
                for record in records.values():
                    blobs = layout.blobs_of(record)
                    # The manifest and the configuration always, as the importer reads them.
                    for number, digest in enumerate(blobs):
                        if digest in done or (number > 1 and digest in present):
                            continue
                        done.add(digest)
                        path = layout.blob(digest)
                        sent += path.stat().st_size
                        archive.add(path, f"blobs/sha256/{path.name}")
                _add(archive, "index.json", _index(records))
            process.stdin.close()
        except BrokenPipeError:
            pass
        output = process.stdout.read().decode(errors="replace") if process.stdout else ""
        if process.wait() != 0:
            raise ImageError(f"containerd at {self.address} refused the images: {output[-800:]}")
        return sent

    def _command(self, *arguments: str) -> list[str]:
        return ["ctr", "--address", self.address, "--namespace", self.namespace, *arguments]

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = self._command(*arguments)
        environment = {**os.environ, "LC_ALL": "C"}
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)

    def _checked(self, *arguments: str) -> str:
        result = self._run(*arguments)
        if result.returncode != 0:
            raise ImageError(f"containerd at {self.address}: {result.stderr.strip()[-400:]}")
        return result.stdout


def _index(records: dict[str, Record]) -> bytes:
    manifests = [
        {
            "mediaType": MANIFEST,
            "digest": record.manifest,
            "size": record.size,
            "annotations": {"io.containerd.image.name": reference},
        }
        for reference, record in records.items()
    ]
    return json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def push(
    settings: Settings, layout: Layout, images: Iterable[Image], keys: Mapping[str, str]
) -> dict[str, Any]:
    """Push to a registry what it does not hold with this content; the registry itself is asked."""
    storage = open_storage(settings)
    stored = storage.images()
    done = []
    for image in images:
        if not image.deliver:
            continue
        key = keys[image.name]
        target = f"{settings.push_registry}/{settings.namespace}/{image.name}:{settings.tag}"
        source = stored_name(image, key)
        record = layout.find(image.name, key)
        known = {stored.get(source, ""), record.image_id if record else ""} - {""}
        if registry.holds(target, known, verify=settings.push_tls_verify):
            continue
        if source not in stored:
            raise ImageError(
                f"{source} is no longer in {storage.root}: remove "
                f"{settings.cache}/images/layout/images/{image.name}-*.json and build again"
            )
        verify = str(settings.push_tls_verify).lower()
        storage.run("push", "--quiet", f"--tls-verify={verify}", source, f"docker://{target}")
        done.append(image.name)
    return {"changed": bool(done), "images": done}
