"""What is to be built: the images, where their parts lie, and what each is made from."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Changes when the way an image is built changes though none of its files do.
RECIPE = "1"

IGNORED_NAMES = frozenset({"__pycache__", "node_modules", "dist", ".pytest_cache", ".mypy_cache"})


class ImageError(Exception):
    """An image cannot be built or delivered; the message says what to do."""


@dataclass(frozen=True)
class Image:
    """One image: its recipe and the files that the recipe may read."""

    name: str
    containerfile: str = ""
    base: str = ""
    context: tuple[str, ...] = ()
    arguments: dict[str, str] = field(default_factory=dict)
    rootfs: str = ""
    # File of the context that tells the code inside which revision it is; the build writes it.
    revision_file: str = ""
    deliver: bool = True
    expected_gb: float = 1.0
    limit_gb: float | None = None
    description: str = ""


@dataclass(frozen=True)
class Settings:
    """Where things are kept, and under which names the cluster finds the images."""

    root: Path
    cache: Path
    state: Path
    registry: str
    namespace: str
    tag: str
    base_image: str
    containerd: str
    containerd_root: Path
    push_registry: str
    push_tls_verify: bool
    storage_driver: str
    isolation: str
    images: tuple[Image, ...]
    # Content keys found earlier in the same run: the files may change while it goes on.
    keys: dict[str, str] = field(default_factory=dict)

    def image(self, name: str) -> Image:
        """Return the image of that name."""
        for image in self.images:
            if image.name == name:
                return image
        known = ", ".join(image.name for image in self.images)
        raise ImageError(f"there is no image {name!r} here; there are {known}")

    def reference(self, name: str) -> str:
        """Return the name under which pods ask for the image."""
        return f"{self.registry}/{self.namespace}/{name}:{self.tag}"

    def version(self, image: Image) -> str:
        """Return the version that an image carries: the tag, where a cluster sees it.

        Layers that others are built on have none, so that another tag does not make them again.
        """
        return self.tag if image.deliver else ""

    def with_ancestors(self, names: list[str]) -> list[Image]:
        """Return the named images and those that they are built from, in building order."""
        needed: set[str] = set()
        for name in names:
            while name:
                needed.add(name)
                name = self.image(name).base
        return [image for image in self.images if image.name in needed]


def settings_from(data: dict[str, Any]) -> Settings:
    """Read the settings that the role hands over, and refuse what cannot be built."""
    images = tuple(
        Image(**{**entry, "context": tuple(entry.get("context", ()))}) for entry in data["images"]
    )
    base_image = str(data.get("base_image") or "")
    if base_image:
        images = tuple(image for image in images if not image.rootfs)
    seen = {""}
    adopted = []
    for image in images:
        base = image.base
        if base not in seen and base_image:
            image = Image(**{**image.__dict__, "base": ""})
        elif base not in seen:
            raise ImageError(f"{image.name} is built from {base}, which is not listed before it")
        seen.add(image.name)
        adopted.append(image)
    return Settings(
        root=Path(data["root"]),
        cache=Path(data["cache"]),
        state=Path(data["state"]),
        registry=data["registry"],
        namespace=data["namespace"],
        tag=str(data["tag"]),
        base_image=base_image,
        containerd=str(data.get("containerd") or ""),
        containerd_root=Path(data.get("containerd_root") or "/var/lib/mnist-lab/containerd"),
        push_registry=str(data.get("push_registry") or ""),
        push_tls_verify=bool(data.get("push_tls_verify", True)),
        storage_driver=str(data.get("storage_driver") or ""),
        isolation=str(data.get("isolation") or "chroot"),
        images=tuple(adopted),
        keys=dict(data.get("keys") or {}),
    )


def context_files(root: Path, context: tuple[str, ...]) -> list[Path]:
    """Return every file that the listed paths hold, relative to the root, in a fixed order."""
    files_listed: set[Path] = set()
    for entry in context:
        path = root / entry
        if path.is_file():
            files_listed.add(Path(entry))
        elif path.is_dir():
            for directory, names, files in os.walk(path):
                names[:] = [name for name in names if name not in IGNORED_NAMES]
                relative = Path(directory).relative_to(root)
                files_listed.update(relative / name for name in files if not name.endswith(".pyc"))
        else:
            raise ImageError(f"{entry}, which an image is made from, is not in {root}")
    return sorted(files_listed)


def content_key(root: Path, image: Image, base_key: str, version: str = "") -> str:
    """Return one hash over everything that the image is made from."""
    digest = hashlib.sha256()
    recipe = [RECIPE, image.name, image.containerfile, base_key, sorted(image.arguments.items())]
    recipe += [part for part in (image.revision_file, version) if part]
    digest.update(json.dumps(recipe).encode())
    for path in context_files(root, (image.containerfile, *image.context)):
        content = (root / path).read_bytes()
        executable = os.access(root / path, os.X_OK)
        digest.update(f"\0{path}\0{executable}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def rootfs_key(root: Path, image: Image) -> str:
    """Return what the base's own script says that its result depends on."""
    script = root / image.rootfs
    result = subprocess.run([script, "--key"], capture_output=True, text=True)
    if result.returncode != 0:
        raise ImageError(f"{image.rootfs} --key failed: {result.stderr.strip()}")
    return result.stdout.strip()


def all_keys(settings: Settings) -> dict[str, str]:
    """Return the key of every image; one changed base changes all that are built from it."""
    keys: dict[str, str] = {}
    for image in settings.images:
        keys[image.name] = settings.keys.get(image.name) or content_key(
            settings.root, image, base_key_of(settings, image, keys), settings.version(image)
        )
    return keys


def build_arguments(settings: Settings, image: Image) -> dict[str, str]:
    """Return what a recipe is told, but for its base."""
    arguments = {"IMAGE_NAME": image.name, **image.arguments}
    if version := settings.version(image):
        arguments["IMAGE_VERSION"] = version
    return arguments


def base_key_of(settings: Settings, image: Image, keys: dict[str, str]) -> str:
    """Return what stands for the image's base in its own key."""
    if image.rootfs:
        return rootfs_key(settings.root, image)
    return keys[image.base] if image.base else settings.base_image
