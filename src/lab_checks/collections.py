"""Tells which Ansible collections are missing, and with --install fetches only those."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import yaml

from embedded_cluster.layout import project_directory


def version_tuple(text: str) -> tuple[int, ...]:
    """2.1.0 as numbers; what follows a dash or a plus is left out."""
    return tuple(int(part) for part in text.split("-")[0].split("+")[0].split("."))


def installed() -> dict[str, str]:
    """Collections that Ansible finds, with their versions; the first of a name counts."""
    program = Path(sys.executable).with_name("ansible-galaxy")
    done = subprocess.run(
        [str(program), "collection", "list", "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    installed: dict[str, str] = {}
    for collections in json.loads(done.stdout).values():
        for name, entry in collections.items():
            installed.setdefault(name, str(entry.get("version", "0")))
    return installed


def missing(required: list[dict[str, str]], installed: dict[str, str]) -> list[str]:
    """What is wanted and not there, in words that ansible-galaxy takes too."""
    lacking = []
    for entry in required:
        name, least = entry["name"], entry["version"].removeprefix(">=")
        if name not in installed or version_tuple(installed[name]) < version_tuple(least):
            lacking.append(f"{name}:>={least}")
    return lacking


def main() -> int:
    """List what is missing, or install it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true")
    arguments = parser.parse_args()
    listing = project_directory() / "collections/requirements.yml"
    lacking = missing(yaml.safe_load(listing.read_text())["collections"], installed())
    if lacking and arguments.install:
        program = Path(sys.executable).with_name("ansible-galaxy")
        return subprocess.run(
            [str(program), "collection", "install", *lacking], check=False
        ).returncode
    for name in lacking:
        print(f"the collection {name} is not installed")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
