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
from auth_proxy.login_service import LoginService, check_session, is_session
from auth_proxy.protocol import serve
from auth_proxy.relay import Relay
from auth_proxy.reviews import (
    POSITIVE_SECONDS,
    SESSION_POSITIVE_SECONDS,
    Reviewer,
    Verdict,
    check_token,
)
from auth_proxy.session import Sealer
from auth_proxy.sign_in import SignIn
from lab_ground.kubernetes.asking import Api

logger = logging.getLogger("auth_proxy")

API_DIRECTORY = Path("/etc/auth-proxy/api")
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


def build_authoriser(configuration: ProxyConfiguration) -> Authoriser:
    """Return what answers nginx."""
    secret = None
    if configuration.session_file is not None and configuration.login:
        secret = configuration.session_file.read_bytes()
    review = configuration.review
    service = sign_in = None
    if configuration.login_service and secret is not None:
        service = LoginService(configuration.login_service, configuration.authority)
        if configuration.sign_in:
            sign_in = SignIn(
                configuration.sign_in,
                service,
                secret,
                review["namespace"],
                configuration.prefix,
            )
    by_cluster = functools.partial(check_token, Api(API_DIRECTORY).post, review=review)

    def check(token: str) -> Verdict:
        if is_session(token):
            if service is None:
                return Verdict(401, message="no login service knows this session")
            return check_session(service, token, review)
        return by_cluster(token)

    def believed(token: str) -> float:
        return SESSION_POSITIVE_SECONDS if is_session(token) else POSITIVE_SECONDS

    return Authoriser(
        Reviewer(check, believed=believed),
        sealer=Sealer(secret) if secret is not None else None,
        tickets=UsedTickets(configuration.work_directory / "used-tickets"),
        pass_token=configuration.pass_token,
        manner=configuration.manner,
        review=configuration.review,
        prefix=configuration.prefix,
        sign_in=sign_in,
    )


async def run(configuration: ProxyConfiguration) -> int:
    """Run both until a signal comes or nginx ends."""
    authoriser = build_authoriser(configuration)
    server = await serve(authoriser, configuration.socket)
    relay = await Relay(configuration.upstream, authoriser.verdict).listen(
        configuration.relay_socket
    )
    file = configuration.work_directory / "nginx.conf"
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
