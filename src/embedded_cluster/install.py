"""Puts the binaries of the cache into their place on the machine."""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import shutil
import sys
from pathlib import Path

from embedded_cluster.layout import Layout


def same(source: Path, target: Path) -> bool:
    """Whether the installed file is the one in the cache."""
    if source.is_symlink() or target.is_symlink():
        return (
            source.is_symlink() and target.is_symlink() and source.readlink() == target.readlink()
        )
    if not target.exists():
        return False
    return source.samefile(target) or filecmp.cmp(source, target)


def place(source: Path, target: Path) -> None:
    """Install one file under its name at once; a running program keeps the one it has open."""
    partial = target.with_name(f".{target.name}.new")
    partial.unlink(missing_ok=True)
    if source.is_symlink():
        partial.symlink_to(source.readlink())
    else:
        try:
            os.link(source, partial)
        except OSError:
            shutil.copy2(source, partial)
    partial.replace(target)


def install(source: Path, programs: Path, *, check: bool) -> list[str]:
    """Install what differs; returns the names."""
    # Beside the programs lie their manifest and the archive of images that is made from them.
    offered = {path.name: path for path in source.iterdir() if path.suffix not in (".json", ".tar")}
    changed = [name for name, path in sorted(offered.items()) if not same(path, programs / name)]
    if not check:
        programs.mkdir(parents=True, exist_ok=True)
        for name in changed:
            place(offered[name], programs / name)
    return changed


def link(names: list[str], programs: Path, directory: Path, *, check: bool) -> list[str]:
    """Offer some programs to people, leaving alone whatever another package put there."""
    changed = []
    for name in names:
        path = directory / name
        target = programs / name
        if path.is_symlink() and path.readlink() == target:
            continue
        if path.is_symlink() or path.exists():
            continue
        changed.append(str(path))
        if not check:
            path.symlink_to(target)
    return changed


def main() -> int:
    """Install, or with --check tell what would be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--links", type=json.loads, default=[])
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--apply", action="store_true")
    arguments = parser.parse_args()
    layout = Layout()
    programs = layout.programs / "bin"
    changed: list[str] = []
    if arguments.source.exists():
        changed = install(arguments.source, programs, check=arguments.check)
    elif arguments.check:
        changed = ["the binaries, once they are there"]
    changed += link(arguments.links, programs, layout.root / "usr/local/bin", check=arguments.check)
    print(json.dumps({"changed": bool(changed), "files": changed}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
