"""The authoriser: answers nginx on a unix socket, from memory whenever it can.

Its HTTP is only what nginx speaks to it, so a request costs tens of microseconds and not a
framework's millisecond.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from lab_platform.auth_proxy import pages
from lab_platform.auth_proxy.reviews import Reviewer, ReviewError, Verdict
from lab_platform.auth_proxy.session import COOKIE, SESSION_SECONDS, Sealer, SealError

logger = logging.getLogger(__name__)

_REASONS = {
    200: "OK",
    302: "Found",
    303: "See Other",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_LARGEST_HEAD = 256 * 1024
_LARGEST_BODY = 64 * 1024

Headers = Mapping[str, str]
Answer = tuple[int, dict[str, str], bytes]


class UsedTickets:
    """Remembers the one-time links that were used, also over a restart of the container."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._used: dict[str, float] = {}
        if file is not None and file.exists():
            for line in file.read_text().splitlines():
                nonce, _, expires = line.partition(" ")
                if expires:
                    self._used[nonce] = float(expires)

    def use(self, nonce: str, expires: float) -> bool:
        """Mark a link as used; return False if it was used already."""
        now = time.time()
        self._used = {key: until for key, until in self._used.items() if until > now}
        if nonce in self._used:
            return False
        self._used[nonce] = expires
        if self._file is not None:
            lines = (f"{key} {until}\n" for key, until in self._used.items())
            self._file.write_text("".join(lines))
        return True


class ShortLinks:
    """Keeps tickets under codes of a few characters, so that a link fits on a line.

    In memory only: after a restart of the container the code is unknown, and a new link is asked
    for. Only tickets of our own seal are kept, so nobody else can fill it.
    """

    MOST = 100

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, str | None, float]] = {}

    def keep(self, ticket: str, target: str | None, expires: float) -> str:
        """Keep a ticket until it ends; return its code. The oldest makes room where need be."""
        now = time.time()
        self._kept = {code: kept for code, kept in self._kept.items() if kept[2] > now}
        while len(self._kept) >= self.MOST:
            del self._kept[next(iter(self._kept))]
        code = secrets.token_urlsafe(9)
        self._kept[code] = (ticket, target, expires)
        return code

    def take(self, code: str) -> tuple[str, str | None]:
        """Return ticket and target of a code, once."""
        ticket, target, _ = self._kept.pop(code, ("", None, 0.0))
        return ticket, target


def read_bearer(headers: Headers) -> str | None:
    """Return the token of an Authorization header."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None


def read_cookie(headers: Headers) -> str | None:
    """Return the session cookie's value."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return None


def _set_cookie(value: str, seconds: int) -> str:
    cookie: SimpleCookie = SimpleCookie()
    try:
        cookie[COOKIE] = value
    except CookieError as error:  # pragma: no cover - the name is ours
        raise ValueError(str(error)) from error
    morsel = cookie[COOKIE]
    morsel["path"] = "/"
    morsel["secure"] = True
    morsel["httponly"] = True
    morsel["samesite"] = "Lax"
    morsel["max-age"] = seconds
    return morsel.OutputString()


def _wants_page(headers: Headers) -> bool:
    return (
        headers.get("x-original-method", "GET") in ("GET", "HEAD")
        and not headers.get("x-original-upgrade")
        and "text/html" in headers.get("accept", "")
    )


