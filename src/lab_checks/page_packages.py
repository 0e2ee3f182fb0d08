"""The packages that a page is made of: installed once for a lock, for every check and test."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_TIMEOUT_SECONDS = 600
_LISTS = ("package.json", "package-lock.json")


def run_npm(directory: Path, cache: Path, *words: str) -> None:
    """Run the npm of this environment.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    npm = Path(sys.executable).with_name("npm")
    done = subprocess.run(
        [str(npm), *words],
        cwd=directory,
        # npm's own first line asks for the node beside it.
        env={
            **os.environ,
            "NPM_CONFIG_CACHE": str(cache / "npm"),
            "PATH": f"{npm.parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT_SECONDS,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-4000:]
        raise RuntimeError(f"npm {' '.join(words)} failed in {directory}: {said}")


def packages(source: Path, cache: Path) -> Path:
    """Return the ``node_modules`` of a package, installed below the cache by its lock.

    Raises:
        RuntimeError: npm cannot install them.
    """
    lock = b"".join((source / name).read_bytes() for name in _LISTS)
    kept = cache / "page-packages" / hashlib.sha256(lock).hexdigest()[:16]
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
            for name in _LISTS:
                shutil.copy(source / name, scratch)
            run_npm(Path(scratch), cache, "ci", "--no-audit", "--no-fund", "--prefer-offline")
            made = Path(scratch) / "made"
            made.mkdir()
            (Path(scratch) / "node_modules").rename(made / "node_modules")
            try:
                made.rename(kept)
            except OSError:
                # Somebody else installed the same in the meantime.
                if not kept.is_dir():
                    raise
    return kept / "node_modules"


def sources(source: Path, target: Path, cache: Path) -> Path:
    """Copy a package's sources to ``target``, with its packages beside them."""
    ignored = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    (target / "node_modules").symlink_to(packages(source, cache))
    return target


def dashboard_sources(project: Path, target: Path, cache: Path) -> Path:
    """Copy the dashboard's sources, with the guide that it shows where its build looks for it."""
    sources(project / "web/dashboard", target, cache)
    shutil.copytree(project / "docs/lab", target / "guide")
    return target
