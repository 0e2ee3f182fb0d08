"""Keeps what the services of a class answered, and makes a board of it in bounded time.

The cluster's lists are asked anew each time. Each seat's services are asked beside it; who has not
answered when the patience ends keeps its last answer, and is taken up at the next look.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from class_board import reading, services
from class_board.asking import Ask, AskError
from class_board.messages import read_messages
from class_board.reading import Facts, Seat
from class_board.rows import Answers, find_workbench, running_pod, view

PATIENCE = 0.4
# Seconds before a service that answered is asked again.
REST = 5.0
AT_ONCE = 12
Answer = TypeVar("Answer")


@dataclass
class _Known:
    """A seat's answers, what failed last, the questions under way, and when the last ones ended."""

    answers: Answers = field(default_factory=Answers)
    task: asyncio.Task[None] | None = None
    ended: float = -REST


class Board:
    """The class as one account sees it."""

    def __init__(self, ask: Ask, *, patience: float = PATIENCE, rest: float = REST) -> None:
        self._ask = ask
        self._patience = patience
        self._rest = rest
        self._known: dict[str, _Known] = {}
        self._notebooks = services.Notebooks()
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def look(self) -> dict[str, Any]:
        """The board as it is now.

        Raises:
            AskError: the account may not see the whole class, or the API does not answer.
        """
        facts, messages = await asyncio.gather(reading.read(self._ask), read_messages(self._ask))
        names = [seat.namespace for seat in facts.seats]
        for gone in self._known.keys() - set(names):
            self._stop(self._known.pop(gone))
        under_way = [self._begin(facts, seat) for seat in facts.seats]
        waited = [task for task in under_way if task is not None]
        if waited:
            await asyncio.wait(waited, timeout=self._patience)
        answers = {name: self._known[name].answers for name in names}
        return view(facts, answers, messages)

    async def close(self) -> None:
        """Ask no more."""
        for known in self._known.values():
            self._stop(known)
        tasks = [known.task for known in self._known.values() if known.task]
        await asyncio.gather(*tasks, return_exceptions=True)

    @staticmethod
    def _stop(known: _Known) -> None:
        if known.task is not None:
            known.task.cancel()

    def _begin(self, facts: Facts, seat: Seat) -> asyncio.Task[None] | None:
        """Ask a seat's services, unless they rest or are being asked."""
        known = self._known.setdefault(seat.namespace, _Known())
        if known.task is not None and not known.task.done():
            return known.task
        if time.monotonic() - known.ended < self._rest or facts.namespace(seat.namespace) is None:
            return None
        known.task = asyncio.create_task(self._seat(facts, seat.namespace, known))
        return known.task

    async def _seat(self, facts: Facts, namespace: str, known: _Known) -> None:
        answers = known.answers
        pods = facts.of("Pod", namespace)

        async def runs() -> None:
            for server in facts.of("DataSciencePipelinesApplication", namespace)[:1]:
                name = server["metadata"]["name"]
                answers.runs = await services.runs(self._ask, namespace, name)

        async def jupyter() -> None:
            notebook = find_workbench(facts, namespace)
            pod = running_pod(notebook, pods)
            if notebook is not None and pod is not None:
                answers.jupyter = await self._notebooks.jupyter(
                    self._ask, namespace, pod, notebook["metadata"]["name"]
                )

        async def digits() -> None:
            found = await services.digits(self._ask, namespace, pods)
            if found.first:
                # A log that was cut or begun anew does not undo it.
                answers.digits = services.Digits(answers.digits.first or found.first, found.last)

        await asyncio.gather(*(self._one(question) for question in (runs, jupyter, digits)))
        answers.asked = True
        known.ended = time.monotonic()

    async def _one(self, question: Callable[[], Awaitable[None]]) -> None:
        async with self._gate:
            # One that does not answer is told by the cluster's own objects.
            with contextlib.suppress(AskError, KeyError, TypeError, AttributeError, ValueError):
                await question()
