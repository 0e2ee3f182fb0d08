"""Run the activator: ``python3 -m activator``."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from aiohttp import web

from activator.memory import READ_AHEAD
from activator.proxy import Activator
from activator.registry import Registry
from lab_ground import web as side
from lab_ground.kubernetes.client import get_client
from lab_ground.logs import configure_logging
from lab_ground.settings import get_settings

logger = logging.getLogger(__name__)

PORT = 8080
SIDE_PORT = 8081
LARGEST_BODY = 64 * 1024 * 1024


async def run() -> None:
    """Serve until a signal, then let the requests under way end."""
    registry = Registry(
        get_client(),
        waiting_limit=int(os.environ.get("LAB_ACTIVATOR_WAITING", "500")),
        waiting_seconds=float(os.environ.get("LAB_ACTIVATOR_SECONDS", "60")),
    )
    registry.start()
    activator = Activator(registry)
    await activator.open()
    side.serve(
        int(os.environ.get("LAB_ACTIVATOR_SIDE_PORT", SIDE_PORT)),
        {
            "/metrics": side.metrics,
            "/healthz": side.health(lambda: True),
            "/readyz": side.health(lambda: registry.synced and not registry.stopping),
        },
    )
    application = web.Application(client_max_size=LARGEST_BODY)
    application.router.add_route("*", "/{path:.*}", activator.handle)
    runner = web.AppRunner(
        application,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=20.0,
        # A caller who has gone holds no pod and no place in the queue.
        handler_cancellation=True,
        read_bufsize=READ_AHEAD,
    )
    await runner.setup()
    await web.TCPSite(
        runner, port=int(os.environ.get("LAB_ACTIVATOR_PORT", PORT)), backlog=1024
    ).start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    scaling = asyncio.create_task(registry.run())
    logger.info("the activator listens")
    await asyncio.wait(
        {scaling, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED
    )
    registry.stopping = True
    await runner.cleanup()
    await activator.close()
    if scaling.done() and not stop.is_set():
        scaling.result()


def main() -> int:
    """Configure the logs and run."""
    configure_logging(get_settings().log_level)
    asyncio.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
