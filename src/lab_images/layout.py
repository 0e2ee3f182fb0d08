"""The cache of finished images: compressed layers, each kept once whatever images share it.

It is laid out as an OCI image layout, beside two small indexes: which archive a layer became, and
which manifest an image of a given content has. A cluster made anew, or a second checkout, is
served from here without buildah.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from lab_ground.files import write_whole
from lab_images.catalogue import ImageError
from lab_images.storage import Storage

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
ZSTD_LAYER = f"{LAYER}+zstd"
KEPT_PER_IMAGE = 2


@dataclass(frozen=True)
class Record:
    """A finished image."""

    name: str
    key: str
    manifest: str
    size: int
    image_id: str
    unpacked_bytes: int
    transfer_bytes: int


class Layout:
    """The finished images under one directory."""

    def __init__(self, root: Path) -> None:
        """Use the layout at this directory; it is made when something is first written."""
        self.root = root
        self.blobs = root / "blobs" / "sha256"

    def blob(self, digest: str) -> Path:
        """Return where the blob of this digest lies."""
        return self.blobs / digest.removeprefix("sha256:")

    def find(self, name: str, key: str) -> Record | None:
        """Return the image built from this content, if it is here whole."""
        path = self._record_path(name, key)
        if not path.is_file():
            return None
        record = Record(**json.loads(path.read_text()))
        if not all(self.blob(digest).is_file() for digest in self.blobs_of(record)):
            return None
        return record

    def newest(self, name: str) -> Record | None:
        """Return the image of this name that was built last, whatever from."""
        records = sorted(self._record_paths(), key=lambda path: -path.stat().st_mtime)
        for path in records:
            record = Record(**json.loads(path.read_text()))
            if record.name == name:
                return record
        return None

    def blobs_of(self, record: Record) -> list[str]:
        """Return the digests of all that an image consists of."""
        path = self.blob(record.manifest)
        if not path.is_file():
            return [record.manifest]
        manifest = json.loads(path.read_text())
        layers = [layer["digest"] for layer in manifest["layers"]]
        return [record.manifest, manifest["config"]["digest"], *layers]

    def export(self, storage: Storage, name: str, key: str, image_id: str) -> Record:
        """Take a built image over from buildah's store; layers already here are not read again."""
        self.blobs.mkdir(parents=True, exist_ok=True)
        (self.root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        config = storage.config_of(image_id)
        layers = storage.layers_of(image_id)
        if json.loads(config)["rootfs"]["diff_ids"] != [item["diff-digest"] for item in layers]:
            raise ImageError(f"the layers of {name} in {storage.root} are not those of its config")
        archives = [self._layer(storage, layer) for layer in layers]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._write(CONFIG, config),
            "layers": archives,
        }
        descriptor = self._write(MANIFEST, json.dumps(manifest).encode())
        record = Record(
            name=name,
            key=key,
            manifest=descriptor["digest"],
            size=descriptor["size"],
            image_id=image_id,
            unpacked_bytes=sum(layer.get("diff-size", 0) for layer in layers),
            transfer_bytes=sum(archive["size"] for archive in archives),
        )
        path = self._record_path(name, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(record)))
        return record

    def prune(self, current: dict[str, str]) -> list[Record]:
        """Forget all but the newest images of each name; return what was forgotten."""
        records = [(path, Record(**json.loads(path.read_text()))) for path in self._record_paths()]
        kept: dict[str, int] = {}
        forgotten = []
        used: set[str] = set()
        for path, record in sorted(records, key=lambda item: -item[0].stat().st_mtime):
            count = kept.get(record.name, 0)
            if current.get(record.name) == record.key or count < KEPT_PER_IMAGE:
                kept[record.name] = count + 1
                used.update(self.blobs_of(record))
            else:
                forgotten.append(record)
                path.unlink()
        if forgotten:
            for blob in self.blobs.iterdir():
                if f"sha256:{blob.name}" not in used:
                    blob.unlink()
        return forgotten

    def _record_paths(self) -> list[Path]:
        return list((self.root / "images").glob("*.json"))

    def _record_path(self, name: str, key: str) -> Path:
        return self.root / "images" / f"{name}-{key[:24]}.json"

    def _write(self, media_type: str, content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if not self.blob(digest).exists():
            write_whole(self.blob(digest), content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def _layer(self, storage: Storage, layer: dict[str, Any]) -> dict[str, Any]:
        index = self.root / "layers" / layer["diff-digest"].removeprefix("sha256:")
        if index.is_file():
            known: dict[str, Any] = json.loads(index.read_text())
            if self.blob(known["digest"]).is_file():
                return known
        descriptor = self._compress(storage, layer)
        write_whole(index, json.dumps(descriptor))
        return descriptor

    def _compress(self, storage: Storage, layer: dict[str, Any]) -> dict[str, Any]:
        with tempfile.NamedTemporaryFile(dir=self.blobs, suffix=".part", delete=False) as part:
            path = Path(part.name)
            try:
                if shutil.which("zstd"):
                    media_type = ZSTD_LAYER
                    self._through_zstd(storage, layer, part)
                else:
                    media_type = LAYER
                    storage.write_layer(layer, part)
                part.flush()
            except BaseException:
                path.unlink()
                raise
        with path.open("rb") as content:
            digest = f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"
        size = path.stat().st_size
        path.chmod(0o644)
        path.rename(self.blob(digest))
        return {"mediaType": media_type, "digest": digest, "size": size}

    @staticmethod
    def _through_zstd(storage: Storage, layer: dict[str, Any], output: IO[bytes]) -> None:
        command = ["zstd", "-1", "-T0", "-q", "-c"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output) as process:
            assert process.stdin is not None  # noqa: S101  (as PIPE was asked for)
            storage.write_layer(layer, process.stdin)
            process.stdin.close()
        if process.returncode != 0:
            raise ImageError(f"zstd failed on layer {layer['id']} ({process.returncode})")
