"""Plan, build, deliver and report the lab's images: ``python3 -m lab_images plan < settings``.

The settings are JSON on standard input, as the role ``lab_images`` writes them. Each command
prints one JSON object; an error goes to standard error with exit status 1.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_ground.files import write_json
from lab_images import builder
from lab_images.catalogue import Image, ImageError, Settings, all_keys, settings_from
from lab_images.delivery import Containerd, push
from lab_images.layout import Layout
from lab_images.storage import base_is_there, open_storage

GB = 10**9
KEYS = "image-keys.json"
COMMANDS = ("plan", "build", "deliver", "push", "openshift-build", "report")


@dataclass(frozen=True)
class Workshop:
    """The settings with what follows from them."""

    settings: Settings
    layout: Layout
    keys: dict[str, str]
    selected: list[Image]

    @property
    def containerd(self) -> Containerd | None:
        """The containerd to deliver to, if there is one and it is up."""
        if not self.settings.containerd:
            return None
        containerd = Containerd(self.settings.containerd)
        return containerd if containerd.is_up() else None


def open_workshop(settings: Settings, only: list[str]) -> Workshop:
    """Compute the keys of all images, and which of them are asked for."""
    names = only or [image.name for image in settings.images]
    return Workshop(
        settings=settings,
        layout=Layout(settings.cache / "images" / "layout"),
        keys=all_keys(settings),
        selected=settings.with_ancestors(names),
    )


def free_gb(path: Path) -> float:
    """Return the free space where the path is or would be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free / GB


def disks(needs: dict[Path, float]) -> list[dict[str, Any]]:
    """Say for each file system what is needed and what is free on it."""
    by_device: dict[int, dict[str, Any]] = {}
    for path, needed in needs.items():
        there = next(parent for parent in (path, *path.parents) if parent.exists())
        entry = by_device.setdefault(
            there.stat().st_dev,
            {"path": str(path), "needed_gb": 0.0, "free_gb": round(free_gb(there), 1)},
        )
        entry["needed_gb"] = round(entry["needed_gb"] + needed, 1)
    return [entry for entry in by_device.values() if entry["needed_gb"]]


def plan(workshop: Workshop, check: bool) -> dict[str, Any]:
    """Say what would be built and delivered, and how much space that takes."""
    settings, layout = workshop.settings, workshop.layout
    containerd = workshop.containerd
    present = containerd.images() if containerd else {}
    images = []
    needs = {settings.cache: 0.0, settings.containerd_root: 0.0}
    for image in workshop.selected:
        key = workshop.keys[image.name]
        record = layout.find(image.name, key)
        reference = settings.reference(image.name)
        deliverable = image.deliver and containerd is not None
        delivered = record is not None and present.get(reference) == record.manifest
        # Unpacked in buildah's store, compressed in the cache, and both again in the cluster's.
        needs[settings.cache] += 0 if record else image.expected_gb * 1.4
        if deliverable and not delivered:
            needs[settings.containerd_root] += image.expected_gb * 1.4
        images.append(
            {
                "name": image.name,
                "key": key,
                "reference": reference,
                "built": record is not None,
                "delivered": delivered or not deliverable,
            }
        )
    build = [item["name"] for item in images if not item["built"]]
    deliver = [item["name"] for item in images if not item["delivered"]]
    return {
        "changed": bool(build or deliver),
        "images": images,
        "build": build,
        "deliver": deliver,
        "disks": disks(needs),
        "base_missing": bool(build) and not base_is_there(settings, check=check),
        "containerd": containerd is not None,
    }


