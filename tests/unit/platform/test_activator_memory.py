"""What the activator keeps of bodies has a bound, whatever comes at once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from activator.function import TooLongError
from activator.memory import LARGEST, READ_AHEAD, Memory
from activator.proxy import Activator


def test_room_is_given_back() -> None:
    memory = Memory(total=10, largest=6)
    with memory.room(6) as first, memory.room(5) as second, memory.room(4) as third:
        assert (first, second, third) == (True, False, True)
        assert memory.held == 10
    assert memory.held == 0


@pytest.mark.parametrize("size", [None, 7])
def test_what_is_large_or_of_no_size_is_not_kept(size: int | None) -> None:
    memory = Memory(total=100, largest=6)
    with memory.room(size) as keep:
        assert not keep


class NeverReady:
    """A function none of whose pods becomes ready until it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.waiting = 0
        self.waiting_seconds = 60.0
        self.scaling = SimpleNamespace(timeout=60.0)

    def clock(self) -> float:
        return asyncio.get_running_loop().time()

    async def acquire(self, _deadline: float) -> Any:
        self.waiting += 1
        await self.go.wait()
        raise TooLongError

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: None


def test_many_bodies_for_a_function_that_never_answers_are_not_kept() -> None:
    """100 of a megabyte: a third of them is kept, the rest waits where it was sent."""

    async def run() -> None:
        function = NeverReady()
        activator = Activator(SimpleNamespace(find=lambda _key: function))  # type: ignore[arg-type]
        await activator.open()
        application = web.Application(client_max_size=2 * LARGEST)
        application.router.add_route("*", "/{path:.*}", activator.handle)
        runner = web.AppRunner(application, access_log=None, read_bufsize=READ_AHEAD)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession() as session:

            async def ask() -> int:
                headers = {"Host": "never.seat.svc"}
                url = f"http://127.0.0.1:{port}/"
                async with session.post(url, data=bytes(LARGEST), headers=headers) as answer:
                    return answer.status

            asked = [asyncio.create_task(ask()) for _ in range(100)]
            async with asyncio.timeout(30):
                while function.waiting < 100:
                    await asyncio.sleep(0.05)
            memory = activator._memory
            assert memory.held == 32 * LARGEST
            function.go.set()
            assert set(await asyncio.gather(*asked)) == {504}
            assert memory.held == 0
        await runner.cleanup()
        await activator.close()

    asyncio.run(run())
