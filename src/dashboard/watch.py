"""Changes of a project as server-sent events: watches of the API with the learner's own token.

Each stream lists and then watches the kinds of its sections, keeps them as a snapshot, and sends a
section whenever what the page shows of it has changed. The same functions make a question's answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from dashboard import kinds
from dashboard.errors import RefusalError
from dashboard.kinds import Kind
from dashboard.learner import LISTED, Learner, project_list
from dashboard.pipelines_api import PipelinesApi, to_json
from dashboard.sections import project_view, section_view
from dashboard.snapshot import SECTIONS, Snapshot, read_logs
from dashboard.status import times

logger = logging.getLogger(__name__)

ALIVE_SECONDS = 15.0
# A burst of changes is answered once.
SETTLE_SECONDS = 0.15
# States also change with time alone (a start that takes too long), and some things have no watch:
# rights, the catalogue, a project's name.
LOOK_AGAIN_SECONDS = 5.0
LIST_SECONDS = 3.0
FIRST_DELAY, LONGEST_DELAY = 0.3, 5.0
# Then the browser opens it anew, and the token proxy looks at the session again.
LONGEST_STREAM_SECONDS = 300.0
TOO_OLD = 410


def event(name: str, data: Any) -> bytes:
    """One server-sent event."""
    return f"event: {name}\ndata: {to_json(data)}\n\n".encode()


def failure(refusal: RefusalError, section: str) -> bytes:
    """The event that tells what went wrong."""
    told = {**refusal.as_dict(), "status": refusal.status, "section": section}
    return event("failure", told)


class Follower:
    """Keeps a snapshot of some kinds of a project as it changes."""

    def __init__(
        self,
        learner: Learner,
        namespace: str,
        wanted: Sequence[Kind],
        changed: asyncio.Event | None = None,
    ) -> None:
        self.snapshot = Snapshot(namespace)
        self.changed = changed or asyncio.Event()
        self.broken: RefusalError | None = None
        self._learner = learner
        self._wanted = list(dict.fromkeys(wanted))
        self._listed = {kind: asyncio.Event() for kind in self._wanted}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Follower:
        self._tasks = [asyncio.create_task(self._follow(kind)) for kind in self._wanted]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ready(self) -> None:
        """Wait until each kind was listed, or refused."""
        await asyncio.gather(*(listed.wait() for listed in self._listed.values()))

    async def _follow(self, kind: Kind) -> None:
        delay = FIRST_DELAY
        while True:
            try:
                await self._once(kind)
                delay = FIRST_DELAY
            except RefusalError as refusal:
                if refusal.status == TOO_OLD:
                    continue
                self._told(kind, refusal)
                if refusal.status in (401, 404):
                    return
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    def _told(self, kind: Kind, refusal: RefusalError) -> None:
        if refusal.status in (403, 404):
            self.snapshot.objects.pop(kind, None)
            self.snapshot.refused[kind] = refusal
        else:
            self.broken = refusal
        self._listed[kind].set()
        self.changed.set()

    async def _once(self, kind: Kind) -> None:
        """List, then watch until the watch is broken off or too old."""
        namespace = self.snapshot.namespace
        items, version = await self._learner.acting.list_objects(kind, namespace)
        self.snapshot.put(kind, items)
        self.broken = None
        self._listed[kind].set()
        self.changed.set()
        while True:
            async for what, thing in self._learner.acting.watch(kind, namespace, version):
                version = str(thing["metadata"].get("resourceVersion") or version)
                if what != "BOOKMARK":
                    self.snapshot.change(kind, thing, gone=what == "DELETED")
                    self.changed.set()


async def project_changes(
    learner: Learner, namespace: str, sections: Sequence[str], pipelines: PipelinesApi
) -> AsyncIterator[bytes]:
    """The stream of one project's changes."""
    wanted = [kind for name in sections if name in SECTIONS for kind in SECTIONS[name]]
    sent: dict[str, str] = {}
    async with Follower(learner, namespace, wanted) as follower:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(follower.ready(), 10.0)
        began = last_alive = asyncio.get_running_loop().time()
        while last_alive - began < LONGEST_STREAM_SECONDS:
            follower.changed.clear()
            async for part in _news(learner, follower, sections, pipelines, sent):
                yield part
            if follower.broken is not None and follower.broken.status == 401:
                return
            now = asyncio.get_running_loop().time()
            if now - last_alive >= ALIVE_SECONDS:
                last_alive = now
                yield event("alive", {})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(follower.changed.wait(), LOOK_AGAIN_SECONDS)
                await asyncio.sleep(SETTLE_SECONDS)