def build(workshop: Workshop, name: str) -> dict[str, Any]:
    """Build one image unless the same content has been built before."""
    settings, layout, keys = workshop.settings, workshop.layout, workshop.keys
    image = settings.image(name)
    if layout.find(name, keys[name]):
        return {"changed": False, "name": name, "key": keys[name]}
    started = time.monotonic()
    storage = open_storage(settings)
    storage.clear_interrupted()
    # The layers of a base may be cached as finished while buildah's own store was removed.
    if image.base and builder.stored_name(settings.image(image.base), keys[image.base]) not in (
        storage.images()
    ):
        base = settings.image(image.base)
        keys = {**keys, base.name: builder.build(settings, storage, base, keys)[0]}
    key, image_id = builder.build(settings, storage, image, keys)
    built = time.monotonic()
    record = layout.export(storage, name, key, image_id)
    if materials := builder.bill_of_materials(storage, image_id):
        path = bill_path(settings, name, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(materials)
    for old in layout.prune({**keys, name: key}):
        subprocess.run(
            storage.command("rmi", f"localhost/lab/{old.name}:{old.key[:24]}"),
            capture_output=True,
            check=False,
        )
    return {
        "changed": True,
        "name": name,
        "key": record.key,
        "unpacked_mb": record.unpacked_bytes // 10**6,
        "transfer_mb": record.transfer_bytes // 10**6,
        "build_seconds": round(built - started, 1),
        "export_seconds": round(time.monotonic() - built, 1),
    }


def bill_path(settings: Settings, name: str, key: str) -> Path:
    """Return where a bill of materials is kept with the cached image."""
    return settings.cache / "images" / "sbom" / f"{name}-{key[:24]}.cdx.json"


def deliver(workshop: Workshop) -> dict[str, Any]:
    """Import what the cluster lacks, all in one go."""
    containerd = workshop.containerd
    if containerd is None:
        return {"changed": False, "images": [], "sent_mb": 0}
    started = time.monotonic()
    present = containerd.images()
    lacking = {}
    for image in workshop.selected:
        record = workshop.layout.find(image.name, workshop.keys[image.name])
        reference = workshop.settings.reference(image.name)
        if image.deliver and record and present.get(reference) != record.manifest:
            lacking[reference] = record
    sent = containerd.take(workshop.layout, lacking) if lacking else 0
    return {
        "changed": bool(lacking),
        "images": [record.name for record in lacking.values()],
        "sent_mb": sent // 10**6,
        "seconds": round(time.monotonic() - started, 1),
    }


def openshift_build(workshop: Workshop, name: str, timeout: float, check: bool) -> dict[str, Any]:
    """Have OpenShift build one image, unless its stream holds what has this content."""
    from lab_images import openshift  # only here, as its client takes a second to import

    settings, key = workshop.settings, workshop.keys[name]
    cluster = openshift.connect(settings.namespace)
    changed = cluster.built_key(name, settings.tag) != key
    started = time.monotonic()
    if changed and not check:
        cluster.build(settings, settings.image(name), key, timeout)
        noted = settings.state / KEYS
        known = json.loads(noted.read_text()) if noted.is_file() else {}
        write_json(noted, {**known, name: key})
    seconds = round(time.monotonic() - started, 1)
    return {"changed": changed, "name": name, "key": key, "seconds": seconds}


def report(workshop: Workshop, check: bool) -> dict[str, Any]:
    """Write the images' list and bills of materials to the state directory; return the sizes."""
    settings = workshop.settings
    files: dict[Path, bytes] = {}
    images = {}
    too_large = []
    for image in settings.images:
        record = workshop.layout.find(image.name, workshop.keys[image.name])
        record = record or workshop.layout.newest(image.name)
        if record is None:
            continue
        gb = round(record.unpacked_bytes / GB, 2)
        images[image.name] = {
            "reference": settings.reference(image.name),
            "key": record.key,
            "digest": record.manifest,
            "unpacked_gb": gb,
            "transfer_gb": round(record.transfer_bytes / GB, 2),
            "limit_gb": image.limit_gb,
        }
        if image.limit_gb is not None and gb > image.limit_gb:
            too_large.append(f"{image.name}: {gb} GB, at most {image.limit_gb} GB")
        bill = bill_path(settings, image.name, record.key)
        if bill.is_file():
            files[settings.state / "reports" / "sbom" / f"{image.name}.cdx.json"] = (
                bill.read_bytes()
            )
    files[settings.state / "images.json"] = (json.dumps(images, indent=2) + "\n").encode()
    built = {name: image["key"] for name, image in images.items()}
    files[settings.state / KEYS] = (json.dumps(built, indent=2) + "\n").encode()
    changed = False
    for path, content in files.items():
        if not path.is_file() or path.read_bytes() != content:
            changed = True
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    return {"changed": changed, "images": images, "too_large": too_large}


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep two runs on one machine from building into the same cache at once."""
    directory = settings.cache / "images"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: list[str] | None = None) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="lab_images", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--only", action="append", default=[], help="these images and their bases")
    parser.add_argument("--name", help="the image to build")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds for one build")
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args(arguments)
    try:
        settings = settings_from(json.load(sys.stdin))
        workshop = open_workshop(settings, options.only)
        if options.command == "plan":
            result = plan(workshop, options.check)
        elif options.command == "report":
            result = report(workshop, options.check)
        elif options.command == "openshift-build":
            result = openshift_build(workshop, options.name, options.timeout, options.check)
        else:
            with alone(settings):
                if options.command == "build":
                    result = build(workshop, options.name)
                elif options.command == "push":
                    result = push(settings, workshop.layout, workshop.selected, workshop.keys)
                else:
                    result = deliver(workshop)
    except ImageError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
