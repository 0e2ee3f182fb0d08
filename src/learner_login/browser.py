"""What browsers see: the sign-in for all doors, the way on to one, and the end of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from lab_ground.kubernetes.asking import ReviewError
from lab_ground.kubernetes.errors import ApiError
from lab_ground.plain_pages import headers as page_headers
from lab_ground.same_origin import is_from_elsewhere
from learner_login import pages
from learner_login.accounts import ACCOUNTS, TOKEN_SECONDS
from learner_login.doors import Cluster
from learner_login.hosts import Hosts
from learner_login.service import Service, address_of
from learner_login.sessions import GoneError, Sessions, SignedIn
from learner_login.terminal import Terminal

logger = logging.getLogger(__name__)

COOKIE = "__Host-lab-sign-in"
OWN = f"system:serviceaccount:{ACCOUNTS}:"
LARGEST_TOKEN = 16384

Headers = Mapping[str, str]
Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Visit:
    """One request of a browser's: its path, what it says, and the header fields in lower case."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: Headers


def read_visit(method: str, target: str, headers: Headers, body: bytes) -> Visit:
    """Return a request as it is answered."""
    path, _, query = target.partition("?")
    try:
        form = _fields(body.decode("ascii"))
    except ValueError:
        form = {}
    try:
        asked = _fields(query)
    except ValueError:
        asked = {}
    return Visit(method, path, asked, form, headers)


def _fields(text: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(text, max_num_fields=10).items()}


