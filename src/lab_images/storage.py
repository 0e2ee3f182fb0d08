"""The store in which buildah keeps built images and their layers."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from lab_images import registry
from lab_images.catalogue import ImageError, Settings

RUN_ROOT = Path("/run/mnist-lab/containers")
CHUNK = 1 << 20


@dataclass(frozen=True)
class Storage:
    """One store of images, apart from whatever else the machine uses buildah for."""

    root: Path
    driver: str = ""

    def command(self, *arguments: str) -> list[str]:
        """Return a buildah command on this store."""
        options = ["--root", str(self.root), "--runroot", str(RUN_ROOT)]
        if self.driver:
            options += ["--storage-driver", self.driver]
        return ["buildah", *options, *arguments]

    def run(self, *arguments: str) -> str:
        """Run buildah and return what it printed."""
        result = subprocess.run(self.command(*arguments), capture_output=True, text=True)
        if result.returncode != 0:
            raise ImageError(f"buildah {arguments[0]} failed: {result.stderr.strip()[-800:]}")
        return result.stdout

    def images(self) -> dict[str, str]:
        """Return the ID of every named image, by name."""
        if not self.root.exists():
            return {}
        ids = {}
        for entry in json.loads(self.run("images", "--json", "--no-trunc") or "[]"):
            for name in entry.get("names") or []:
                ids[name] = entry["id"].removeprefix("sha256:")
        return ids

    def clear_interrupted(self) -> None:
        """Remove what builds left that failed or were killed; none may be going on."""
        if self.root.exists():
            self.run("rm", "--all")

    def config_of(self, image_id: str) -> bytes:
        """Return the image's configuration, byte for byte, as its ID is the hash of it."""
        record = self._image_record(image_id)
        digest = f"sha256:{record['id']}"
        name = "=" + base64.b64encode(digest.encode()).decode()
        for directory in self.root.glob(f"*-images/{record['id']}"):
            path = directory / name
            if path.is_file():
                return path.read_bytes()
        raise ImageError(f"the store {self.root} holds no configuration of image {image_id}")

    def layers_of(self, image_id: str) -> list[dict[str, Any]]:
        """Return the records of the image's layers, the lowest first."""
        [path] = self.root.glob("*-layers/layers.json")
        records = {record["id"]: record for record in json.loads(path.read_text())}
        chain = []
        layer_id = self._image_record(image_id)["layer"]
        while layer_id:
            chain.append(records[layer_id])
            layer_id = records[layer_id].get("parent", "")
        return chain[::-1]

    def _image_record(self, image_id: str) -> dict[str, Any]:
        for path in self.root.glob("*-images/images.json"):
            for record in json.loads(path.read_text()):
                if record["id"] == image_id:
                    return dict(record)
        raise ImageError(f"the store {self.root} holds no image {image_id}")

    def layer_files(self, layer: dict[str, Any]) -> Path:
        """Return the directory with a layer's files."""
        name = str(layer["id"])
        for path in (self.root / "overlay" / name / "diff", self.root / "vfs" / "dir" / name):
            if path.is_dir():
                return path
        raise ImageError(f"the store {self.root} lacks layer {name}")

    def layer_chunks(self, layer: dict[str, Any]) -> Iterator[bytes]:
        """Yield a layer's tar archive exactly as its digest was taken of it.

        The store keeps a layer unpacked, with a recording of the archive around its files; put
        together again the two give the same bytes, which the caller checks by the digest.
        """
        recordings = list(self.root.glob(f"*-layers/{layer['id']}.tar-split.gz"))
        files = self.layer_files(layer)
        if not recordings:
            raise ImageError(f"the store {self.root} lacks layer {layer['id']}")
        with gzip.open(recordings[0], "rt") as recording:
            for line in recording:
                entry = json.loads(line)
                if entry["type"] == 2:
                    yield base64.b64decode(entry.get("payload") or "")
                elif entry.get("size"):
                    raw = entry.get("name_raw")
                    name = base64.b64decode(raw).decode() if raw else entry["name"]
                    with (files / name).open("rb") as content:
                        while chunk := content.read(CHUNK):
                            yield chunk

    def write_layer(self, layer: dict[str, Any], output: IO[bytes]) -> None:
        """Write a layer's archive, and refuse it if it is not what its digest says."""
        digest = hashlib.sha256()
        for chunk in self.layer_chunks(layer):
            digest.update(chunk)
            output.write(chunk)
        if f"sha256:{digest.hexdigest()}" != layer["diff-digest"]:
            raise ImageError(f"layer {layer['id']} in {self.root} is damaged: remove the store")


def open_storage(settings: Settings) -> Storage:
    """Return the lab's own store under its cache."""
    if shutil.which("buildah") is None:
        raise ImageError("buildah is not installed: apt-get install buildah")
    return Storage(settings.cache / "images" / "storage", settings.storage_driver)


def base_is_there(settings: Settings, *, check: bool) -> bool:
    """Tell whether the base image named in the settings is here or can be pulled; pull it then.

    In check mode nothing is pulled: the registry is asked, where the name says which it is.
    """
    if not settings.base_image:
        return True
    if not check:
        storage = open_storage(settings)
        command = storage.command("pull", "--quiet", "--policy", "missing", settings.base_image)
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    if shutil.which("buildah"):
        storage = open_storage(settings)
        command = storage.command("inspect", "--type", "image", settings.base_image)
        if storage.root.exists() and (
            subprocess.run(command, capture_output=True, check=False).returncode == 0
        ):
            return True
    if registry.split_reference(settings.base_image) is None:
        return True  # A short name: only the pull finds out where it is.
    return registry.manifest_of(settings.base_image) is not None
