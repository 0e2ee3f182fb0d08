"""The router as in the cluster: Traefik with the role's own arguments, on loopback ports."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ports import free_port
from started import wait_until_up

from router.__main__ import Trial, write_rules
from router.rules import encode, marked

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles/platform_router"


def find_traefik() -> str | None:
    """The environment's own Traefik, which is the image's."""
    beside = Path(sys.executable).with_name("traefik")
    return str(beside) if beside.exists() else shutil.which("traefik")


def role_arguments(**changes: object) -> list[str]:
    """What the role starts Traefik with, by its defaults but for the variables that are given."""
    template = (ROLE / "templates/router.yml.j2").read_text(encoding="utf-8")
    values = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8")) | changes
    return [
        re.sub(r"\{\{ (\w+) \}\}", lambda match: str(values[match[1]]), argument)
        for argument in re.findall(r"^ +- (--.+)$", template, re.MULTILINE)
    ]


@dataclass
class RealRouter:
    """A running Traefik, its rule file, and its ports on the loopback."""

    rules: Path
    ports: dict[str, int]
    log: Path

    def publish(self, configuration: dict[str, Any], seconds: float = 5.0) -> bool:
        """Give it these rules as the operators and the router do; say whether it took them."""
        body = encode(marked(configuration))
        write_rules(self.rules, body)
        return Trial(f"http://127.0.0.1:{self.ports['traefik']}", seconds).taken(body)

    def send(self, data: bytes, *, entry: str = "web", timeout: float = 5.0) -> bytes:
        """Send these bytes as they are and return the whole answer."""
        with socket.create_connection(("127.0.0.1", self.ports[entry]), timeout) as sock:
            sock.sendall(data)
            answer = b""
            while part := sock.recv(65536):
                answer += part
            return answer

    def certificate(self, host: str) -> bytes:
        """The certificate that a visitor of this host is shown, as DER."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", self.ports["websecure"]), 5) as sock,
            context.wrap_socket(sock, server_hostname=host) as wrapped,
        ):
            return wrapped.getpeercert(binary_form=True) or b""


@contextmanager
def running_router(directory: Path, **changes: object) -> Iterator[RealRouter]:
    """Run Traefik, with the arguments that the role gives it, until the block ends.

    Args:
        directory: for its files.
        changes: variables of the role that are not at their defaults.
    """
    traefik = find_traefik()
    assert traefik, "Traefik is not there: ./lab venv platform"
    ports: dict[str, int] = {}

    def moved(argument: str) -> str:
        match = re.fullmatch(r"--entrypoints\.(\w+)\.address=\S*:\d+", argument)
        if match is None:
            return argument
        ports[match[1]] = free_port()
        return f"--entrypoints.{match[1]}.address=127.0.0.1:{ports[match[1]]}"

    arguments = [moved(argument) for argument in role_arguments(**changes)]
    (directory / "rules").mkdir()
    router = RealRouter(directory / "rules/rules.yml", ports, directory / "log")
    command = [
        traefik,
        f"--providers.file.directory={router.rules.parent}",
        "--providers.file.watch=true",
        *arguments,
    ]
    with (
        router.log.open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            _wait_until_up(process, ports["internal"], router.log)
            yield router
        finally:
            process.terminate()
            process.wait(15)


def _wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    def answers() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=1):
            return True

    wait_until_up(process, answers, 15, log)
