"""Keeps the server's models equal to the wanted ones and knows how each of them is."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from lab_ground.serving.manifest import write_manifest
from model_puller.errors import PullError
from model_puller.fetch import Check, connection_for, fetch
from model_puller.model import ModelSpec
from model_puller.server_client import ServerAwayError
from model_puller.states import FAILED, LOADED, LOADING, RETRY_FIRST, RETRY_LAST, ModelState, Wanted

_PARALLEL = 4

logger = logging.getLogger(__name__)


class Server(Protocol):
    """What the synchroniser asks of the model server."""

    def instance(self) -> str: ...
    def load(self, name: str) -> None: ...
    def unload(self, name: str) -> None: ...


class Synchroniser:
    """Loads, replaces and unloads until what is served is what is wanted."""

    def __init__(
        self,
        root: Path,
        server: Server,
        storage_config: Callable[[], Mapping[str, str]],
        *,
        max_bytes: int,
        memory_bytes: int | None,
        check: Check,
    ) -> None:
        self._root = root
        self._server = server
        self._storage_config = storage_config
        self._max_bytes = max_bytes
        self._memory_bytes = memory_bytes
        self._check = check
        self._changed = threading.Condition()
        self._wanted: Wanted | None = None
        self._settled: str | None = None
        self._models: dict[str, ModelState] = {}
        self._instance = ""
        self._server_is_up = False

    def want(self, data: Mapping[str, str]) -> None:
        """Take a new generation of wanted models."""
        try:
            wanted = Wanted.from_data(data)
        except (PullError, ValueError, KeyError, TypeError) as error:
            logger.error("The wanted models cannot be read: %s", error)
            return
        with self._changed:
            before = self._wanted
            self._wanted = wanted
            if before is None or before.storage_version != wanted.storage_version:
                for state in self._models.values():
                    if state.message:
                        state.retry_at, state.delay = 0.0, RETRY_FIRST
            self._changed.notify_all()

    def report(self, generation: str | None = None, timeout: float = 0.0) -> dict[str, Any]:
        """The models' states; waits up to `timeout` for that generation to be settled."""
        with self._changed:
            if generation is not None:
                self._changed.wait_for(lambda: self._settled == generation, timeout)
            return {
                "generation": self._wanted.generation if self._wanted else "",
                "settled": self._settled or "",
                "server": self._server_is_up,
                "models": [state.report() for state in self._models.values()],
            }

    def at_rest(self) -> list[tuple[ModelSpec, str]]:
        """The models that nothing is being done for, and the version tried last of each."""
        with self._changed:
            return [
                (state.spec, state.tried)
                for state in self._models.values()
                if state.state != LOADING and state.retry_at is None and not state.overwritten
            ]

    def renew(self, spec: ModelSpec, version: str) -> None:
        """The bucket has another content for this model now: take it."""
        with self._changed:
            state = self._models.get(spec.name)
            if state is not None and state.spec == spec:
                state.overwritten, state.tried = True, version
                state.retry_at, state.delay = None, RETRY_FIRST
                self._changed.notify_all()

    def ready(self) -> bool:
        """Whether the pod should get requests: the server holds all that it can."""
        with self._changed:
            return self._server_is_up and self._settled is not None

    def run(self, stop: threading.Event) -> None:
        """Work until stopped."""
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="model") as pool:
            while not stop.is_set():
                try:
                    self.step(pool)
                except ServerAwayError:
                    with self._changed:
                        self._server_is_up = False
                        self._settled = None
                with self._changed:
                    wanted = self._wanted
                    settled = wanted is not None and self._settled == wanted.generation
                    self._changed.wait(1.0 if settled else 0.1)

    def step(self, pool: ThreadPoolExecutor) -> None:
        """One round: notice a restarted server, then load, replace and unload what differs."""
        instance = self._server.instance()
        with self._changed:
            if instance != self._instance:
                self._instance = instance
                self._models = {}
                self._settled = None
            self._server_is_up = True
            wanted = self._wanted
        if wanted is None:
            return
        for name in [name for name in self._models if name not in wanted.models]:
            self._unload(name)
        pending = [spec for spec in wanted.models.values() if self._needs_work(spec)]
        for spec in pending:
            self._begin(spec)
        for failure in pool.map(self._bring, pending):
            if failure is not None:
                raise failure
        with self._changed:
            self._settled = wanted.generation
            self._changed.notify_all()

    def _needs_work(self, spec: ModelSpec) -> bool:
        state = self._models.get(spec.name)
        if state is None or state.spec != spec or state.state == LOADING:
            return True
        if state.retry_at is not None:
            return time.monotonic() >= state.retry_at
        return state.overwritten

    def _begin(self, spec: ModelSpec) -> None:
        with self._changed:
            state = self._models.get(spec.name)
            if state is None:
                self._models[spec.name] = ModelState(spec)
            elif state.spec != spec:
                state.spec, state.state, state.message = spec, LOADING, ""
                state.retry_at, state.delay, state.overwritten = None, RETRY_FIRST, False

    def _bring(self, spec: ModelSpec) -> ServerAwayError | None:
        """Load one model; returns, not raises, what concerns all of them."""
        state = self._models[spec.name]
        folder = self._root / spec.name
        try:
            connection = connection_for(spec, self._storage_config())
            found = fetch(
                spec,
                connection,
                folder,
                max_bytes=self._max_bytes,
                memory_bytes=self._memory_bytes,
                check=self._check,
            )
            write_manifest(folder, revision=found.name, file=found.file)
            self._server.load(spec.name)
        except ServerAwayError as error:
            return error
        except PullError as error:
            self._failed(state, folder, error)
            return None
        except Exception as error:
            logger.exception("Model %s failed in a way not foreseen", spec.name)
            self._failed(state, folder, PullError(f"{type(error).__name__}: {error}"))
            return None
        with self._changed:
            state.state, state.active = LOADED, spec.revision
            state.served, state.active_file, state.tried = found.name, found.file, found.version
            state.message, state.time, state.retry_at = "", _now(), None
            state.overwritten, state.delay = False, RETRY_FIRST
        _keep_only(folder, found.name)
        logger.info("Model %s is served as %s", spec.name, found.name)
        return None

    def _failed(self, state: ModelState, folder: Path, error: PullError) -> None:
        if state.active:
            write_manifest(folder, revision=state.served, file=state.active_file)
        _keep_only(folder, state.served)
        with self._changed:
            state.message, state.time = error.message, _now()
            if state.state == LOADED:
                state.message = f"the model was overwritten, what was loaded stays: {error.message}"
            else:
                state.state = FAILED
            state.overwritten = False
            state.retry_at = time.monotonic() + state.delay if error.retry else None
            state.delay = min(state.delay * 2, RETRY_LAST)
        logger.warning("Model %s failed: %s", state.spec.name, error.message)

    def _unload(self, name: str) -> None:
        self._server.unload(name)
        shutil.rmtree(self._root / name, ignore_errors=True)
        with self._changed:
            del self._models[name]
        logger.info("Model %s is no longer served", name)


def _keep_only(folder: Path, revision: str) -> None:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != revision:
            shutil.rmtree(entry, ignore_errors=True)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
