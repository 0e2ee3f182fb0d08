"""Runs the model server: `python3 -m model_server`."""

from __future__ import annotations

import asyncio

from mlserver.utils import install_uvloop_event_loop

from model_server.application import ModelServer
from model_server.repository import DataOnlyRepository
from model_server.settings import ServerSettings


async def serve(settings: ServerSettings) -> None:
    """Serve the models in the models' folder and those that the puller loads later."""
    models = []
    if settings.load_at_start:
        models = await DataOnlyRepository(settings.models_dir).list()
    await ModelServer(settings).start(models)


def main() -> None:
    """Entry point."""
    install_uvloop_event_loop()
    asyncio.run(serve(ServerSettings.from_environment()))


if __name__ == "__main__":
    main()
