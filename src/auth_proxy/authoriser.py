"""The authoriser: answers nginx about requests, from memory whenever it can."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping
from urllib.parse import parse_qs

from auth_proxy import pages
from auth_proxy.headers import Headers, read_bearer, read_cookie, session_cookie, wants_page
from auth_proxy.links import ShortLinks, UsedTickets
from auth_proxy.login_service import is_session
from auth_proxy.manners import Manner
from auth_proxy.reviews import Reviewer, ReviewError, Verdict
from auth_proxy.session import SESSION_SECONDS, Sealer, SealError
from auth_proxy.sign_in import CALLBACK, LostError, SignIn
from lab_ground.same_origin import is_from_elsewhere

logger = logging.getLogger(__name__)

# Browsers keep 4,096 bytes of a cookie, its name and attributes among them.
LARGEST_COOKIE = 3900

Answer = tuple[int, dict[str, str], bytes]


def _go_to(location: str, cookie: str) -> Answer:
    headers = {"Location": location, "Set-Cookie": cookie, "Cache-Control": "no-store"}
    return 303, headers, b""


class Authoriser:
    """Decides about requests and shows the sign-in pages."""

    def __init__(
        self,
        reviewer: Reviewer,
        *,
        sealer: Sealer | None = None,
        tickets: UsedTickets | None = None,
        pass_token: bool = False,
        sign_in: SignIn | None = None,
        manner: Manner = Manner.OWN,
        review: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> None:
        """``manner`` and ``review`` say how programs are refused, ``prefix`` where the door is."""
        self._reviewer = reviewer
        self._pass_token = pass_token
        self._sealer = sealer
        self._tickets = tickets or UsedTickets(None)
        self._links = ShortLinks()
        self._sign_in = sign_in
        self._manner = manner
        self._review = review or {}
        self._prefix = prefix

    def _token(self, headers: Headers) -> str | None:
        token = read_bearer(headers) if self._manner.takes_bearer else None
        if token is not None or self._sealer is None:
            # A session is good in the cookie that this door has sealed, and nowhere else.
            return None if token is not None and is_session(token) else token
        cookie = read_cookie(headers, self._prefix)
        if not cookie:
            return None
        try:
            session = self._sealer.open_session(cookie)
        except SealError:
            return None
        return None if self._tickets.is_used(session.nonce) else session.token

    async def verdict(self, headers: Headers) -> Verdict:
        """Say what is thought of a request's token, or of its session; raise ReviewError."""
        token = self._token(headers)
        if token is None:
            return Verdict(401, message="there is no token")
        return await self._reviewer.review(token)

    async def answer(self, method: str, target: str, headers: Headers, body: bytes) -> Answer:
        """Answer one request of nginx's."""
        return self._below(await self._answer(method, target, headers, body))

    def _below(self, answer: Answer) -> Answer:
        """The answer of a door that is below a path of its host: so are its own addresses."""
        status, headers, body = answer
        if not self._prefix:
            return answer
        location = headers.get("Location", "")
        if location == "/" or location.startswith("/oauth/"):
            headers = {**headers, "Location": self._prefix + location}
        own = f'"{self._prefix}/oauth/'.encode()
        if headers.get("Content-Type", "").startswith("text/html"):
            body = body.replace(b'"/oauth/', own)
        elif body.startswith(b"/oauth/"):
            body = self._prefix.encode() + body
        return status, headers, body

    async def _answer(self, method: str, target: str, headers: Headers, body: bytes) -> Answer:
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
                return await self._login_page(headers, query)
        if path == CALLBACK and self._sign_in is not None and method == "GET":
            return await self._come_back(headers, query)
        if path == "/oauth/link" and self._sealer is not None:
            return self._shorten(method, body)
        if path == "/oauth/logout" and self._sealer is not None:
            return await self._logout(method, headers)
        return 404, {"Content-Type": "text/plain"}, b"not found\n"

    async def _check(self, headers: Headers) -> Answer:
        try:
            verdict = await self.verdict(headers)
        except ReviewError as error:
            logger.warning("%s", error)
            return 500, {}, b""
        if verdict.status != 200:
            return verdict.status, {}, b""
        answer = {"X-Checked-User": verdict.user}
        if self._pass_token:
            answer["X-Checked-Token"] = verdict.token or self._token(headers) or ""
        return 200, answer, b""

    async def _refused(self, headers: Headers) -> Answer:
        try:
            verdict = await self.verdict(headers)
        except ReviewError:
            verdict = Verdict(503, message="tokens cannot be checked: the cluster does not answer")
        if verdict.status == 200:
            # Between the check and this page the answer changed: let the client ask again.
            verdict = Verdict(503, message="try again")
        sent_on = self._manner.always_redirects and verdict.status == 401
        if self._sealer is not None and (sent_on or wants_page(headers)):
            if verdict.status == 401:
                location = pages.login_location(headers.get("x-original-uri"))
                return 302, {"Location": location, "Cache-Control": "no-store"}, b""
            if verdict.status == 403:
                return 403, dict(pages.HEADERS), pages.forbidden_page(verdict.message)
            return 503, {**pages.HEADERS, "Retry-After": "2"}, pages.unavailable_page()
        return self._told(verdict)

    def _told(self, verdict: Verdict) -> Answer:
        """Refuse a program."""
        if words := self._manner.words(verdict, self._review):
            plain = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
            return verdict.status, plain, words.encode()
        status = self._manner.status(verdict)
        extra = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        if status == 401:
            extra["WWW-Authenticate"] = 'Bearer realm="mnist-lab"'
        content = {"code": status, "message": verdict.message, "error": verdict.message}
        return status, extra, json.dumps(content).encode() + b"\n"

    async def _enter(self, token: str, target: str | None) -> Answer:
        """Check a token that was just presented; begin a session or say why not."""
        assert self._sealer is not None  # noqa: S101 - the callers have looked
        try:
            # A session of the login comes by the callback alone, with what binds it to this door.
            verdict = Verdict(401) if is_session(token) else await self._reviewer.review(token)
        except ReviewError as error:
            logger.warning("%s", error)
            return 503, {**pages.HEADERS, "Retry-After": "2"}, pages.unavailable_page()
        if verdict.status == 401:
            page = pages.login_page(target, "This token is not valid, or not any more.")
            return 401, dict(pages.HEADERS), page
        if verdict.status == 403:
            return 403, dict(pages.HEADERS), pages.forbidden_page(verdict.message)
        logger.info("%s signed in", verdict.user)
        cookie = session_cookie(self._sealer.seal_session(token), SESSION_SECONDS, self._prefix)
        return _go_to(pages.safe_target(target), cookie)

    async def _login_page(self, headers: Headers, query: str) -> Answer:
        assert self._sealer is not None  # noqa: S101 - the caller has looked
        fields = parse_qs(query)
        target = fields.get("rd", [None])[0]
        ticket = fields.get("ticket", [None])[0]
        if code := fields.get("code", [None])[0]:
            ticket, target = self._links.take(code)
        if ticket is None and self._sign_in is not None:
            return _go_to(*self._sign_in.begin(headers, target))
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
        if is_from_elsewhere(headers):
            message = "The form was sent from another site."
            return 403, dict(pages.HEADERS), pages.login_page(None, message)
        try:
            fields = parse_qs(body.decode("ascii"), max_num_fields=10)
        except ValueError:
            fields = {}
        target = fields.get("rd", [None])[0]
        token = (fields.get("token") or [""])[0].strip()
        return await self._enter(token, target)

    async def _come_back(self, headers: Headers, query: str) -> Answer:
        """Take what a browser brings from the login; begin a session or say why not."""
        assert self._sign_in is not None  # noqa: S101 - the caller has looked
        assert self._sealer is not None  # noqa: S101 - a door that signs in has one
        fields = {key: values[0] for key, values in parse_qs(query, max_num_fields=10).items()}
        try:
            entered = await asyncio.to_thread(self._sign_in.finish, headers, fields)
            verdict = await self._reviewer.review(entered.session)
        except LostError as error:
            return 400, dict(pages.HEADERS), pages.lost_page(error.target, str(error))
        except ReviewError as error:
            logger.warning("%s", error)
            return 503, {**pages.HEADERS, "Retry-After": "2"}, pages.unavailable_page()
        if verdict.status == 401:
            # Not sent back: the login thinks otherwise, and the two would go on for ever.
            message = "The sign-in ended meanwhile."
            return 401, dict(pages.HEADERS), pages.lost_page(entered.target, message)
        # Who may not enter is known from now on, and told so; signing out takes another account.
        logger.info("%s signed in", verdict.user)
        seconds = int(min(entered.seconds, SESSION_SECONDS))
        sealed = self._sealer.seal_session(entered.session, seconds)
        if len(sealed) > LARGEST_COOKIE:
            # A browser would not keep it, and go round between here and the login.
            message = "This token is too long for a browser to keep. Sign in with a shorter one."
            return 400, dict(pages.HEADERS), pages.lost_page(entered.target, message)
        return _go_to(entered.target, session_cookie(sealed, seconds, self._prefix))

    async def _logout(self, method: str, headers: Headers) -> Answer:
        """End the session for good: its cookie is worth nothing after it, wherever it is.

        A session that came from the login ends there too, and so at all doors.
        """
        if method != "POST":
            return 200, dict(pages.HEADERS), pages.logout_page()
        if is_from_elsewhere(headers):
            return 403, {"Content-Type": "text/plain"}, b"sent from another site\n"
        cookie = read_cookie(headers, self._prefix)
        if cookie and self._sealer is not None:
            with contextlib.suppress(SealError):
                session = self._sealer.open_session(cookie)
                self._tickets.use(session.nonce, session.expires)
                self._reviewer.forget(session.token)
                if self._sign_in is not None and is_session(session.token):
                    try:
                        await asyncio.to_thread(self._sign_in.leave, session.token)
                    except ReviewError as error:
                        # Here it has ended; that it goes on elsewhere has to be said.
                        logger.warning("%s", error)
                        return 503, {
                            **pages.HEADERS, "Set-Cookie": session_cookie("", 0, self._prefix)
                        }, pages.unavailable_page()  # fmt: skip
        if self._sign_in is not None:
            # No redirect: a page's policy for forms covers where a form's redirects lead, too.
            there = f"{self._sign_in.page}/signed-out"
            more = {"Set-Cookie": session_cookie("", 0, self._prefix), "Refresh": f"0; url={there}"}
            return 200, {**pages.HEADERS, **more}, pages.signed_out_page(there)
        return _go_to("/oauth/login", session_cookie("", 0, self._prefix))
