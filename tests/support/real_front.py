"""The store's front as it runs in a project: nginx, before a real store."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from ports import free_port
from started import wait_until_up

from object_storage.buckets import connect
from object_storage.builders import Identity
from object_storage.process import READ_PORT, S3_PORT, build_front_configuration


def find_nginx(directory: Path) -> str:
    """This machine's nginx, or the one of Debian's package, unpacked below ``directory``."""
    if here := shutil.which("nginx"):
        return here
    found = directory / "usr/sbin/nginx"
    try:
        subprocess.run(["apt-get", "download", "nginx"], cwd=directory, check=True, timeout=60)
        for package in directory.glob("nginx_*.deb"):
            subprocess.run(["dpkg", "-x", package, directory], check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("nginx is the image's; none is here, nor to be had from Debian")
    return str(found)


@contextmanager
def running_front(directory: Path, store: str, admin: Identity) -> Iterator[str]:
    """Run the front before the store at this address; gives the front's address."""
    port, read_port = free_port(), free_port()
    text = build_front_configuration().replace("/run/seaweedfs", str(directory))
    text = text.replace(f"listen {S3_PORT};", f"listen 127.0.0.1:{port};")
    text = text.replace(f"127.0.0.1:{READ_PORT}", f"127.0.0.1:{read_port}")
    text = re.sub(r"server 127\.0\.0\.1:\d+;", f"server {store.removeprefix('http://')};", text)
    (directory / "nginx.conf").write_text(text)
    endpoint = f"http://127.0.0.1:{port}"
    client = connect(endpoint, admin.access_key, admin.secret_key)
    log = directory / "front.log"
    with log.open("wb") as stream:
        command = [find_nginx(directory), "-e", "stderr", "-c", str(directory / "nginx.conf")]
        with subprocess.Popen(command, stdout=stream, stderr=stream) as process:
            try:
                wait_until_up(process, lambda: _answers(client), 20, log)
                yield endpoint
            finally:
                process.terminate()


def _answers(client: Any) -> bool:
    try:
        client.list_buckets()
    except (BotoCoreError, ClientError):
        return False
    return True
