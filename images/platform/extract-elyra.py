"""Takes out of Elyra's own wheel what its pipelines' steps fetch before they run.

extract-elyra.py WHEEL RUNTIME_LOCK DIRECTORY

The bootstrapper lies in the wheel. The requirements do not: they are what the bootstrapper
imports, at the versions that our runtime image has, so that a step there installs nothing.
"""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

BOOTSTRAPPER = "elyra/kfp/bootstrapper.py"
NEEDED = ("ipykernel", "minio", "nbclient", "nbconvert", "packaging", "papermill")


def main(arguments: list[str]) -> int:
    """Write both files."""
    wheel, lock, directory = (Path(argument) for argument in arguments[1:4])
    directory.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        (directory / "bootstrapper.py").write_bytes(archive.read(BOOTSTRAPPER))
    pins = dict(re.findall(r"^([a-z0-9-]+)==([^\s\\]+)", lock.read_text(), re.MULTILINE))
    lines = [f"{name}=={pins[name]}\n" for name in NEEDED]
    (directory / "requirements-elyra.txt").write_text("".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
