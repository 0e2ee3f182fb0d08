"""A sequence of writes: all of it dry first, then for real, and undone where it breaks."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard import errors
from dashboard.cluster import Acting
from dashboard.errors import RefusalError, Right
from dashboard.kinds import Kind, kind_of
from lab_ground.kubernetes.manifest import Manifest

logger = logging.getLogger(__name__)

Patch = Mapping[str, Any]


@dataclass(frozen=True)
class Make:
    """Make an object.

    ``owner`` is the name of the earlier step whose object it goes with; ``what`` and ``field``
    say which name is taken, where one is. ``right``: what is asked instead of a dry run, for a
    binding whose role the same sequence makes, which a dry run does not find.
    """

    manifest: Manifest
    owner: str = ""
    what: str = "object"
    field: str = "displayName"
    right: Right | None = None
    # Where one of this name is there, it is replaced by this one; only for what has no users.
    over: bool = False


@dataclass(frozen=True)
class Change:
    """Patch an object; ``undo`` puts it back."""

    kind: Kind
    name: str
    namespace: str
    patch: Patch
    undo: Patch | None = None


@dataclass(frozen=True)
class Remove:
    """Delete an object; none of that name is fine."""

    kind: Kind
    name: str
    namespace: str


Step = Make | Change | Remove


@dataclass
class Plan:
    """Steps in their order, each under a name."""

    steps: dict[str, Step] = field(default_factory=dict)

    def add(self, name: str, step: Step) -> None:
        """Put a step at the end."""
        self.steps[name] = step

    async def run(self, acting: Acting, *, dry: bool = False) -> dict[str, Manifest]:
        """Try all of it, then, unless ``dry``, do it; return the objects by their steps' names.

        Raises:
            RefusalError: a step was refused; what the earlier ones made has been taken back.
        """
        tried = await self._try(acting)
        return tried if dry else await self._do(acting)

    async def _try(self, acting: Acting) -> dict[str, Manifest]:
        answers: dict[str, Manifest] = {}
        for name, step in self.steps.items():
            if isinstance(step, Make) and step.right is not None:
                if not await acting.may(step.right):
                    raise errors.forbidden(step.right)
                continue
            answer = await _one(acting, step, step_manifest(step), dry=True)
            if answer is not None:
                answers[name] = answer
        return answers

    async def _do(self, acting: Acting) -> dict[str, Manifest]:
        made: dict[str, Manifest] = {}
        undo: list[Callable[[], Any]] = []
        for name, step in self.steps.items():
            manifest = step_manifest(step, made)
            try:
                answer = await _one(acting, step, manifest, dry=False)
            except RefusalError:
                await _take_back(undo)
                raise
            if answer is not None:
                made[name] = answer
            undo += _undoing(acting, step, answer)
        return made


def step_manifest(step: Step, made: Mapping[str, Manifest] | None = None) -> Manifest | None:
    """What a step makes, with its owner where that is there already."""
    if not isinstance(step, Make):
        return None
    manifest = copy.deepcopy(step.manifest)
    owner = (made or {}).get(step.owner) if step.owner else None
    if owner is not None:
        manifest["metadata"]["ownerReferences"] = [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
            }
        ]
    return manifest


async def _one(
    acting: Acting, step: Step, manifest: Manifest | None, *, dry: bool
) -> Manifest | None:
    if isinstance(step, Change):
        return await acting.patch(step.kind, step.name, step.namespace, step.patch, dry=dry)
    if isinstance(step, Remove):
        await acting.delete(step.kind, step.name, step.namespace, dry=dry)
        return None
    assert manifest is not None  # noqa: S101 - a Make has one
    try:
        return await acting.create(manifest, dry=dry)
    except RefusalError as refusal:
        if refusal.reason != "Exists":
            raise
        metadata = manifest["metadata"]
        if step.over:
            kind = kind_of(manifest["apiVersion"], manifest["kind"])
            return await acting.patch(
                kind, metadata["name"], metadata["namespace"], manifest, dry=dry
            )
        raise errors.exists(step.what, metadata["name"], step.field) from refusal


def _undoing(acting: Acting, step: Step, answer: Manifest | None) -> list[Callable[[], Any]]:
    if isinstance(step, Make) and answer is not None and not step.over:
        kind = kind_of(step.manifest["apiVersion"], step.manifest["kind"])
        metadata = answer["metadata"]
        # By its uid: what somebody else made under the name in between stays.
        return [
            lambda: acting.delete(
                kind, metadata["name"], metadata["namespace"], uid=metadata["uid"]
            )
        ]
    if isinstance(step, Change) and step.undo is not None:
        undo = step.undo
        return [lambda: acting.patch(step.kind, step.name, step.namespace, undo)]
    return []


async def _take_back(undo: list[Callable[[], Any]]) -> None:
    for action in reversed(undo):
        try:
            await action()
        except RefusalError as refusal:
            logger.warning("a step could not be taken back: %s", refusal)
