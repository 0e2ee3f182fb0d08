"""Run the watcher: ``python3 -m volume_watcher``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lab_ground.kubernetes.client import get_client
from lab_ground.logs import configure_logging
from volume_watcher.watcher import Watcher


def main() -> int:
    """Watch until the process is stopped."""
    configure_logging("info")
    os.nice(10)
    directory = Path(os.environ["LAB_VOLUMES_DIRECTORY"])
    watcher = Watcher(get_client(), directory, os.environ["LAB_VOLUMES_PLACE"])
    watcher.run(float(os.environ.get("LAB_VOLUMES_SECONDS", "15")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
