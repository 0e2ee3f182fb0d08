"""How large the images are, and how long it takes to build and deliver them.

    .lab/venv-test/bin/python tests/benchmarks/images.py [--output FILE] [--cold] [--quick]

Needs images that have been built (``./lab run build-images``). Writes JSON with, for each figure,
what was measured and the bound that is aimed at:

- ``NAME_gb``: size of each image, unpacked;
- ``unchanged_seconds``: the playbook when nothing changed (10 s), and that it changes nothing;
- ``changed_platform_seconds``, ``changed_workload_seconds``: build and delivery after one line of
  ours changed in the platform's source, and in the workload's, which is in three images (30 s);
- ``import_all_seconds``: all images into a containerd namespace that has none of them, as after a
  cluster was removed; no bound, as the whole of `./lab up` has one;
- ``cold_seconds``, only with ``--cold``: all images without any cache, downloads included, in a
  cache directory of its own of about 15 GB (720 s).

The reference in the same run is ``reference_seconds``, hashing and compressing 256 MB by one core:
it tells a slow machine from a slow build.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import yaml
from figures import finish

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("LAB_CACHE", "/var/cache/mnist-lab"))
SOCKET = "/run/mnist-lab/containerd.sock"
# In a registry of that name that nobody asks; the tag is on the labels, so it is the lab's own.
BENCHMARK_TAG = "1.0"
BOUNDS = {
    "mnist-runtime_gb": 2.5,
    "mnist-workbench_gb": 3.5,
    "mnist-serving_gb": 1.0,
    "mnist-inference_gb": 0.4,
    "unchanged_seconds": 10,
    "changed_platform_seconds": 30,
    "changed_workload_seconds": 30,
    "cold_seconds": 720,
}


def catalogue() -> list[dict[str, Any]]:
    """Return the images as the role lists them."""
    variables = yaml.safe_load((ROOT / "roles/lab_images/vars/main.yml").read_text())
    return list(variables["__lab_images_cpu"])


def settings_for(root: Path, cache: Path, state: Path, containerd: str) -> dict[str, Any]:
    """Return settings as the role makes them, under a tag that no pod asks for."""
    return {
        "root": str(root),
        "cache": str(cache),
        "state": str(state),
        "registry": "benchmark.example",
        "namespace": "images",
        "tag": BENCHMARK_TAG,
        "containerd": containerd,
        "images": catalogue(),
    }


def lab_images(settings: dict[str, Any], command: str, *arguments: str) -> dict[str, Any]:
    """Run one command of the builder."""
    done = subprocess.run(
        [sys.executable, "-m", "lab_images", command, *arguments],
        input=json.dumps(settings),
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    return dict(json.loads(done.stdout))


def build_all(settings: dict[str, Any], only: list[str]) -> float:
    """Build and deliver what the plan says; return the seconds it took."""
    started = time.monotonic()
    options = [option for name in only for option in ("--only", name)]
    for name in lab_images(settings, "plan", *options)["build"]:
        lab_images(settings, "build", "--name", name)
    if settings["containerd"]:
        lab_images(settings, "deliver", *options)
    return time.monotonic() - started


def reference(megabytes: int) -> float:
    """Hash and compress so much."""
    block = bytes(range(256)) * 4096
    started = time.monotonic()
    digest = hashlib.sha256()
    for _ in range(megabytes):
        digest.update(block)
        zlib.compress(block, 1)
    return time.monotonic() - started


def unchanged() -> float:
    """Run the playbook when there is nothing to do."""
    command = [str(ROOT / "lab"), "run", "build-images"]
    subprocess.run(command, check=True, capture_output=True)
    started = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.monotonic() - started
    if not re.search(r"\bchanged=0\b", done.stdout):
        sys.exit("a second build changed something:\n" + done.stdout[-2000:])
    return seconds


def copy_checkout(target: Path) -> None:
    """Copy what images are made from, so that a change is not made in this checkout."""
    ignore = shutil.ignore_patterns("node_modules", "__pycache__", "dist")
    for name in ("images", "src", "web"):
        shutil.copytree(ROOT / name, target / name, ignore=ignore)


def changed(source: str, only: list[str]) -> float:
    """Change one line of a source file of ours, build and deliver; leave nothing behind."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "checkout"
        copy_checkout(root)
        settings = settings_for(root, CACHE, Path(name) / "state", SOCKET)
        build_all(settings, only)
        path = root / source
        path.write_text(path.read_text() + f"\n# {time.time()}\n")
        seconds = build_all(settings, only)
        options = [option for image in only for option in ("--only", image)]
        for image in lab_images(settings, "plan", *options)["images"]:
            remove(image["reference"])
            # Two of a name are kept in the cache: this one must not drive out the checkout's own.
            record = f"{image['name']}-{image['key'][:24]}.json"
            if image["name"] in only:
                (CACHE / "images" / "layout" / "images" / record).unlink(missing_ok=True)
        return seconds


def ctr(namespace: str, *arguments: str) -> str:
    """Run containerd's client."""
    command = ["ctr", "--address", SOCKET, "--namespace", namespace, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def remove(reference_name: str, namespace: str = "k8s.io") -> None:
    """Remove an image from containerd."""
    ctr(namespace, "images", "remove", "--sync", reference_name)


def import_all() -> float:
    """Deliver all images into a namespace of containerd's that is empty before and after."""
    from lab_images.delivery import Containerd
    from lab_images.layout import Layout

    namespace = "lab-benchmark"
    layout = Layout(CACHE / "images" / "layout")
    built = json.loads((ROOT / ".lab" / "images.json").read_text())
    wanted: dict[str, Any] = {}
    for image in catalogue():
        record = layout.find(image["name"], built[image["name"]]["key"])
        if image.get("deliver", True) and record:
            wanted[f"benchmark.example/images/{image['name']}:{BENCHMARK_TAG}"] = record
    started = time.monotonic()
    Containerd(SOCKET, namespace).take(layout, wanted)
    seconds = time.monotonic() - started
    for name in wanted:
        remove(name, namespace)
    ctr("default", "namespaces", "remove", namespace)
    return seconds


def cold() -> float:
    """Build all images with nothing cached."""
    with tempfile.TemporaryDirectory(dir=CACHE.parent, prefix="mnist-lab-cold-") as name:
        settings = settings_for(ROOT, Path(name) / "cache", Path(name) / "state", "")
        (Path(name) / "cache").mkdir()
        return build_all(settings, [])


def main() -> int:
    """Measure and write the figures; the exit code says whether every bound was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--quick", action="store_true", help="without the workload and the import")
    options = parser.parse_args()
    took = reference(16 if options.quick else 256)
    figures: dict[str, float] = {"unchanged_seconds": unchanged()}
    for name, image in json.loads((ROOT / ".lab" / "images.json").read_text()).items():
        figures[f"{name}_gb"] = image["unpacked_gb"]
    figures["changed_platform_seconds"] = changed("src/controllers/__init__.py", ["lab-platform"])
    if not options.quick:
        figures["changed_workload_seconds"] = changed(
            "src/mnist_workload/__init__.py",
            ["mnist-inference", "mnist-runtime", "mnist-workbench"],
        )
        figures["import_all_seconds"] = import_all()
    if options.cold:
        figures["cold_seconds"] = cold()
    return finish(
        {name: round(value, 2) for name, value in figures.items()},
        BOUNDS,
        reference={"reference_seconds": round(took, 2)},
        output=options.output,
        quick=options.quick,
    )


if __name__ == "__main__":
    sys.exit(main())
