"""Run Traefik and keep its rules as the operators have them.

``python3 -m router.__main__`` is the router's one process beside Traefik.

Traefik can fetch rules by itself, but waits longer and longer after each failure and gives up in
the end. Here the rules are a file: the router follows within half a second whenever the operators
answer, and goes on (also after a restart of its own) with what it has whenever they do not.
"""

from __future__ import annotations

import http.client
import logging
import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

logger = logging.getLogger("router.__main__")


class Fetcher:
    """Fetches the rules over one kept connection; an unchanged answer costs a header."""

    def __init__(self, url: str, token: str, ca_file: Path) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 443
        self._path = parts.path
        self._token = token
        self._ca_file = ca_file
        self._tag = ""
        self._connection: http.client.HTTPSConnection | None = None

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def fetch(self) -> bytes | None:
        """Return the rules, or None if they are as before; raise OSError if nobody answers."""
        if self._connection is None:
            # The file is read each time: the authority may have been exchanged.
            context = ssl.create_default_context(cafile=str(self._ca_file))
            self._connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=5, context=context
            )
        headers = {"Authorization": f"Bearer {self._token}", "If-None-Match": self._tag}
        try:
            self._connection.request("GET", self._path, headers=headers)
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise OSError(f"the operators do not answer: {error}") from error
        if answer.status == 304:
            return None
        if answer.status != 200:
            raise OSError(f"the operators answered {answer.status}")
        self._tag = answer.headers.get("ETag", "")
        return body


def write_rules(file: Path, rules: bytes) -> bool:
    """Replace the file in one step, unless it says that already; say whether it was replaced."""
    if file.exists() and file.read_bytes() == rules:
        return False
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_bytes(rules)
    fresh.replace(file)
    return True


def follow(
    fetch: Callable[[], bytes | None], file: Path, seconds: float, stop: threading.Event
) -> None:
    """Keep the file as the operators have the rules, until ``stop``."""
    reachable = True
    while not stop.is_set():
        try:
            rules = fetch()
            if rules is not None and write_rules(file, rules):
                logger.info("the rules changed")
            if not reachable:
                logger.info("the operators answer again")
            reachable = True
        except OSError as error:
            if reachable:
                logger.warning("%s; the rules stay as they are", error)
            reachable = False
        stop.wait(seconds)


def main() -> int:
    """Start both; end with Traefik."""
    logging.basicConfig(
        stream=sys.stdout,
        level=logging.INFO,
        format='{"time":"%(asctime)s","level":"%(levelname)s","message":"%(message)s"}',
    )
    file = Path(os.environ.get("LAB_ROUTER_RULES", "/run/router/rules.yml"))
    fetcher = Fetcher(
        os.environ["LAB_ROUTER_URL"],
        os.environ["LAB_ROUTER_TOKEN"],
        Path(os.environ["LAB_ROUTER_CA_FILE"]),
    )
    seconds = float(os.environ.get("LAB_ROUTER_SECONDS", "0.4"))
    stop = threading.Event()
    follower = threading.Thread(
        target=follow, args=(fetcher.fetch, file, seconds, stop), daemon=True
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LAB_ROUTER_")}
    command = [
        "traefik",
        f"--providers.file.directory={file.parent}",
        "--providers.file.watch=true",
        *sys.argv[1:],
    ]
    with subprocess.Popen(command, env=environment) as traefik:

        def end(number: int, _: FrameType | None) -> None:
            stop.set()
            traefik.send_signal(number)

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        follower.start()
        code = traefik.wait()
    return 0 if stop.is_set() else code or 1


if __name__ == "__main__":
    sys.exit(main())
