"""Who looks at the page: their token, what they may do, and which projects they see."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard import errors, kinds
from dashboard.catalogue import Catalogue, annotations_of, labels_of
from dashboard.cluster import Acting
from dashboard.errors import RefusalError, Right
from dashboard.objects.common import DESCRIPTION, display_of
from dashboard.settings import Settings
from dashboard.snapshot import SECTIONS, Snapshot, read
from dashboard.views.workbenches import Offers

PLATFORM = "modelmesh-enabled"
# An access review's answer is taken for good as long as this.
REVIEW_SECONDS = 5.0
_MOST_REVIEWS = 5000


class Reviews:
    """Access reviews' answers, kept for seconds by a digest of the token."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, Right], tuple[float, bool]] = {}

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
        names = sorted(found)
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
    answers = await asyncio.gather(*(learner.may(right) for right in rights.values()))
    can = dict(zip(rights, answers, strict=True))
    reasons = {name: right.sentence for name, right in rights.items() if not can[name]}
    return {"can": can, "reasons": reasons}


async def project_list(learner: Learner, now: datetime) -> list[dict[str, Any]]:
    """Every project that one sees, with its workbenches."""
    from dashboard.views.workbenches import workbench_items

    namespaces = await learner.projects()
    offers = Offers(learner.settings)

    async def one(namespace: Mapping[str, Any]) -> dict[str, Any]:
        name = namespace["metadata"]["name"]
        wanted = (kinds.NOTEBOOK, kinds.POD, kinds.ROUTE)
        snapshot, rights = await asyncio.gather(
            read(learner.acting, name, wanted),
            rights_view(learner, name, all_of_them=False),
        )
        try:
            items = workbench_items(snapshot, offers, now)
        except RefusalError:
            # Whoever may see the project but no workbenches gets the project.
            items = []
        return {
            **project_item(namespace),
            "workbenches": [brief(item) for item in items],
            **rights,
        }

    return list(await asyncio.gather(*(one(namespace) for namespace in namespaces)))


def brief(item: Mapping[str, Any]) -> dict[str, Any]:
    """A workbench as the list of projects shows it."""
    return {
        "name": item["name"],
        "displayName": item["displayName"],
        "word": item["status"]["word"],
        "url": item["url"],
    }