class Browser:
    """Answers browsers."""

    def __init__(
        self,
        service: Service,
        sessions: Sessions,
        cluster: Cluster,
        hosts: Hosts,
        terminal: Terminal,
        *,
        dashboard: str = "",
        project_of: Callable[[str], str] = lambda _: "",
    ) -> None:
        """``project_of`` tells a learner's project, as far as it is known."""
        self._service = service
        self._sessions = sessions
        self._cluster = cluster
        self._hosts = hosts
        self._terminal = terminal
        self._dashboard = dashboard
        self._project_of = project_of
        self._headers = page_headers(hosts.forms_lead_to)

    def answer(self, visit: Visit) -> Answer:
        """Answer one request."""
        verbs = {
            "/": self._home,
            "/authorize": self._authorize,
            "/token": self._token,
            "/kubeconfig": self._kubeconfig,
            "/password": self._password,
            "/sign-out": self._sign_out,
            "/signed-out": self._signed_out,
        }
        verb = verbs.get(visit.path)
        if verb is None:
            return 404, {"Content-Type": "text/plain"}, b"not found\n"
        if visit.method == "POST" and is_from_elsewhere(visit.headers):
            return self._page(403, pages.sign_in_page("The form was sent from another site."))
        try:
            return verb(visit)
        except (ApiError, ReviewError) as error:
            logger.warning("the cluster does not answer: %s", error)
            status, headers, body = self._page(503, pages.unavailable_page())
            return status, {**headers, "Retry-After": "2"}, body

    def _page(self, status: int, body: bytes) -> Answer:
        return status, dict(self._headers), body

    @staticmethod
    def _go_to(location: str, cookie: str = "") -> Answer:
        headers = {"Location": location, "Cache-Control": "no-store"}
        return 303, {**headers, "Set-Cookie": cookie} if cookie else headers, b""

    def _signed_in(self, visit: Visit) -> SignedIn | None:
        """Return who is signed in, by the cookie; None where that has ended, or its token."""
        try:
            found = self._sessions.signed_in(_cookie_of(visit.headers))
        except GoneError:
            return None
        return found if self._cluster.user_of(found.token) else None

    def _home(self, visit: Visit) -> Answer:
        return self._behind_the_form(
            visit, lambda who: self._page(200, pages.home_page(shown(who.user), self._dashboard))
        )

    def _behind_the_form(self, visit: Visit, then: Callable[[SignedIn], Answer]) -> Answer:
        """Show something to who is signed in, and the form, which leads back, to who is not."""
        if visit.method == "POST" and not visit.form.keys().isdisjoint({"user", "token"}):
            return self._sign_in(visit)
        who = self._signed_in(visit)
        if who is None:
            return self._page(200, pages.sign_in_page())
        return then(who)

    def _authorize(self, visit: Visit) -> Answer:
        wish = self._hosts.wish(visit.query)
        if wish is None:
            return self._page(400, pages.no_door_page())

        def go_on(who: SignedIn) -> Answer:
            code = self._sessions.code(who, wish.host, wish.challenge)
            way = urlencode({"code": code, "state": wish.state})
            return self._go_to(f"https://{wish.host}/oauth/callback?{way}")

        return self._behind_the_form(visit, go_on)

    def _sign_in(self, visit: Visit, then: str = "") -> Answer:
        """Begin a sign-in by what the form says; go on, or to the same address, with its cookie."""
        words = words_of(visit)
        if visit.form.get("token"):
            token = visit.form["token"].strip()
            fits = len(token) <= LARGEST_TOKEN and token.isascii() and token.isprintable()
            user = self._cluster.user_of(token) if fits else None
            if not user:
                message = "This token is not valid, or not any more."
                return self._page(401, pages.sign_in_page(message))
            logger.info("%s signed in with a token from %s", user, address_of(words))
        else:
            status, answer = self._service.answer("/login", words)
            if status != 200:
                return self._page(status, pages.sign_in_page(str(answer.get("message", ""))))
            token, user = str(answer["token"]), OWN + words["user"]
        account = not visit.form.get("token")
        sealed, seconds = self._sessions.begin(user, token, TOKEN_SECONDS, account=account)
        again = visit.path + (f"?{urlencode(visit.query)}" if visit.query else "")
        return self._go_to(then or again, cookie_of(sealed, int(seconds)))

    def _password(self, visit: Visit) -> Answer:
        if visit.method != "POST":
            return self._page(200, pages.password_page())
        words = words_of(visit)
        if words["new"] != visit.form.get("again", ""):
            message = "The two new passwords are not the same."
            return self._page(400, pages.password_page(message))
        status, answer = self._service.answer("/password", words)
        if status != 200:
            return self._page(status, pages.password_page(str(answer.get("message", ""))))
        return self._page(200, pages.sign_in_page(notice="The password is changed."))

    def _sign_out(self, visit: Visit) -> Answer:
        if visit.method != "POST":
            return self._go_to("/")
        try:
            who = self._sessions.signed_in(_cookie_of(visit.headers))
        except GoneError:
            pass
        else:
            self._sessions.end(who)
            logger.info("%s signed out", who.user)
        return self._go_to("/signed-out", cookie_of("", 0))

    def _signed_out(self, visit: Visit) -> Answer:
        if visit.method == "POST":
            return self._sign_in(visit, then=self._dashboard or "/")
        return self._page(200, pages.sign_in_page(notice=pages.SIGNED_OUT))

    def _fresh_token(self, who: SignedIn) -> str:
        """Return a token to take away: a learner's is a new one, another's is the one given."""
        if who.account:
            return self._service.token(shown(who.user)) or who.token
        return who.token

    def _token(self, visit: Visit) -> Answer:
        def show(who: SignedIn) -> Answer:
            if visit.method != "POST":
                return self._page(200, pages.ask_token_page(shown(who.user)))
            logger.info("%s was shown a token", who.user)
            return self._page(200, pages.token_page(
                self._fresh_token(who),
                self._terminal.server,
                self._project_of(shown(who.user)),
                own_authority=bool(self._terminal.trusted()),
            ))  # fmt: skip

        return self._behind_the_form(visit, show)

    def _kubeconfig(self, visit: Visit) -> Answer:
        if visit.method != "POST":
            return self._go_to("/token")
        who = self._signed_in(visit)
        if who is None:
            return self._go_to("/token")
        logger.info("%s took a kubeconfig", who.user)
        name = shown(who.user)
        text = self._terminal.kubeconfig(name, self._fresh_token(who), self._project_of(name))
        headers = {
            "Content-Type": "application/yaml",
            "Content-Disposition": 'attachment; filename="kubeconfig"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return 200, headers, text.encode()


def shown(user: str) -> str:
    """Return how a user is called here: a learner's account by the name that was typed."""
    return user.removeprefix(OWN)


def words_of(visit: Visit) -> dict[str, str]:
    """Return what a form says to the login service, and the address that it came from."""
    words = {key: visit.form.get(key, "") for key in ("user", "password", "new")}
    words["user"] = words["user"].strip().lower()
    words["address"] = came_from(visit.headers)
    return words


def came_from(headers: Headers) -> str:
    """Return the address by the router's word, the last; a browser's own would stand before it."""
    return headers.get("x-forwarded-for", "").rpartition(",")[2].strip()


def _cookie_of(headers: Headers) -> str:
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def cookie_of(value: str, seconds: int) -> str:
    """Return the header that keeps a sign-in in the browser, for the login's own host alone."""
    return f"{COOKIE}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"
