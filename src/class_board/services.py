"""What a seat's own services say: runs, files of the workbench, digits that were recognised.

All is asked through the API server's proxy, so it is the API server that says whether the one who
asks may know it. Nothing of it runs in the seat, and looking is no activity there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from class_board import times
from class_board.asking import Ask, AskError
from lab_ground.kubernetes.manifest import Manifest

PORT = 8888
# Jupyter takes a request with this for no sign of life.
SILENT = {"no_track_activity": "1"}
MOST_FOLDERS = 8
LARGEST_NOTEBOOK = 4 * 2**20
LINES = 200
# What the page writes of an answer of the function.
ANSWERED = re.compile(r"^(\S+) .*/predict \"HTTP/1\.1 200\b")
PAGE = "mnist-webapp"


@dataclass(frozen=True)
class Files:
    """The cloned repository: since when, how many notebooks, how many were run, the last change."""

    cloned: datetime | None = None
    notebooks: int = 0
    run: int = 0
    changed: datetime | None = None


@dataclass(frozen=True)
class Jupyter:
    """A workbench's server: what its files tell, when it was last used, whether a kernel works."""

    files: Files = field(default_factory=Files)
    last: datetime | None = None
    busy: bool = False


@dataclass(frozen=True)
class Run:
    """A run of a pipeline, as its server has it."""

    name: str
    state: str
    created: datetime | None
    finished: datetime | None
    error: str = ""


@dataclass(frozen=True)
class Digits:
    """When the page first and last had an answer, as far as its log goes back."""

    first: datetime | None = None
    last: datetime | None = None


def service(namespace: str, name: str, path: str, *, tls: bool) -> str:
    """A path of a Service's port 8888 behind the API server."""
    scheme = "https:" if tls else ""
    where = f"/api/v1/namespaces/{quote(namespace)}/services/{scheme}{quote(name)}:{PORT}"
    return f"{where}/proxy/{path}"


async def runs(ask: Ask, namespace: str, server: str) -> list[Run]:
    """The last runs of a pipeline server, the newest first.

    Raises:
        AskError: it does not answer.
    """
    query = {"page_size": "20", "sort_by": "created_at desc"}
    name = f"ds-pipeline-{server}"
    try:
        answer = await ask(service(namespace, name, "apis/v2beta1/runs", tls=False), query)
    except AskError as error:
        # A server that has TLS between pods breaks off what comes without.
        if error.status not in (400, 422, 502, 503):
            raise
        answer = await ask(service(namespace, name, "apis/v2beta1/runs", tls=True), query)
    return [run_of(entry) for entry in answer.get("runs") or ()]


def run_of(entry: Mapping[str, Any]) -> Run:
    """A run of the API's answer."""
    error = entry.get("error") or {}
    return Run(
        name=str(entry.get("display_name") or entry.get("run_id") or ""),
        state=str(entry.get("state") or ""),
        created=times.parse(entry.get("created_at")),
        finished=times.parse(entry.get("finished_at")),
        error=str(error.get("message") or "") if isinstance(error, Mapping) else "",
    )


class Notebooks:
    """Which notebooks were run, by their outputs; each is read once for each time it was saved."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], bool] = {}

    async def jupyter(self, ask: Ask, namespace: str, pod: str, name: str) -> Jupyter:
        """What the Jupyter server of a workbench says.

        Raises:
            AskError: it does not answer.
        """
        base = (
            f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}:{PORT}/proxy"
            f"/notebook/{quote(namespace)}/{quote(name)}/api"
        )
        status, sessions, root = await asyncio.gather(
            ask(f"{base}/status", SILENT),
            ask(f"{base}/sessions", SILENT),
            ask(f"{base}/contents/", {**SILENT, "content": "1"}),
        )
        folders = [
            entry for entry in root.get("content") or () if entry.get("type") == "directory"
        ][:MOST_FOLDERS]
        inside = await asyncio.gather(
            *(
                ask(f"{base}/contents/{quote(str(each['path']))}", {**SILENT, "content": "1"})
                for each in folders
            )
        )
        files = await self._files(ask, base, folders, inside)
        busy = any(
            (session.get("kernel") or {}).get("execution_state") == "busy" for session in sessions
        )
        used = status.get("last_activity") if status.get("kernels") else None
        return Jupyter(files, times.latest([times.parse(used), files.changed]), busy)

    async def _files(self, ask: Ask, base: str, folders: list[Any], inside: Iterable[Any]) -> Files:
        found = Files()
        for folder, listed in zip(folders, inside, strict=True):
            entries = listed.get("content") or []
            notebooks = [entry for entry in entries if entry.get("type") == "notebook"]
            if not notebooks:
                continue
            saved = [moment for e in notebooks if (moment := times.parse(e.get("last_modified")))]
            # All files of a clone are of the same second; those saved later are later.
            cloned = min(saved, default=times.parse(folder.get("created")))
            ran = await asyncio.gather(*(self._was_run(ask, base, entry) for entry in notebooks))
            found = replace(
                found,
                cloned=min(filter(None, (found.cloned, cloned)), default=None),
                notebooks=found.notebooks + len(notebooks),
                run=found.run + sum(ran),
                changed=times.latest([found.changed, max(saved, default=None)]),
            )
        return found

    async def _was_run(self, ask: Ask, base: str, entry: Mapping[str, Any]) -> bool:
        key = (f"{base}/{entry.get('path')}", str(entry.get("last_modified")))
        if key in self._known:
            return self._known[key]
        if int(entry.get("size") or 0) > LARGEST_NOTEBOOK:
            # Only outputs make a notebook that large.
            return True
        path = f"{base}/contents/{quote(str(entry['path']))}"
        answer = await ask(path, {**SILENT, "content": "1"})
        self._known[key] = was_run(answer.get("content") or {})
        return self._known[key]


def was_run(notebook: Mapping[str, Any]) -> bool:
    """Whether a cell of a notebook has been run."""
    return any(
        cell.get("cell_type") == "code" and (cell.get("execution_count") or cell.get("outputs"))
        for cell in notebook.get("cells") or ()
    )


async def digits(ask: Ask, namespace: str, pods: Iterable[Manifest]) -> Digits:
    """When the page had its answers.

    Raises:
        AskError: its log cannot be read.
    """
    found = Digits()
    for pod in pods:
        if (pod["metadata"].get("labels") or {}).get("app") != PAGE:
            continue
        path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod['metadata']['name'])}/log"
        said = await ask(path, {"tailLines": str(LINES), "timestamps": "true"}, text=True)
        answered = [
            moment
            for line in str(said).splitlines()
            if (match := ANSWERED.match(line)) and (moment := times.parse(match[1]))
        ]
        if answered:
            first = min(filter(None, (found.first, answered[0])))
            found = Digits(first, times.latest([found.last, answered[-1]]))
    return found
