"""The servers behind the browser, and the bundle that they serve."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx
from started import wait_until_up

from embedded_cluster.layout import cache_directory
from lab_checks.page_packages import run_npm, sources

ROOT = Path(__file__).resolve().parents[3]
SERVE = Path(__file__).with_name("serve.py")
STARTING = 30


class Server:
    """One server in a process of its own, which may be stopped and started again."""

    def __init__(self, python: str, log: Path, kind: str, port: int, *arguments: str) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self._command = [python, str(SERVE), kind, str(port), *arguments]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        if self._process is not None:
            return
        with self._log.open("ab") as stream:
            self._process = subprocess.Popen(self._command, stdout=stream, stderr=subprocess.STDOUT)
        health = f"{self.address}/healthz"
        wait_until_up(
            self._process,
            lambda: httpx.get(health, timeout=2) is not None,
            STARTING,
            self._log,
            excused=(httpx.HTTPError,),
        )

    def stop(self) -> None:
        """Stop it; a start that is asked for later brings it back on the same port."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


def bundle(target: Path) -> Path:
    """Bundle the page as its image does, and return the directory."""
    package = sources(ROOT / "web", target / "web", cache_directory())
    run_npm(package, cache_directory(), "run", "--silent", "build")
    return package / "dist"