class Authoriser:
    """Decides about requests and shows the sign-in pages."""

    def __init__(
        self,
        reviewer: Reviewer,
        *,
        sealer: Sealer | None = None,
        tickets: UsedTickets | None = None,
    ) -> None:
        self._reviewer = reviewer
        self._sealer = sealer
        self._tickets = tickets or UsedTickets(None)
        self._links = ShortLinks()

    def _token(self, headers: Headers) -> str | None:
        token = read_bearer(headers)
        if token is not None or self._sealer is None:
            return token
        cookie = read_cookie(headers)
        if not cookie:
            return None
        try:
            return self._sealer.open_session(cookie).token
        except SealError:
            return None

    async def _verdict(self, headers: Headers) -> Verdict:
        token = self._token(headers)
        if token is None:
            return Verdict(401, message="there is no token")
        return await self._reviewer.review(token)

    async def answer(self, method: str, target: str, headers: Headers, body: bytes) -> Answer:
        """Answer one request of nginx's."""
        path, _, query = target.partition("?")
        if path == "/oauth/check":
            return await self._check(headers)
        if path == "/oauth/healthz":
            return 200, {"Content-Type": "text/plain"}, b"OK"
        if path == "/oauth/refused":
            return await self._refused(headers)
        if path == "/oauth/login" and self._sealer is not None:
            if method == "POST":
                return await self._login(headers, body)
            if method in ("GET", "HEAD"):
                return await self._login_page(query)
        if path == "/oauth/link" and self._sealer is not None:
            return self._shorten(method, body)
        if path == "/oauth/logout" and self._sealer is not None:
            return self._logout(method)
        return 404, {"Content-Type": "text/plain"}, b"not found\n"

    async def _check(self, headers: Headers) -> Answer:
        try:
            verdict = await self._verdict(headers)
        except ReviewError as error:
            logger.warning("%s", error)
            return 500, {}, b""
        if verdict.status == 200:
            return 200, {"X-Checked-User": verdict.user}, b""
        return verdict.status, {}, b""

    async def _refused(self, headers: Headers) -> Answer:
        try:
            verdict = await self._verdict(headers)
        except ReviewError:
            verdict = Verdict(503, message="tokens cannot be checked: the cluster does not answer")
        if verdict.status == 200:
            # Between the check and this page the answer changed: let the client ask again.
            verdict = Verdict(503, message="try again")
        if self._sealer is not None and _wants_page(headers):
            if verdict.status == 401:
                location = pages.login_location(headers.get("x-original-uri"))
                return 302, {"Location": location, "Cache-Control": "no-store"}, b""
            if verdict.status == 403:
                return 403, dict(pages.HEADERS), pages.forbidden_page(verdict.message)
            return 503, {**pages.HEADERS, "Retry-After": "2"}, pages.unavailable_page()
        extra = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        if verdict.status == 401:
            extra["WWW-Authenticate"] = 'Bearer realm="mnist-lab"'
        content = {"code": verdict.status, "message": verdict.message, "error": verdict.message}
        return verdict.status, extra, json.dumps(content).encode() + b"\n"

    async def _enter(self, token: str, target: str | None) -> Answer:
        """Check a token that was just presented; begin a session or say why not."""
        assert self._sealer is not None  # noqa: S101 - the callers have looked
        try:
            verdict = await self._reviewer.review(token)
        except ReviewError as error:
            logger.warning("%s", error)
            return 503, {**pages.HEADERS, "Retry-After": "2"}, pages.unavailable_page()
        if verdict.status == 401:
            page = pages.login_page(target, "This token is not valid, or not any more.")
            return 401, dict(pages.HEADERS), page
        if verdict.status == 403:
            return 403, dict(pages.HEADERS), pages.forbidden_page(verdict.message)
        logger.info("%s signed in", verdict.user)
        cookie = _set_cookie(self._sealer.seal_session(token), SESSION_SECONDS)
        return (
            303,
            {
                "Location": pages.safe_target(target),
                "Set-Cookie": cookie,
                "Cache-Control": "no-store",
            },
            b"",
        )

    async def _login_page(self, query: str) -> Answer:
        assert self._sealer is not None  # noqa: S101 - the caller has looked
        fields = parse_qs(query)
        target = fields.get("rd", [None])[0]
        ticket = fields.get("ticket", [None])[0]
        if code := fields.get("code", [None])[0]:
            ticket, target = self._links.take(code)
        if ticket is None:
            return 200, dict(pages.HEADERS), pages.login_page(target)
        try:
            sealed = self._sealer.open_link(ticket)
            fresh = self._tickets.use(sealed.nonce, sealed.expires)
        except SealError:
            fresh = False
        if not fresh:
            message = "This link was used already, or its time is over. Ask for a new one."
            return 401, dict(pages.HEADERS), pages.login_page(target, message)
        return await self._enter(sealed.token, target)

    def _shorten(self, method: str, body: bytes) -> Answer:
        """Keep a ticket that we sealed, and answer with the short path that presents it."""
        if method != "POST":
            return 405, {"Content-Type": "text/plain", "Allow": "POST"}, b"POST a ticket\n"
        assert self._sealer is not None  # noqa: S101 - the caller has looked
        try:
            fields = parse_qs(body.decode("ascii"), max_num_fields=10)
            ticket = fields.get("ticket", [""])[0]
            expires = self._sealer.open_link(ticket).expires
        except (ValueError, SealError):
            return 403, {"Content-Type": "text/plain"}, b"no ticket of this workbench\n"
        code = self._links.keep(ticket, fields.get("rd", [None])[0], expires)
        headers = {"Content-Type": "text/plain", "Cache-Control": "no-store"}
        return 200, headers, f"/oauth/login?code={code}\n".encode()

    async def _login(self, headers: Headers, body: bytes) -> Answer:
        origin = headers.get("origin")
        host = headers.get("x-forwarded-host") or headers.get("host", "")
        if origin is not None and urlsplit(origin).netloc != host:
            message = "The form was sent from another site."
            return 403, dict(pages.HEADERS), pages.login_page(None, message)
        try:
            fields = parse_qs(body.decode("ascii"), max_num_fields=10)
        except ValueError:
            fields = {}
        target = fields.get("rd", [None])[0]
        token = (fields.get("token") or [""])[0].strip()
        return await self._enter(token, target)

    @staticmethod
    def _logout(method: str) -> Answer:
        if method != "POST":
            return 200, dict(pages.HEADERS), pages.logout_page()
        return (
            303,
            {
                "Location": "/oauth/login",
                "Set-Cookie": _set_cookie("", 0),
                "Cache-Control": "no-store",
            },
            b"",
        )


