"""The object store as it runs in a project, but for its front: SeaweedFS on loopback ports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from ports import free_port
from started import wait_until_up

from object_storage.buckets import connect
from object_storage.builders import Identity, build_identities
from object_storage.process import build_command

_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port.grpc",
)


@contextmanager
def running_store(directory: Path, identities: Sequence[Identity]) -> Iterator[str]:
    """Run SeaweedFS with the arguments of a project's store; gives its address.

    Args:
        directory: for its files.
        identities: who may use it; the first is an administrator.
    """
    weed = Path(sys.executable).with_name("weed")
    assert weed.exists(), "SeaweedFS is not there: ./lab venv platform"
    (directory / "identities.json").write_text(json.dumps(build_identities(identities)))
    changed = {name: str(free_port()) for name in _PORTS}
    port = free_port()
    changed |= {
        "s3.port": str(port),
        "metricsPort": str(free_port()),
        "dir": str(directory),
        "filer.localSocket": f"{directory}/filer.sock",
        "s3.localSocket": f"{directory}/s3.sock",
        "s3.config": f"{directory}/identities.json",
    }
    command = build_command()
    own = command[command.index("weed") + 1 :]
    kept = [part for part in own if part.lstrip("-").partition("=")[0] not in changed]
    arguments = [*kept, *(f"-{name}={value}" for name, value in changed.items())]
    log = directory / "store.log"
    with (
        log.open("wb") as stream,
        subprocess.Popen([weed, *arguments], stdout=stream, stderr=stream) as process,
    ):
        try:
            _wait_until_up(process, f"http://127.0.0.1:{port}", identities[0], log)
            yield f"http://127.0.0.1:{port}"
        finally:
            # A tidy end takes SeaweedFS long, and nothing of it is kept.
            process.kill()


def _wait_until_up(
    process: subprocess.Popen[bytes], endpoint: str, admin: Identity, log: Path
) -> None:
    client = connect(endpoint, admin.access_key, admin.secret_key)
    wait_until_up(process, lambda: _is_up(client), 60, log)


def _is_up(client: Any) -> bool:
    try:
        if not client.list_buckets()["Buckets"]:
            client.create_bucket(Bucket="rhods")
        client.put_object(Bucket="rhods", Key="probe", Body=b"ready")
        client.delete_object(Bucket="rhods", Key="probe")
    except (BotoCoreError, ClientError):
        return False
    return True
