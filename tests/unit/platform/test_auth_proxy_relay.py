"""WebSockets end with their token: the relay alone, and behind nginx itself where there is one."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import time

import pytest
from ports import free_port

from auth_proxy.authoriser import Authoriser
from auth_proxy.configuration import ProxyConfiguration, build_nginx_configuration
from auth_proxy.protocol import serve
from auth_proxy.relay import REVIEW_SECONDS, Relay, split_head
from auth_proxy.reviews import POSITIVE_SECONDS, Reviewer, ReviewError, Verdict
from auth_proxy.session import COOKIE, Sealer
from controllers.serving_certificate.build.authority import sign

SECONDS = 0.05
UPGRADE = b"GET /api/kernels HTTP/1.1\r\nHost: bench.test\r\nUpgrade: websocket\r\n"
UPGRADE += b"Connection: Upgrade\r\n"


class Server:
    """The server behind: switches protocols, then sends back what it gets."""

    def __init__(self):
        self.heads = []
        self.ended = asyncio.Event()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        if "upgrade: websocket" not in head.lower():
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
        else:
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\n")
            writer.write(b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            self.ended.set()
        writer.close()


class Reviews:
    """Says what it is told to say, and keeps what it was asked."""

    def __init__(self):
        self.asked = []
        self.answer = Verdict(200, "learner")

    async def __call__(self, headers):
        self.asked.append(dict(headers))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def connect(socket_file):
    reader, writer = await asyncio.open_unix_connection(str(socket_file))
    writer.write(UPGRADE + b"X-Relay-Cookie: c=1\r\nX-Relay-Authorization: Bearer t\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 101")
    return reader, writer


async def echoed(reader, writer, data):
    writer.write(data)
    await writer.drain()
    return await asyncio.wait_for(reader.readexactly(len(data)), 5) == data


def test_a_refused_token_is_noticed_within_a_minute():
    assert REVIEW_SECONDS + POSITIVE_SECONDS < 60


def test_the_head_is_parted():
    head, ours = split_head(b"GET / HTTP/1.1\r\nHost: x\r\nX-Relay-Cookie: a=b\r\nZ: 1\r\n\r\n")
    assert head == b"GET / HTTP/1.1\r\nHost: x\r\nZ: 1\r\n\r\n"
    assert ours == {"cookie": "a=b"}


@pytest.mark.parametrize("end", [Verdict(401, message="gone"), Verdict(403, "learner", "no more")])
def test_an_open_connection_ends_with_its_token(tmp_path, end):
    async def talk():
        reviews = Reviews()
        async with Server() as server:
            relay = Relay(server.address, reviews, SECONDS)
            listening = await relay.listen(tmp_path / "r")
            reader, writer = await connect(tmp_path / "r")
            assert await echoed(reader, writer, b"x" * 300_000)
            await asyncio.sleep(4 * SECONDS)
            # Nobody can be asked: nothing is cut for it.
            reviews.answer = ReviewError("no answer")
            await asyncio.sleep(4 * SECONDS)
            assert await echoed(reader, writer, b"still")
            reviews.answer = end
            assert await asyncio.wait_for(reader.read(), 5) == b""
            await asyncio.wait_for(server.ended.wait(), 5)
            assert reviews.asked[0] == {"cookie": "c=1", "authorization": "Bearer t"}
            assert "relay" not in server.heads[0].lower()
            # The server goes on: with a good token the next connection works.
            reviews.answer = Verdict(200, "learner")
            reader, writer = await connect(tmp_path / "r")
            assert await echoed(reader, writer, b"again")
            writer.close()
            listening.close()

    asyncio.run(talk())


def test_either_end_ends_both(tmp_path):
    async def talk():
        async with Server() as server:
            listening = await Relay(server.address, Reviews(), 60).listen(tmp_path / "r")
            _, writer = await connect(tmp_path / "r")
            writer.close()
            await asyncio.wait_for(server.ended.wait(), 5)
            listening.close()

    asyncio.run(talk())


def test_a_server_that_is_not_there_is_an_end_and_no_hanging(tmp_path):
    async def talk():
        listening = await Relay(f"127.0.0.1:{free_port()}", Reviews(), 60).listen(tmp_path / "r")
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "r"))
        writer.write(UPGRADE + b"\r\n")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        listening.close()

    asyncio.run(talk())


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is the image's; none is here")
class TestBehindNginx:
    """The whole way, by the configuration that the container runs."""

    @pytest.fixture
    def tokens(self):
        return {"good"}

    @pytest.fixture
    def sealer(self):
        return Sealer(b"0123456789abcdef0123456789abcdef")

    def session(self, sealer):
        return f"Cookie: mine=1; {COOKIE}={sealer.seal_session('good')}\r\n".encode()

    def talk(self, tmp_path, authority, tokens, sealer, conversation):
        """Run nginx, the authoriser and the relay around a conversation."""
        pair = sign(authority, ["bench.svc"])
        (tmp_path / "tls.crt").write_text(pair.certificate)
        (tmp_path / "tls.key").write_text(pair.key)
        context = ssl.create_default_context(cadata=authority.certificate)

        def check(token):
            return Verdict(200, "learner") if token in tokens else Verdict(401, message="gone")

        async def run():
            port = free_port()
            async with Server() as server:
                configuration = ProxyConfiguration(
                    port, server.address, {}, True, ("/open/",), tmp_path, tmp_path, None
                )
                reviewer = Reviewer(check, positive=SECONDS, negative=SECONDS)
                authoriser = Authoriser(reviewer, sealer=sealer)
                listening = [
                    await serve(authoriser, configuration.socket),
                    await Relay(server.address, authoriser.verdict, SECONDS).listen(
                        configuration.relay_socket
                    ),
                ]
                file = tmp_path / "nginx.conf"
                file.write_text(build_nginx_configuration(configuration))
                # Root's workers would be nobody's, whom the test's directory is closed to.
                more = ["-g", "user root;"] if os.geteuid() == 0 else []
                words = ["nginx", "-e", "stderr", "-c", str(file), *more]
                nginx = await asyncio.create_subprocess_exec(*words)
                try:
                    await self.listens(port)

                    async def opened():
                        return await asyncio.open_connection(
                            "127.0.0.1", port, ssl=context, server_hostname="bench.svc"
                        )

                    await asyncio.wait_for(conversation(opened, server), 20)
                finally:
                    nginx.terminate()
                    await nginx.wait()
                    for one in listening:
                        one.close()

        asyncio.run(run())

    @staticmethod
    async def listens(port):
        deadline = time.monotonic() + 10
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                assert time.monotonic() < deadline, "nginx does not listen"
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return

    def test_a_session_that_ends_takes_its_websocket_along(
        self, tmp_path, authority, tokens, sealer
    ):
        async def conversation(opened, server):
            reader, writer = await opened()
            writer.write(UPGRADE + self.session(sealer) + b"\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            assert await echoed(reader, writer, b"y" * 200_000)
            head = server.heads[0].lower()
            assert "cookie: mine=1\r\n" in head
            assert "x-forwarded-user: learner" in head
            assert "relay" not in head
            assert COOKIE.lower() not in head
            tokens.clear()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ssl.SSLError)):
                await asyncio.wait_for(reader.readexactly(1), 5)
            await asyncio.wait_for(server.ended.wait(), 5)
            reader, writer = await opened()
            writer.write(UPGRADE + self.session(sealer) + b"\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401")
            tokens.add("good")
            await asyncio.sleep(2 * SECONDS)
            reader, writer = await opened()
            writer.write(UPGRADE + b"Authorization: Bearer good\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            writer.close()

        self.talk(tmp_path, authority, tokens, sealer, conversation)

    @pytest.mark.parametrize(
        ("path", "session"), [(b"/lab", True), (b"/open/x", False)], ids=["checked", "open"]
    )
    def test_other_requests_go_straight_and_carry_nothing_of_ours(
        self, tmp_path, authority, tokens, sealer, path, session
    ):
        async def conversation(opened, server):
            reader, writer = await opened()
            more = self.session(sealer) if session else b""
            more += b"X-Relay-Cookie: forged=1\r\n"
            writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: bench.test\r\n" + more + b"\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(5) == b"plain"
            assert "relay" not in server.heads[0].lower()
            writer.close()

        self.talk(tmp_path, authority, tokens, sealer, conversation)
