"""Runs the puller beside a model server, or once before it.

`python3 -m model_puller` follows a ConfigMap (ModelMesh mode);
with `--once` it fetches the one model that `LAB_PULLER_MODEL` describes (RawDeployment mode).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from lab_ground.serving import constants
from lab_ground.serving.manifest import write_manifest
from model_puller.changes import Changes
from model_puller.check import check_model, start_trials
from model_puller.cluster import Cluster
from model_puller.errors import PullError
from model_puller.fetch import connection_for, fetch
from model_puller.model import ModelSpec
from model_puller.server_client import ServerClient
from model_puller.state_server import StateServer
from model_puller.sync import Synchroniser
from model_server.settings import MEBIBYTE, ServerSettings

STORAGE_MOUNT = Path("/mnt/storage-config")
TERMINATION_LOG = Path("/dev/termination-log")


def follow() -> None:
    """Keep the server's models as the ConfigMap wants them, until told to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    start_trials()
    settings = ServerSettings.from_environment()
    cluster = Cluster(os.environ["LAB_PULLER_NAMESPACE"])

    def storage_config() -> dict[str, str]:
        return cluster.secret(constants.STORAGE_CONFIG)

    synchroniser = Synchroniser(
        Path(settings.models_dir),
        ServerClient(settings.admin_port),
        storage_config,
        max_bytes=settings.max_model_bytes,
        memory_bytes=memory_limit(),
        check=check_model,
    )
    state = StateServer(("", constants.PULLER_PORT), synchroniser)
    threading.Thread(target=state.serve_forever, daemon=True).start()
    changes = Changes(synchroniser, storage_config)
    threading.Thread(target=changes.run, args=(stop,), daemon=True).start()
    threading.Thread(
        target=cluster.watch_config_map,
        args=(os.environ["LAB_PULLER_CONFIG_MAP"], synchroniser.want),
        daemon=True,
    ).start()
    synchroniser.run(stop)


def fetch_once() -> int:
    """Fetch one model for the server that starts after us; the exit code says how it went."""
    settings = ServerSettings.from_environment()
    try:
        spec = ModelSpec.from_json(json.loads(os.environ["LAB_PULLER_MODEL"]))
        config = {
            entry.name: entry.read_text(encoding="utf-8")
            for entry in STORAGE_MOUNT.iterdir()
            if entry.is_file()
        }
        folder = Path(settings.models_dir) / spec.name
        found = fetch(
            spec,
            connection_for(spec, config),
            folder,
            max_bytes=settings.max_model_bytes,
            memory_bytes=memory_limit(),
            check=check_model,
            versions_only=True,
        )
        write_manifest(folder, revision=spec.name, file=found.file)
    except PullError as error:
        logging.error("%s", error.message)
        TERMINATION_LOG.write_text(error.message[:2000], encoding="utf-8")
        return 1
    return 0


def memory_limit() -> int | None:
    """Memory that a trial may take: the server's own limit and the trial's own needs."""
    limit = int(os.environ.get("LAB_PULLER_SERVER_MEMORY", "0"))
    return limit + 256 * MEBIBYTE if limit else None


def main() -> None:
    """Entry point."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="fetch LAB_PULLER_MODEL and end")
    if parser.parse_args().once:
        sys.exit(fetch_once())
    follow()


if __name__ == "__main__":
    main()
