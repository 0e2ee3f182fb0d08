"""The one loop that lists objects and then watches them, whatever client they come through.

It lists again only where it must (the version to watch from is too old, or the watch broke): a
watch that the server ends is gone on with from the last version seen. Only the standard library.
"""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from lab_ground.kubernetes.errors import ApiError
from lab_ground.kubernetes.manifest import Manifest

logger = logging.getLogger(__name__)

FIRST_DELAY = 0.2
LONGEST_DELAY = 5.0
# The version to watch from is older than what the API server remembers.
TOO_OLD = 410


class Source(Protocol):
    """Where objects of one kind come from."""

    def list_all(self) -> tuple[list[Manifest], str]:
        """Return the present objects, and the version to watch from."""
        ...

    def watch_from(self, version: str) -> Iterator[Manifest]:
        """Give the events since a version, until the server ends the watch."""
        ...


class Follower:
    """Tells of all objects at first and after a break, then of each change.

    ``listed(objects)`` gets all that are there; ``changed(object, gone)`` gets one; ``lost()`` is
    called where news may be missed until the next list.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        *,
        listed: Callable[[list[Manifest]], None],
        changed: Callable[[Manifest, bool], None],
        lost: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._source = source
        self._listed = listed
        self._changed = changed
        self._lost = lost
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin, in the background."""
        threading.Thread(target=self.run, name=f"follow-{self.name}", daemon=True).start()

    def stop(self) -> None:
        """Follow no more."""
        self._stop.set()

    def run(self) -> None:
        """Follow until stopped; whatever breaks is begun anew, after growing pauses."""
        delay = FIRST_DELAY
        while not self._stop.is_set():
            try:
                objects, version = self._source.list_all()
                self._listed(objects)
                delay = FIRST_DELAY
                while not self._stop.is_set():
                    version = self._watch(version)
                return
            except ApiError as error:
                if error.status == TOO_OLD:
                    logger.info("%s: %s; listing again", self.name, error.message)
                    continue
                logger.warning("%s cannot be followed: %s", self.name, error)
            except (OSError, http.client.HTTPException, ValueError) as error:
                logger.warning("%s cannot be followed: %s", self.name, error)
            except Exception:
                logger.exception("following %s failed", self.name)
            if self._lost is not None:
                self._lost()
            self._stop.wait(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    def _watch(self, version: str) -> str:
        for event in self._source.watch_from(version):
            kind, thing = str(event.get("type")), event.get("object") or {}
            if kind == "ERROR":
                code = int(thing.get("code") or 0)
                raise ApiError(code, "Watch", str(thing.get("message") or thing))
            version = str(thing["metadata"].get("resourceVersion") or version)
            if kind != "BOOKMARK":
                self._changed(thing, kind == "DELETED")
            if self._stop.is_set():
                break
        return version