class _Protocol(asyncio.Protocol):
    """HTTP/1.1 as nginx speaks it: no chunked bodies, one request after the other."""

    def __init__(self, authoriser: Authoriser) -> None:
        self._authoriser = authoriser
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._next()

    def _next(self) -> None:
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            if len(self._buffer) > _LARGEST_HEAD:
                self._write(413, {}, b"", last=True)
            return
        lines = head.decode("latin-1").split("\r\n")
        try:
            method, target, _ = lines[0].split(" ")
            headers = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
            length = int(headers.get("content-length") or 0)
        except ValueError:
            self._write(400, {}, b"", last=True)
            return
        if length < 0 or length > _LARGEST_BODY:
            self._write(413, {}, b"", last=True)
            return
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        self._task = asyncio.create_task(self._serve(method, target, headers, rest[:length]))

    async def _serve(self, method: str, target: str, headers: Headers, body: bytes) -> None:
        try:
            answer = await self._authoriser.answer(method, target, headers, body)
        except Exception:
            logger.exception("the authoriser failed")
            answer = (500, {}, b"")
        status, extra, content = answer
        self._write(status, extra, b"" if method == "HEAD" else content)
        self._task = None
        if self._buffer:
            self._next()

    def _write(
        self, status: int, headers: Mapping[str, str], body: bytes, *, last: bool = False
    ) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}"]
        for name, value in headers.items():
            clean = value.replace("\r", " ").replace("\n", " ")
            lines.append(f"{name}: {clean}")
        lines.append(f"Content-Length: {len(body)}")
        if last:
            lines.append("Connection: close")
        text = "\r\n".join(lines) + "\r\n\r\n"
        self._transport.write(text.encode("utf-8") + body)
        if last:
            self._transport.close()


async def serve(authoriser: Authoriser, socket: Path) -> asyncio.AbstractServer:
    """Listen on a unix socket."""
    socket.unlink(missing_ok=True)
    loop = asyncio.get_running_loop()
    return await loop.create_unix_server(lambda: _Protocol(authoriser), str(socket))
