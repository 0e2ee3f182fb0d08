"""Run Traefik and keep its rules as the operators have them.

``python3 -m router`` is the router's one process beside Traefik.

Traefik can fetch rules by itself, but waits longer and longer after each failure and gives up in
the end. Here the rules are a file: the router follows within half a second whenever the operators
answer, and goes on (also after a restart of its own) with what it has whenever they do not.
"""

from __future__ import annotations

import http.client
import logging
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from lab_ground.files import write_whole
from lab_ground.waiting import moments

logger = logging.getLogger(__name__)

# What the operators mark their rules with; see controllers.route.publisher.
_MARK = re.compile(rb"rules-[0-9a-f]{16}")


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
    write_whole(file, rules)
    return True


class Trial:
    """Finds out whether Traefik took the rules that were written for it.

    The rules carry a mark, a middleware that nothing uses; Traefik shows it once it works by them.

    Args:
        control: address of Traefik's API, which answers on the pod's loopback only.
        seconds: how long Traefik may take.
    """

    def __init__(self, control: str, seconds: float = 5.0) -> None:
        self._control = control
        self._seconds = seconds

    def taken(self, rules: bytes) -> bool:
        """Wait until Traefik works by these rules; False if it does not."""
        mark = _MARK.search(rules)
        if mark is None:
            return True
        address = f"{self._control}/api/http/middlewares/{mark[0].decode()}@file"
        for _ in moments(self._seconds):
            try:
                with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own loopback
                    return True
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    logger.warning("Traefik answered %d of its own rules", error.code)
            except OSError as error:
                logger.warning("Traefik does not say which rules it has: %s", error)
        return False


def replace_rules(file: Path, rules: bytes, taken: Callable[[bytes], bool]) -> bool:
    """Replace the rules; take them back where Traefik does not take them. Say whether they stay."""
    former = file.read_bytes() if file.exists() else None
    if not write_rules(file, rules):
        return True
    if taken(rules):
        logger.info("the rules changed")
        return True
    if former is None:
        # There is nothing to go back to, and Traefik may only be starting.
        return True
    logger.error("Traefik does not take the new rules; it goes on with the former ones")
    write_rules(file, former)
    return False


def follow(
    fetch: Callable[[], bytes | None],
    file: Path,
    seconds: float,
    stop: threading.Event,
    taken: Callable[[bytes], bool] = lambda _: True,
) -> None:
    """Keep the file as the operators have the rules, until ``stop``."""
    reachable = True
    while not stop.is_set():
        try:
            rules = fetch()
            if rules is not None:
                replace_rules(file, rules, taken)
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
    trial = Trial(os.environ.get("LAB_ROUTER_CONTROL", "http://127.0.0.1:8083"))
    stop = threading.Event()
    follower = threading.Thread(
        target=follow, args=(fetcher.fetch, file, seconds, stop, trial.taken), daemon=True
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
