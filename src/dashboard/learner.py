"""Who looks at the page: their token, what they may do, and which projects they see."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dashboard import errors, kinds
from dashboard.catalogue import Catalogue, annotations_of, labels_of
from dashboard.cluster import Acting
from dashboard.errors import RefusalError, Right
from dashboard.objects.common import DESCRIPTION, display_of
from dashboard.settings import Settings
from dashboard.snapshot import SECTIONS, Snapshot, read
from dashboard.views.workbenches import Offers, workbench_items

PLATFORM = "modelmesh-enabled"
# An access review's answer is taken for good as long as this.
REVIEW_SECONDS = 5.0
# A token's own name and groups do not change.
IDENTITY_SECONDS = 60.0
_MOST_REVIEWS = 5000
# What the list of projects shows of each.
LISTED = (kinds.NOTEBOOK, kinds.POD, kinds.ROUTE)


class Reviews:
    """Access reviews' answers, kept for seconds by a digest of the token."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, Right], tuple[float, bool]] = {}
        self._identities: dict[bytes, tuple[float, frozenset[str]]] = {}

    def forget(self) -> None:
        """Ask anew."""
        self._known.clear()
        self._identities.clear()

    async def identity(self, acting: Acting, token: str) -> frozenset[str]:
        """Who somebody is, as bindings name it."""
        key = hashlib.sha256(token.encode()).digest()
        known = self._identities.get(key)
        asked = time.monotonic()
        if known and asked - known[0] < IDENTITY_SECONDS:
            return known[1]
        answer = await acting.identity()
        if len(self._identities) >= _MOST_REVIEWS:
            self._identities.clear()
        self._identities[key] = (asked, answer)
        return answer

    async def may(self, acting: Acting, token: str, right: Right) -> bool:
        """Whether somebody may do something."""
        key = (hashlib.sha256(token.encode()).digest(), right)
        known = self._known.get(key)
        asked = time.monotonic()
        if known and asked - known[0] < REVIEW_SECONDS:
            return known[1]
        answer = await acting.may(right)
        if len(self._known) >= _MOST_REVIEWS:
            self._known.clear()
        self._known[key] = (asked, answer)
        return answer


@dataclass(frozen=True)
class Learner:
    """One who is signed in."""

    user: str
    token: str
    acting: Acting
    catalogue: Catalogue
    settings: Settings
    reviews: Reviews

    async def may(self, right: Right) -> bool:
        """Whether they may do something."""
        return await self.reviews.may(self.acting, self.token, right)

    async def is_instructor(self) -> bool:
        """Whether they see every project."""
        return await self.may(kinds.NAMESPACE.right("list"))

    async def projects(self) -> list[dict[str, Any]]:
        """The namespaces that they may see, by name."""
        found = await self.catalogue.namespaces()
        if await self.is_instructor():
            return [found[name] for name in sorted(found)]
        own = await self.reviews.identity(self.acting, self.token)
        names = sorted(found.keys() & await self.catalogue.bound(own))
        seen = await asyncio.gather(*(self.sees(name) for name in names))
        return [found[name] for name, visible in zip(names, seen, strict=True) if visible]

    async def sees(self, namespace: str) -> bool:
        """Whether a project is theirs to look at: whoever may view it may get its namespace."""
        return await self.may(kinds.NAMESPACE.right("get", namespace, namespace))

    async def project(self, namespace: str) -> dict[str, Any]:
        """A project's namespace.

        Raises:
            RefusalError: there is none, or it is not theirs: 404 and 403.
        """
        found = (await self.catalogue.namespaces()).get(namespace)
        if not await self.sees(namespace):
            raise errors.forbidden(kinds.NAMESPACE.right("get", namespace, namespace))
        if found is None:
            raise errors.not_found(f"project {namespace}")
        return found

    async def snapshot(self, namespace: str, *sections: str) -> Snapshot:
        """What they may see of some sections of a project."""
        await self.project(namespace)
        wanted = [kind for section in sections for kind in SECTIONS[section]]
        return await read(self.acting, namespace, wanted)

    async def offers(self) -> Offers:
        """What the catalogue offers."""
        images, runtimes, classes = await asyncio.gather(
            self.catalogue.images(),
            self.catalogue.runtimes(),
            self.catalogue.storage_classes(),
        )
        return Offers(self.settings, images, runtimes, classes)


