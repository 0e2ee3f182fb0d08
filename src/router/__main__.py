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
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from lab_ground.files import write_whole
from lab_ground.waiting import moments
from router.rules import Rules, decode, encode, settle

logger = logging.getLogger(__name__)

# Of the Routes that were left out, as many are told to the operators.
MOST_TOLD = 100
# What the operators mark their rules with; see router.rules.
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

    def fetch(self, left_out: Collection[str] = ()) -> bytes | None:
        """Return the rules, or None if they are as before; raise OSError if nobody answers.

        ``left_out`` are the Routes that could not be used, which the operators tell them.
        """
        if self._connection is None:
            # The file is read each time: the authority may have been exchanged.
            context = ssl.create_default_context(cafile=str(self._ca_file))
            self._connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=5, context=context
            )
        headers = {"Authorization": f"Bearer {self._token}", "If-None-Match": self._tag}
        if left_out:
            # Headers have a bound, and who is left out is told as soon as the others are well.
            headers["X-Lab-Left-Out"] = " ".join(sorted(left_out)[:MOST_TOLD])
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


class Replacer:
    """Keeps the file at rules that Traefik takes: all, or those without the Routes that hinder.

    Args:
        file: what Traefik reads.
        taken: waits until Traefik works by rules, or says that it does not.
    """

    def __init__(self, file: Path, taken: Callable[[bytes], bool]) -> None:
        self._file = file
        self._taken = taken
        self._wanted: bytes | None = None
        self.left_out: set[str] = set()

    def replace(self, rules: bytes) -> bool:
        """Replace the rules as far as Traefik takes them; say whether it took them all."""
        self._wanted = rules
        former = self._file.read_bytes() if self._file.exists() else None
        if not write_rules(self._file, rules):
            return not self.left_out
        if self._taken(rules):
            self.left_out = set()
            logger.info("the rules changed")
            return True
        return self._without_what_hinders(former, rules)

    def retry(self) -> None:
        """Try what was left out again: Traefik may only have been slow."""
        if self.left_out and self._wanted is not None:
            self.replace(self._wanted)

    def _without_what_hinders(self, former: bytes | None, rules: bytes) -> bool:
        def attempt(some: Rules) -> bool:
            body = encode(some)
            write_rules(self._file, body)
            return self._taken(body)

        left_out = settle(decode(former) if former else {}, decode(rules), attempt)
        if left_out is None and former is None:
            # There is nothing to go back to, and Traefik may only be starting.
            write_rules(self._file, rules)
            return True
        if left_out is None:
            logger.error("Traefik does not take the new rules; it goes on with the former ones")
            write_rules(self._file, former or rules)
            return False
        if left_out - self.left_out:
            logger.error("Traefik does not take the rules of %s", ", ".join(sorted(left_out)))
        self.left_out = left_out
        return not left_out


def follow(
    fetch: Callable[[Collection[str]], bytes | None],
    replacer: Replacer,
    seconds: float,
    stop: threading.Event,
    again: float = 60.0,
) -> None:
    """Keep the file as the operators have the rules, until ``stop``.

    ``seconds`` are between two looks, ``again`` between two attempts at what was left out.
    """
    reachable = True
    tried = time.monotonic()
    while not stop.is_set():
        try:
            rules = fetch(replacer.left_out)
            if rules is not None:
                replacer.replace(rules)
                tried = time.monotonic()
            elif time.monotonic() - tried > again:
                replacer.retry()
                tried = time.monotonic()
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
        target=follow,
        args=(fetcher.fetch, Replacer(file, trial.taken), seconds, stop),
        daemon=True,
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
