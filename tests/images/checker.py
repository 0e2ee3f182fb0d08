"""Runs inside an image and prints, as JSON, what the tests want to know of it."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import sys
import traceback
from pathlib import Path

COMPILERS = (
    "cc",
    "gcc",
    "g++",
    "c++",
    "clang",
    "ld",
    "make",
    "go",
    "rustc",
    "javac",
    "npm",
    "node",
)
SECRET_NAMES = (
    ".netrc",
    ".pypirc",
    ".npmrc",
    ".git-credentials",
    "pip.conf",
    "id_rsa",
    "id_ed25519",
)
SECRET_TEXT = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}|"
    rb"://[^/\s:@]+:[^/\s:@]+@"
)
# Ours, and what is not part of a package.
SEARCHED = (
    "/etc",
    "/root",
    "/home",
    "/run",
    "/var",
    "/opt/lab/src",
    "/opt/lab/build",
    "/opt/app-root",
)
SECRET_VARIABLES = re.compile(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|INDEX_URL|PROXY", re.I)


def writable(directory: str) -> bool:
    """Tell whether a file can be made there."""
    try:
        path = Path(directory) / f".probe-{os.getpid()}"
        path.write_text("")
        path.unlink()
    except OSError:
        return False
    return True


def import_failures(modules: list[str]) -> dict[str, str]:
    """Import each module; return why, for those that cannot be."""
    failures = {}
    for module in modules:
        try:
            importlib.import_module(module)
        except BaseException:
            failures[module] = traceback.format_exc(limit=-1)[-500:]
    return failures


def secrets() -> list[str]:
    """Return the files that hold a secret, or look made to."""
    found = []
    for top in SEARCHED:
        for directory, names, files in os.walk(top):
            names[:] = [name for name in names if name != "serviceaccount"]
            for name in files:
                path = Path(directory) / name
                if name in SECRET_NAMES:
                    found.append(str(path))
                    continue
                try:
                    content = path.read_bytes() if path.stat().st_size < 1_000_000 else b""
                except OSError:
                    continue
                if SECRET_TEXT.search(content):
                    found.append(str(path))
    return found


def main(modules: list[str]) -> None:
    """Print the report."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    report = {
        "uid": os.getuid(),
        "gid": os.getgid(),
        "capabilities": int(status["CapEff"], 16),
        "no_new_privileges": status["NoNewPrivs"].strip() == "1",
        "writable": [path for path in ("/", "/etc", "/opt/lab", "/usr", "/var") if writable(path)],
        "home_writable": writable(os.environ.get("HOME", "/")) or writable("/tmp"),
        "import_failures": import_failures(modules),
        "tensorflow_loaded": "tensorflow" in sys.modules,
        "tensorflow_there": importlib.util.find_spec("tensorflow") is not None,
        "compilers": [name for name in COMPILERS if shutil.which(name)],
        "programs": {name: shutil.which(name) for name in os.environ["PROGRAMS"].split()},
        "secrets": secrets(),
        "variables": [name for name in os.environ if SECRET_VARIABLES.search(name)],
        "left_from_build": [
            str(path)
            for top in ("/run/lab-build", "/run/lab-cache")
            for path in Path(top).rglob("*")
            if path.is_file()
        ],
        "bill": json.loads(Path("/opt/lab/sbom.cdx.json").read_text())["metadata"]["component"],
    }
    sys.stdout.write("\nREPORT " + json.dumps(report) + "\n")


main(sys.argv[1:])