def platform_of(namespace: Mapping[str, Any]) -> str | None:
    """Which platform a project's models are served on; None while nobody has chosen."""
    chosen = labels_of(namespace).get(PLATFORM)
    return {"true": "multi", "false": "single"}.get(chosen or "")


def project_item(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """A project, without what is in it and what one may do there."""
    annotations = annotations_of(namespace)
    return {
        "name": namespace["metadata"]["name"],
        "displayName": display_of(namespace),
        "description": annotations.get(DESCRIPTION) or "",
        "owner": annotations.get("openshift.io/requester"),
        "created": namespace["metadata"].get("creationTimestamp"),
        "platform": platform_of(namespace),
    }


def rights_of(namespace: str, *, all_of_them: bool) -> dict[str, Right]:
    """What the page greys where one may not, by the name that it has there."""
    rights = {
        "edit": kinds.NAMESPACE.right("patch", namespace, namespace),
        "delete": kinds.NAMESPACE.right("delete", namespace, namespace),
        "share": kinds.ROLE_BINDING.right("create", namespace),
    }
    if all_of_them:
        rights |= {
            "write": kinds.NOTEBOOK.right("create", namespace),
            "serve": kinds.RUNTIME.right("create", namespace),
            "bind": kinds.ROLE_BINDING.right("create", namespace),
        }
    return rights


async def rights_view(learner: Learner, namespace: str, *, all_of_them: bool) -> dict[str, Any]:
    """What one may do in a project, and why not."""
    rights = rights_of(namespace, all_of_them=all_of_them)
    answers = await asyncio.gather(*(_may(learner, right) for right in rights.values()))
    can = dict(zip(rights, answers, strict=True))
    reasons = {name: right.sentence for name, right in rights.items() if not can[name]}
    return {"can": can, "reasons": reasons}


async def _may(learner: Learner, right: Right) -> bool:
    """Ask once for all projects of one who has the right in all of them."""
    if await learner.is_instructor() and await learner.may(replace(right, name="", namespace="")):
        return True
    return await learner.may(right)


async def project_list(
    learner: Learner, now: datetime, snapshots: Mapping[str, Snapshot] | None = None
) -> list[dict[str, Any]]:
    """Every project that one sees, with its workbenches; of ``snapshots`` where they are given."""
    namespaces = await learner.projects()
    if snapshots is None:
        names = [namespace["metadata"]["name"] for namespace in namespaces]
        snapshots = await list_snapshots(learner, names)
    known = snapshots

    async def one(namespace: Mapping[str, Any]) -> dict[str, Any]:
        name = namespace["metadata"]["name"]
        rights = await rights_view(learner, name, all_of_them=False)
        return {
            **project_item(namespace),
            "workbenches": briefs(known.get(name) or Snapshot(name), learner.settings, now),
            **rights,
        }

    return list(await asyncio.gather(*(one(namespace) for namespace in namespaces)))


async def list_snapshots(learner: Learner, names: list[str]) -> dict[str, Snapshot]:
    """What the list shows of each project; of all at once for one who may see all."""
    if not await learner.is_instructor():
        read_all = (read(learner.acting, name, LISTED) for name in names)
        return dict(zip(names, await asyncio.gather(*read_all), strict=True))
    found = {name: Snapshot(name) for name in names}
    lists = await asyncio.gather(*(learner.acting.list_objects(kind) for kind in LISTED))
    for kind, (items, _) in zip(LISTED, lists, strict=True):
        for item in items:
            snapshot = found.get(item["metadata"]["namespace"])
            if snapshot is not None:
                snapshot.change(kind, item, gone=False)
    return found


def briefs(snapshot: Snapshot, settings: Settings, now: datetime) -> list[dict[str, Any]]:
    """The workbenches of a project as the list shows them.

    Whoever may see the project but no workbenches gets the project.
    """
    try:
        return [brief(item) for item in workbench_items(snapshot, Offers(settings), now)]
    except RefusalError:
        return []


def brief(item: Mapping[str, Any]) -> dict[str, Any]:
    """A workbench as the list of projects shows it."""
    return {
        "name": item["name"],
        "displayName": item["displayName"],
        "word": item["status"]["word"],
        "url": item["url"],
    }
