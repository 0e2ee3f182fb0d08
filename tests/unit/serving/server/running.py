"""Runs the real model server in a process of its own, for tests."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ports import free_port
from started import wait_until_up

SOURCE = Path(__file__).parents[4] / "src"


@dataclass
class RunningServer:
    """A model server over a models folder."""

    models: Path
    log: Path
    rest: int = field(default_factory=free_port)
    grpc: int = field(default_factory=free_port)
    metrics: int = field(default_factory=free_port)
    admin: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self, **settings: str) -> RunningServer:
        """Start it and wait until it answers."""
        environment = {
            **os.environ,
            "LAB_SERVER_MODELS_DIR": str(self.models),
            "LAB_SERVER_HOST": "127.0.0.1",
            "LAB_SERVER_REST_PORT": str(self.rest),
            "LAB_SERVER_GRPC_PORT": str(self.grpc),
            "LAB_SERVER_METRICS_PORT": str(self.metrics),
            "LAB_SERVER_ADMIN_PORT": str(self.admin),
            **settings,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "model_server"],
                env=environment,
                stdout=log,
                stderr=log,
            )
        try:
            wait_until_up(self.process, self._lives, 60, self.log)
        except BaseException:
            self.stop()
            raise
        return self

    def _lives(self) -> bool:
        return self.get("/v2/health/live")[0] == 200 and self.index() is not None

    def stop(self) -> None:
        """End it."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)

    def get(self, path: str) -> tuple[int, Any]:
        """A GET on the public port."""
        return call(self.rest, "GET", path)

    def infer(self, model: str, body: Any, version: str = "") -> tuple[int, Any]:
        """One prediction over REST."""
        middle = f"/versions/{version}" if version else ""
        return call(self.rest, "POST", f"/v2/models/{model}{middle}/infer", body)

    def index(self) -> Any:
        """What the repository API says."""
        return call(self.admin, "POST", "/v2/repository/index", {})[1]


def call(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """One request; a body that is not bytes goes as JSON, an answer in JSON comes decoded."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        text = response.read()
        kind = response.headers.get("Content-Type", "")
        return response.status, json.loads(text) if kind == "application/json" and text else text
    finally:
        connection.close()
