"""Notices that a model was overwritten in the bucket.

ModelMesh does not: there, another revision needs another spec. Here a learner who trains again
is answered by the new model without deploying it anew, and pods of one server cannot go on with
different contents under one name.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from lab_ground.connections import DataConnection
from model_puller.errors import PullError
from model_puller.fetch import connection_for
from model_puller.model import ModelSpec
from model_puller.storage import ModelStore

LOOK_SECONDS = 30.0

logger = logging.getLogger(__name__)


class Models(Protocol):
    """What is asked of the synchroniser."""

    def at_rest(self) -> list[tuple[ModelSpec, str]]: ...
    def renew(self, spec: ModelSpec, version: str) -> None: ...


class Changes:
    """Lists each model's objects now and then: one small request for each."""

    def __init__(
        self,
        models: Models,
        storage_config: Callable[[], Mapping[str, str]],
        every: float = LOOK_SECONDS,
    ) -> None:
        self._models = models
        self._storage_config = storage_config
        self._every = every
        self._stores: dict[tuple[ModelSpec, DataConnection], ModelStore] = {}

    def run(self, stop: threading.Event) -> None:
        """Look until stopped."""
        while not stop.wait(self._every):
            try:
                self.look()
            except PullError as error:
                logger.info("The bucket cannot be looked at: %s", error.message)
            except Exception:
                logger.exception("Looking at the bucket failed in a way not foreseen")

    def look(self) -> None:
        """Look once; what cannot be seen now stays as it is."""
        resting = self._models.at_rest()
        if not resting:
            return
        storage_config = self._storage_config()
        stores = {}
        for spec, tried in resting:
            try:
                key = (spec, connection_for(spec, storage_config))
                stores[key] = self._stores.get(key) or ModelStore(*key)
                _, version = stores[key].look()
            except PullError as error:
                logger.info("Model %s cannot be looked at: %s", spec.name, error.message)
                continue
            if version != tried:
                logger.info("Model %s was overwritten", spec.name)
                self._models.renew(spec, version)
        self._stores = stores
