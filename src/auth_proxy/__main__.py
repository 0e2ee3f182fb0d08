"""Run the token proxy: nginx and, beside it, the authoriser that it asks and the relay."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import signal
import sys
from pathlib import Path

from auth_proxy.authoriser import Authoriser
from auth_proxy.configuration import (
    ProxyConfiguration,
    build_nginx_configuration,
    read_configuration,
)
from auth_proxy.links import UsedTickets
from auth_proxy.passwords import LoginService
from auth_proxy.protocol import serve
from auth_proxy.relay import Relay
from auth_proxy.reviews import Api, Reviewer, check_token
from auth_proxy.session import Sealer

logger = logging.getLogger("auth_proxy")

_WATCH_SECONDS = 10.0


def _fingerprint(directory: Path) -> tuple[float, ...]:
    return tuple(
        (directory / name).stat().st_mtime
        for name in ("tls.crt", "tls.key")
        if (directory / name).exists()
    )


async def _follow_certificate(
    configuration: ProxyConfiguration, nginx: asyncio.subprocess.Process
) -> None:
    """Let nginx read the certificate again when it was renewed."""
    known = _fingerprint(configuration.tls_directory)
    while True:
        await asyncio.sleep(_WATCH_SECONDS)
        seen = _fingerprint(configuration.tls_directory)
        if seen != known and len(seen) == 2:
            known = seen
            logger.info("the certificate changed; nginx reads it again")
            nginx.send_signal(signal.SIGHUP)


async def run(configuration: ProxyConfiguration) -> int:
    """Run both until a signal comes or nginx ends."""
    sealer = None
    if configuration.session_file is not None:
        sealer = Sealer(configuration.session_file.read_bytes())
    reviewer = Reviewer(functools.partial(check_token, Api().post, review=configuration.review))
    work = configuration.work_directory
    authoriser = Authoriser(
        reviewer,
        sealer=sealer if configuration.login else None,
        tickets=UsedTickets(work / "used-tickets"),
        pass_token=configuration.pass_token,
        manner=configuration.manner,
        review=configuration.review,
        prefix=configuration.prefix,
        ask=LoginService(configuration.login_service, configuration.authority)
        if configuration.login_service
        else None,
    )
    server = await serve(authoriser, configuration.socket)
    relay = await Relay(configuration.upstream, authoriser.verdict).listen(
        configuration.relay_socket
    )
    file = work / "nginx.conf"
    file.write_text(build_nginx_configuration(configuration))
    nginx = await asyncio.create_subprocess_exec(
        os.environ.get("AUTH_PROXY_NGINX", "nginx"), "-e", "stderr", "-c", str(file)
    )
    follower = asyncio.create_task(_follow_certificate(configuration, nginx))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ended = asyncio.create_task(nginx.wait())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    follower.cancel()
    if not ended.done():
        nginx.send_signal(signal.SIGQUIT)
        _, waiting = await asyncio.wait({ended}, timeout=5)
        if waiting:
            nginx.terminate()
    code = await ended
    relay.close()
    server.close()
    return 0 if stop.is_set() else code or 1


def main() -> int:
    """Read the environment and run."""
    logging.basicConfig(
        stream=sys.stdout,
        level=logging.INFO,
        format='{"time":"%(asctime)s","level":"%(levelname)s","message":"%(message)s"}',
    )
    return asyncio.run(run(read_configuration(os.environ)))


if __name__ == "__main__":
    sys.exit(main())
