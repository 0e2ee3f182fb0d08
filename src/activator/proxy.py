"""The HTTP side: find the function by the host, wait for a pod, pass the request on."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from prometheus_client import Counter, Gauge, Histogram

from activator.function import Function, Pod, TooLongError, TooManyWaitingError
from activator.memory import READ_AHEAD, Memory
from activator.registry import Key, Registry

logger = logging.getLogger(__name__)

_REQUESTS = Counter("lab_function_requests_total", "Requests", ["namespace", "function", "code"])
_WAITED = Histogram(
    "lab_function_wait_seconds",
    "Time until a pod was free",
    ["namespace", "function"],
    buckets=(0.001, 0.01, 0.1, 0.5, 1, 2, 3, 5, 10, 30, 60),
)
_IN_FLIGHT = Gauge("lab_function_in_flight", "Requests now", ["namespace", "function"])

_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
# Shorter than a usual server's own, so that we are the one who closes an idle connection.
_KEEP_ALIVE_SECONDS = 3.0


def parse_host(host: str) -> Key | None:
    """Return namespace and name from ``<name>.<namespace>[.svc[.<domain>]][:port]``."""
    parts = host.partition(":")[0].lower().rstrip(".").split(".")
    if len(parts) < 2 or not all(parts):
        return None
    if len(parts) > 2 and parts[2] != "svc":
        return None
    return parts[1], parts[0]


def _forwarded_headers(request: web.Request) -> CIMultiDict[str]:
    named = {name.strip().lower() for name in request.headers.get("Connection", "").split(",")}
    headers = CIMultiDict(
        (name, value)
        for name, value in request.headers.items()
        if name.lower() not in _HOP_BY_HOP and name.lower() not in named
    )
    if request.remote:
        earlier = headers.get("X-Forwarded-For")
        headers["X-Forwarded-For"] = f"{earlier}, {request.remote}" if earlier else request.remote
    headers.setdefault("X-Forwarded-Proto", "http")
    return headers


class Activator:
    """Handles requests."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._session: aiohttp.ClientSession | None = None
        self._memory = Memory()

    async def open(self) -> None:
        """Make the connection pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=2.0),
            read_bufsize=READ_AHEAD,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Pass one request on to a pod of its function."""
        key = parse_host(request.host)
        function = self._registry.find(key) if key else None
        if key is None or function is None:
            return web.json_response({"message": f"no function at {request.host}"}, status=404)
        function.begin()
        _IN_FLIGHT.labels(*key).inc()
        try:
            response = await self._pass_on(request, function, key)
        except TooManyWaitingError:
            response = web.json_response(
                {"message": "too many requests wait for this function"},
                status=503,
                headers={"Retry-After": "1"},
            )
        except TooLongError:
            response = web.json_response(
                {"message": "no pod of this function became ready in time"}, status=504
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            logger.warning("%s/%s: %s", *key, error or type(error).__name__)
            response = web.json_response(
                {"message": "the function did not answer"},
                status=504 if isinstance(error, TimeoutError) else 502,
            )
        finally:
            function.end()
            _IN_FLIGHT.labels(*key).dec()
        _REQUESTS.labels(*key, response.status).inc()
        return response

    async def _pass_on(
        self, request: web.Request, function: Function, key: Key
    ) -> web.StreamResponse:
        with self._memory.room(request.content_length if request.body_exists else 0) as keep:
            body: bytes | aiohttp.StreamReader | None = None
            if request.body_exists:
                body = await request.read() if keep else request.content
            return await self._pass_body(request, function, key, body)

    async def _pass_body(
        self,
        request: web.Request,
        function: Function,
        key: Key,
        body: bytes | aiohttp.StreamReader | None,
    ) -> web.StreamResponse:
        headers = _forwarded_headers(request)
        started = function.clock()
        deadline = started + function.waiting_seconds
        while True:
            pod = await function.acquire(deadline)
            _WAITED.labels(*key).observe(function.clock() - started)
            try:
                return await self._send(request, function, pod, headers, body)
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                # Nothing was sent: another pod, or this one later, may have it.
                function.refuse(pod)
                if function.clock() >= deadline:
                    raise
                await asyncio.sleep(0.02)
            finally:
                function.release(pod)

    async def _send(
        self,
        request: web.Request,
        function: Function,
        pod: Pod,
        headers: CIMultiDict[str],
        body: bytes | aiohttp.StreamReader | None,
    ) -> web.StreamResponse:
        assert self._session is not None  # noqa: S101 - opened at the start
        async with (
            asyncio.timeout(function.scaling.timeout),
            self._session.request(
                request.method,
                f"http://{pod.address}{request.raw_path}",
                headers=headers,
                data=body,
                allow_redirects=False,
            ) as answer,
        ):
            kept = CIMultiDict(
                (name, value)
                for name, value in answer.headers.items()
                if name.lower() not in _HOP_BY_HOP
            )
            with self._memory.room(answer.content_length) as keep:
                if keep:
                    kept.popall("Content-Length", None)
                    return web.Response(
                        status=answer.status,
                        reason=answer.reason,
                        headers=kept,
                        body=await answer.read(),
                    )
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=kept)
            await response.prepare(request)
            try:
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
            except (aiohttp.ClientError, TimeoutError):
                # The answer has begun: all that is left is to break it off visibly.
                if request.transport is not None:
                    request.transport.abort()
            return response