async def _news(
    learner: Learner,
    follower: Follower,
    sections: Sequence[str],
    pipelines: PipelinesApi,
    sent: dict[str, str],
) -> AsyncIterator[bytes]:
    """What has changed of each section since it was sent."""
    if follower.broken is not None:
        part = failure(follower.broken, "")
        if sent.get("") != part.decode():
            # All of it comes again when it is over: so the page knows.
            sent.clear()
            sent[""] = part.decode()
            yield part
        return
    sent.pop("", None)
    if kinds.POD in follower.snapshot.objects and "workbenches" in sections:
        await read_logs(learner.acting, follower.snapshot)
    try:
        offers = await learner.offers()
    except RefusalError as refusal:
        yield failure(refusal, "")
        return
    for name in sections:
        try:
            if name == "project":
                view: Mapping[str, Any] = await project_view(learner, follower.snapshot.namespace)
            else:
                view = await section_view(name, learner, follower.snapshot, offers, pipelines)
            part = event(name, view)
        except RefusalError as refusal:
            part = failure(refusal, name)
        if sent.get(name) != part.decode():
            sent[name] = part.decode()
            yield part


async def list_changes(learner: Learner) -> AsyncIterator[bytes]:
    """The stream of the list of projects.

    The projects of a learner are watched; which ones they are is asked every few seconds. One who
    sees all of them asks for all at once instead of holding watches in each.
    """
    clock = asyncio.get_running_loop().time
    began, sent = clock(), ""
    changed = asyncio.Event()
    while clock() - began < LONGEST_STREAM_SECONDS:
        async with contextlib.AsyncExitStack() as stack:
            try:
                names, followers = await _followers(learner, stack, changed)
            except RefusalError as refusal:
                yield failure(refusal, "projects")
                if refusal.status == 401:
                    return
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
                continue
            async for part in _list_news(learner, names, followers, changed, sent):
                sent = part.decode()
                yield part
                if b'"status":401' in part and part.startswith(b"event: failure"):
                    return


async def _followers(
    learner: Learner, stack: contextlib.AsyncExitStack, changed: asyncio.Event
) -> tuple[list[str], dict[str, Follower]]:
    """The projects that one sees, each followed; nothing is followed for one who sees all."""
    names = [str(each["metadata"]["name"]) for each in await learner.projects()]
    followers: dict[str, Follower] = {}
    if not await learner.is_instructor():
        for name in names:
            follower = Follower(learner, name, LISTED, changed)
            followers[name] = await stack.enter_async_context(follower)
        with contextlib.suppress(TimeoutError):
            ready = asyncio.gather(*(follower.ready() for follower in followers.values()))
            await asyncio.wait_for(ready, 10.0)
    return names, followers


async def _list_news(
    learner: Learner,
    names: list[str],
    followers: Mapping[str, Follower],
    changed: asyncio.Event,
    sent: str,
) -> AsyncIterator[bytes]:
    """What the list shows whenever that has changed, until other projects are to be followed."""
    silent = asyncio.get_running_loop().time()
    while True:
        changed.clear()
        snapshots = {name: follower.snapshot for name, follower in followers.items()}
        try:
            items = await project_list(learner, times.now(), snapshots or None)
            part = event("projects", {"items": items})
            broken = next((f.broken for f in followers.values() if f.broken), None)
            if broken is not None:
                part = failure(broken, "projects")
        except RefusalError as refusal:
            items, part = [], failure(refusal, "projects")
        if part.decode() != sent:
            sent, silent = part.decode(), asyncio.get_running_loop().time()
            yield part
        elif asyncio.get_running_loop().time() - silent >= ALIVE_SECONDS:
            silent = asyncio.get_running_loop().time()
            yield event("alive", {})
        if not part.startswith(b"event: projects") or [item["name"] for item in items] != names:
            await asyncio.sleep(FIRST_DELAY)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), LIST_SECONDS)
            await asyncio.sleep(SETTLE_SECONDS)
