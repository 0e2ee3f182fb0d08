"""Run every controller in one process: ``python3 -m controllers``."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import socket
import sys
import threading
import uuid
from typing import Any, cast

import kopf

from controllers.leadership import Leadership
from lab_ground import web
from lab_ground.kubernetes.client import get_client
from lab_ground.logs import configure_logging
from lab_ground.settings import get_settings

logger = logging.getLogger(__name__)

# Each module registers its kopf handlers when it is imported.
HANDLERS = (
    "controllers.serving_certificate.watches",
    "controllers.route.watches",
    "controllers.image_stream.watches",
    "controllers.notebook.watches",
    "controllers.serverless.watches",
    "controllers.data_science_pipelines.watches",
    "controllers.model_serving.watches",
)
WEB_PORT = 8081


def load_handlers() -> list[str]:
    """Import the handler modules named in HANDLERS, or in ``LAB_OPERATORS`` (comma-separated)."""
    wanted = os.environ.get("LAB_OPERATORS")
    names = [name.strip() for name in wanted.split(",")] if wanted else list(HANDLERS)
    for name in names:
        importlib.import_module(name)
    return names


@kopf.on.startup()
async def configure(settings: kopf.OperatorSettings, **_: object) -> None:
    """Set kopf up: no events posted, bounded watches, its own names on what it stores."""
    settings.posting.enabled = False
    settings.watching.server_timeout = 270
    settings.watching.client_timeout = 300
    settings.watching.connect_timeout = 10
    settings.watching.reconnect_backoff = 1
    settings.networking.request_timeout = 30
    settings.execution.max_workers = 8
    settings.batching.worker_limit = 64
    settings.persistence.finalizer = "lab.opendatahub.io/operator"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(
        prefix="operator.lab.opendatahub.io"
    )
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(
        prefix="operator.lab.opendatahub.io"
    )


async def _beat(heartbeat: web.Heartbeat) -> None:
    while True:
        heartbeat.beat()
        await asyncio.sleep(2)


async def _operate(identity: str, stop: asyncio.Event, heartbeat: web.Heartbeat) -> None:
    beating = asyncio.create_task(_beat(heartbeat))
    try:
        # Named by us: kopf would look the user up, and a pod's user has no name.
        await kopf.operator(
            clusterwide=True, standalone=True, stop_flag=stop, identity=cast(Any, identity)
        )
    finally:
        beating.cancel()


def main() -> int:
    """Wait for the lease, then run the controllers until a signal or the loss of the lease."""
    # kopf asks for the user's name, which an arbitrary UID has not.
    os.environ.setdefault("LOGNAME", "lab-operators")
    settings = get_settings()
    configure_logging(settings.log_level)
    handlers = load_handlers()
    heartbeat = web.Heartbeat()
    leading = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    failed = threading.Event()

    def lost() -> None:
        failed.set()
        loop.call_soon_threadsafe(stop.set)
        # kopf is given a moment to end well; two leaders must not overlap in any case.
        threading.Timer(4.0, os._exit, [1]).start()

    web.serve(
        int(os.environ.get("LAB_OPERATORS_PORT", WEB_PORT)),
        {
            "/metrics": web.metrics,
            "/healthz": web.health(lambda: not leading.is_set() or heartbeat.alive()),
            "/readyz": web.health(lambda: True),
        },
    )
    identity = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
    leadership = Leadership(
        get_client(),
        namespace=settings.platform_namespace,
        name="lab-operators",
        identity=identity,
        lost=lost,
    )

    def terminate(*_: object) -> None:
        if not leading.is_set():
            sys.exit(0)
        loop.call_soon_threadsafe(stop.set)

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, terminate)
    leadership.wait()
    heartbeat.beat()
    leading.set()
    logger.info("running %s", ", ".join(handlers))
    try:
        loop.run_until_complete(_operate(identity, stop, heartbeat))
    finally:
        leadership.release()
    return 1 if failed.is_set() else 0


if __name__ == "__main__":
    sys.exit(main())
