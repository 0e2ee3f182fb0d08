"""The ports on which the API and the page are served: with TLS, and beside it for the own pod."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Any

import uvicorn

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 30.0


class Listener(uvicorn.Server):
    """One server for both ports, so that they share its limits, its beginning and its end."""

    def __init__(
        self, application: Any, port: int, *, tls_directory: str = "", local_port: int = 0
    ) -> None:
        """Prepare to serve an ASGI application.

        Args:
            application: what answers.
            port: on all addresses.
            tls_directory: where ``tls.crt`` and ``tls.key`` (PEM) are; ``port`` speaks TLS then.
            local_port: on the pod's own address too, plainly, for a proxy beside; 0 is nowhere.
        """
        self._directory = Path(tls_directory) if tls_directory else None
        self._local_port = local_port
        self._following: asyncio.Task[None] | None = None
        certificate: dict[str, Any] = {}
        if self._directory is not None:
            certificate["ssl_certfile"] = str(self._directory / "tls.crt")
            certificate["ssl_keyfile"] = str(self._directory / "tls.key")
        super().__init__(
            uvicorn.Config(
                application,
                host="0.0.0.0",  # noqa: S104 - in a pod, behind Services and a NetworkPolicy
                port=port,
                log_level="warning",
                timeout_graceful_shutdown=5,
                limit_concurrency=200,
                backlog=512,
                **certificate,
            )
        )

    async def startup(self, sockets: Any = None) -> None:
        """Open both ports."""
        await super().startup(sockets)
        if self._directory is not None:
            self._following = asyncio.create_task(self._follow(self._directory))
        if not self._local_port:
            return
        config, loop = self.config, asyncio.get_running_loop()

        # What it takes is uvicorn's own, and not in the type of a protocol.
        make: Any = config.http_protocol_class

        def protocol() -> Any:
            return make(
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )

        self.servers.append(
            await loop.create_server(protocol, "127.0.0.1", self._local_port, backlog=512)
        )

    async def _follow(self, directory: Path) -> None:
        """Take a renewed certificate for the connections that come from then on."""
        known = _times(directory)
        while self.config.ssl is not None:
            await asyncio.sleep(_LOOK_SECONDS)
            seen = _times(directory)
            if seen == known:
                continue
            try:
                self.config.ssl.load_cert_chain(directory / "tls.crt", directory / "tls.key")
            except (OSError, ssl.SSLError) as error:
                # Certificate and key are two files: at the next look they belong together.
                logger.warning("the renewed certificate cannot be read yet: %s", error)
                continue
            known = seen
            logger.info("the certificate was renewed, and is served from now on")


def _times(directory: Path) -> tuple[float, ...]:
    try:
        return tuple((directory / name).stat().st_mtime for name in ("tls.crt", "tls.key"))
    except OSError:
        return ()
