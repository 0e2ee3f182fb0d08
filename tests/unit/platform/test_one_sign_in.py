"""One sign-in for all doors: the doors and the login as they are, with a browser between them."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
from collections.abc import Mapping
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from learners import PASSWORD, Client

from auth_proxy.authoriser import Authoriser
from auth_proxy.login_service import check_session, is_session
from auth_proxy.reviews import Reviewer, Verdict
from auth_proxy.session import COOKIE, Sealer
from auth_proxy.sign_in import SignIn
from auth_proxy.sign_in import challenge_of as challenge_of_door
from learner_login.accounts import Accounts, EndedSignIns
from learner_login.browser import Browser, read_visit
from learner_login.doors import Doors, belongs
from learner_login.hosts import Hosts, challenge_of
from learner_login.service import Service
from learner_login.sessions import CODE_SECONDS, GoneError, Sessions
from learner_login.terminal import Terminal, project_of

BASE = "apps.test"
LOGIN = f"login-lab-platform.{BASE}"
DASHBOARD = f"dashboard.{BASE}"
SECRET = b"a secret of more than sixteen bytes"
HTML = {"accept": "text/html", "x-original-method": "GET"}
RIGHTS = {
    "token-of-ada": {"mnist-1"},
    "token-of-bob": {"mnist-2"},
    "teacher": {"mnist-1", "mnist-2"},
}


class Cluster:
    """Whose the tokens are and where they have rights."""

    def __init__(self) -> None:
        self.rights = {token: set(where) for token, where in RIGHTS.items()}
        self.asked = 0

    def user_of(self, token: str) -> str | None:
        if token not in self.rights:
            return None
        name = token.removeprefix("token-of-")
        return name if name == token else f"system:serviceaccount:lab-learners:{name}"

    def allowed(self, token: str, attributes: Mapping[str, str]) -> bool | None:
        self.asked += 1
        if token not in self.rights:
            return None
        return attributes["namespace"] in self.rights[token] | {"redhat-ods-applications"}


class Lab:
    """Three doors and the login."""

    def __init__(self, clock) -> None:
        self.clock = clock
        self.cluster = Cluster()
        self.kept = Client()
        self.kept.data["bob"] = self.kept.data["ada"]
        self.service = Service(Accounts(self.kept, "lab-platform", clock))
        self.ended: dict[str, float] = {}
        self.restart()
        self.doors = {
            f"notebook-mnist-1.{BASE}": self.door("mnist-1"),
            f"ds-pipeline-dspa-mnist-1.{BASE}": self.door("mnist-1", pass_token=True),
            f"notebook-mnist-2.{BASE}": self.door("mnist-2"),
            DASHBOARD: self.door("redhat-ods-applications", pass_token=True),
        }

    def restart(self) -> None:
        self.sessions = Sessions(SECRET, self.ended, self.keep, self.clock)
        self.asked = Doors(self.sessions, self.cluster, [DASHBOARD], self.clock)
        terminal = Terminal(f"https://api-lab-platform.{BASE}:443")
        hosts = Hosts(f"https://{LOGIN}", BASE)
        self.browser = Browser(
            self.service, self.sessions, self.cluster, hosts, terminal,
            dashboard=f"https://{DASHBOARD}/",
            project_of=lambda user: {"ada": "mnist-1"}.get(user, ""),
        )  # fmt: skip

    def keep(self, ended: Mapping[str, float]) -> None:
        self.ended = dict(ended)

    def door(self, namespace: str, *, pass_token: bool = False) -> Authoriser:
        review = {"verb": "get", "resource": "notebooks", "namespace": namespace}
        secret = f"the secret of the door of {namespace} {pass_token}".encode()

        def post(path, content):
            return self.asked.answer(path, content)

        def check(token: str) -> Verdict:
            if is_session(token):
                return check_session(post, token, review)
            allowed = self.cluster.allowed(token, review)
            return Verdict(401 if allowed is None else 200 if allowed else 403, "somebody")

        return Authoriser(
            Reviewer(check, believed=lambda _: 10.0, clock=self.clock),
            sealer=Sealer(secret, self.clock),
            pass_token=pass_token,
            sign_in=SignIn(f"https://{LOGIN}", post, secret, namespace),
        )


class Visitor:
    """A browser: cookies for each host alone, and redirects."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.cookies: dict[str, dict[str, str]] = {}
        self.way: list[str] = []

    def headers(self, host: str) -> dict[str, str]:
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.get(host, {}).items())
        return {"host": host, "cookie": kept, "accept": "text/html", "x-forwarded-for": "10.9.9.9"}

    def once(self, url: str, method: str = "GET", **form: str):
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        body, headers = urlencode(form).encode(), self.headers(parts.netloc)
        if method == "POST":
            headers["origin"] = f"https://{parts.netloc}"
        if parts.netloc == LOGIN:
            answer = self.lab.browser.answer(read_visit(method, target, headers, body))
        elif target.startswith("/oauth/"):
            door = self.lab.doors[parts.netloc]
            answer = asyncio.run(door.answer(method, target, headers, body))
        else:
            answer = self.page(parts.netloc, target, headers)
        for name, value in answer[1].items():
            if name == "Set-Cookie":
                self.keep(parts.netloc, value)
        return answer

    def page(self, host: str, target: str, headers: dict[str, str]):
        """A page behind a door, as nginx asks for it."""
        door = self.lab.doors[host]
        checked = asyncio.run(door.answer("GET", "/oauth/check", headers, b""))
        if checked[0] == 200:
            return 200, {}, json.dumps(checked[1]).encode()
        told = headers | HTML | {"x-original-uri": target}
        return asyncio.run(door.answer("GET", "/oauth/refused", told, b""))

    def keep(self, host: str, header: str) -> None:
        name, _, rest = header.partition("=")
        value, *attributes = (part.strip() for part in rest.split(";"))
        assert name.startswith("__Host-")
        assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(attributes)
        assert not any(part.lower().startswith("domain") for part in attributes)
        assert len(header) < 4096, "browsers keep no larger one"
        if "Max-Age=0" in attributes:
            self.cookies.get(host, {}).pop(name, None)
        else:
            self.cookies.setdefault(host, {})[name] = value

    def go(self, url: str, method: str = "GET", **form: str):
        """Follow redirects; return the last address and answer."""
        self.way = [url]
        answer = self.once(url, method, **form)
        for _ in range(12):
            location = answer[1].get("Location")
            if refresh := answer[1].get("Refresh"):
                location = refresh.removeprefix("0; url=")
            if not location:
                return url, answer
            if location.startswith("/"):
                location = f"https://{urlsplit(url).netloc}{location}"
            url = location
            self.way.append(url)
            answer = self.once(url)
        raise AssertionError(f"redirects without an end: {self.way}")

    def sign_in(self, url: str, user: str = "ada", password: str = PASSWORD):
        """Open a page, type user and password into the form that is shown."""
        at, answer = self.go(url)
        assert urlsplit(at).netloc == LOGIN
        assert b'id="by-password"' in answer[2]
        return self.go(at, "POST", user=user, password=password)


@pytest.fixture
def lab(clock) -> Lab:
    return Lab(clock)


NOTEBOOK = f"https://notebook-mnist-1.{BASE}/lab/tree?reset#top"
WORKBENCH = f"https://notebook-mnist-1.{BASE}/lab/tree?reset"
PIPELINES = f"https://ds-pipeline-dspa-mnist-1.{BASE}/#/runs"


def test_one_sign_in_opens_every_door_at_the_deep_link(lab: Lab) -> None:
    visitor = Visitor(lab)
    at, answer = visitor.sign_in(WORKBENCH)
    assert (at, answer[0]) == (WORKBENCH, 200)
    for door in (f"https://ds-pipeline-dspa-mnist-1.{BASE}/runs?a=1", f"https://{DASHBOARD}/p/x"):
        at, answer = visitor.go(door)
        assert (at, answer[0]) == (door, 200), "no second password"
    assert b"system:serviceaccount:lab-learners:ada" in answer[2]


def test_a_deep_link_of_any_length_is_come_back_to(lab: Lab) -> None:
    """What a door seals is padded or not by its length; the login takes either."""
    visitor = Visitor(lab)
    visitor.sign_in(WORKBENCH)
    for length in (*range(1, 100), 500, 1000, 1999):
        visitor.cookies.pop(f"notebook-mnist-1.{BASE}", None)
        link = f"https://notebook-mnist-1.{BASE}/lab?x={'y' * length}"
        at, answer = visitor.go(link)
        assert (at, answer[0]) == (link, 200), f"{length} characters"


def test_only_the_platforms_own_door_is_told_the_token(lab: Lab) -> None:
    visitor = Visitor(lab)
    visitor.sign_in(WORKBENCH)
    told = {}
    for host in (DASHBOARD, f"ds-pipeline-dspa-mnist-1.{BASE}"):
        told[host] = json.loads(visitor.go(f"https://{host}/")[1][2])["X-Checked-Token"]
    assert told.pop(DASHBOARD) == "token-of-ada"
    (session,) = told.values()
    assert is_session(session)
    assert "token-of-ada" not in session


def test_signing_out_at_one_door_ends_all_and_the_login(lab: Lab) -> None:
    visitor, other = Visitor(lab), Visitor(lab)
    for one in (visitor, other):
        one.sign_in(WORKBENCH)
        one.go(f"https://{DASHBOARD}/")
    at, answer = visitor.go(f"https://{DASHBOARD}/oauth/logout", "POST")
    assert at == f"https://{LOGIN}/signed-out"
    assert b"You are signed out" in answer[2]
    lab.clock.advance(11)
    for door in (WORKBENCH, f"https://{DASHBOARD}/", f"https://{LOGIN}/"):
        at, answer = visitor.go(door)
        assert urlsplit(at).netloc == LOGIN
        assert b'id="by-password"' in answer[2]
    assert other.go(WORKBENCH)[0] == WORKBENCH, "somebody else's sign-in goes on"


def test_a_sign_out_outlives_a_restart_and_a_sign_in_too(lab: Lab) -> None:
    gone, stays = Visitor(lab), Visitor(lab)
    gone.sign_in(WORKBENCH)
    stays.sign_in(WORKBENCH)
    gone.go(f"https://{LOGIN}/sign-out", "POST")
    lab.restart()
    lab.clock.advance(11)
    assert urlsplit(gone.go(WORKBENCH)[0]).netloc == LOGIN
    assert stays.go(WORKBENCH)[0] == WORKBENCH


def test_another_seat_is_said_to_be_closed_and_another_account_can_be_taken(lab: Lab) -> None:
    visitor = Visitor(lab)
    visitor.sign_in(WORKBENCH)
    other = f"https://notebook-mnist-2.{BASE}/lab"
    at, answer = visitor.go(other)
    assert (at, answer[0]) == (other, 403)
    assert b"may not get notebooks" in answer[2]
    visitor.go(f"https://notebook-mnist-2.{BASE}/oauth/logout", "POST")
    assert visitor.sign_in(other, "bob")[0] == other


def test_a_wrong_password_is_told_and_leads_nowhere(lab: Lab) -> None:
    visitor = Visitor(lab)
    at, answer = visitor.sign_in(WORKBENCH, password="guess&1")
    assert (urlsplit(at).netloc, answer[0]) == (LOGIN, 401)
    assert b"do not belong together" in answer[2]
    assert b"guess" not in answer[2]
    assert not visitor.cookies.get(LOGIN)
    for _ in range(8):
        at, answer = visitor.go(at, "POST", user="ada", password="guess")
    assert answer[0] == 429


def test_a_token_signs_in_everywhere_too(lab: Lab) -> None:
    visitor = Visitor(lab)
    at, _ = visitor.go(WORKBENCH)
    assert visitor.go(at, "POST", token="nonsense")[1][0] == 401
    assert visitor.go(at, "POST", token=" teacher ")[0] == WORKBENCH
    other = f"https://notebook-mnist-2.{BASE}/lab"
    assert visitor.go(other)[0] == other


def test_a_token_that_no_browser_could_keep_is_said_and_goes_not_in_circles(lab: Lab) -> None:
    long = "x" * 3000
    lab.cluster.rights[long] = {"mnist-1"}
    visitor = Visitor(lab)
    visitor.keep = lambda host, header: visitor.cookies.setdefault(host, {}).update(
        [header.partition(";")[0].split("=", 1)]
    )
    at, _ = visitor.go(WORKBENCH)
    at, answer = visitor.go(at, "POST", token=long)
    assert answer[0] == 400
    assert b"too long for a browser" in answer[2]


def test_a_token_for_scripts_needs_no_login(lab: Lab) -> None:
    door = lab.doors[f"notebook-mnist-1.{BASE}"]
    answer = asyncio.run(
        door.answer("GET", "/oauth/check", {"authorization": "Bearer teacher"}, b"")
    )
    assert answer[0] == 200
    body = urlencode({"token": "teacher", "rd": "/lab"}).encode()
    assert asyncio.run(door.answer("POST", "/oauth/login", {}, body))[0] == 303


def test_a_revoked_token_is_out_and_is_not_sent_round_in_circles(lab: Lab) -> None:
    visitor = Visitor(lab)
    visitor.sign_in(WORKBENCH)
    del lab.cluster.rights["token-of-ada"]
    lab.clock.advance(30)
    at, answer = visitor.go(WORKBENCH)
    assert urlsplit(at).netloc == LOGIN
    assert b'id="by-password"' in answer[2]


def stolen_session(lab: Lab, host: str, visitor: Visitor) -> str:
    """What the admin of a seat reads out of the own door's cookie."""
    door = lab.doors[host]
    return door._sealer.open_session(visitor.cookies[host][COOKIE]).token


def test_a_session_stolen_at_one_door_opens_no_other(lab: Lab) -> None:
    visitor = Visitor(lab)
    at, _ = visitor.go(f"https://notebook-mnist-2.{BASE}/lab")
    visitor.go(at, "POST", token="teacher")
    stolen = stolen_session(lab, f"notebook-mnist-2.{BASE}", visitor)
    for host, door in lab.doors.items():
        bearer = {"authorization": f"Bearer {stolen}", "host": host}
        assert asyncio.run(door.answer("GET", "/oauth/check", bearer, b""))[0] == 401
        form = urlencode({"token": stolen}).encode()
        assert asyncio.run(door.answer("POST", "/oauth/login", {"host": host}, form))[0] == 401
        cookie = {"cookie": f"{COOKIE}={visitor.cookies[f'notebook-mnist-2.{BASE}'][COOKIE]}"}
        wanted = 200 if host == f"notebook-mnist-2.{BASE}" else 401
        assert asyncio.run(door.answer("GET", "/oauth/check", cookie, b""))[0] == wanted
    review = {"verb": "get", "resource": "secrets", "namespace": "mnist-1"}
    status, told = lab.asked.answer("/door/review", {"session": stolen, "review": review})
    assert status == 403, "it tells nothing of another project, where the owner has rights"
    assert "token" not in told


def test_a_seats_own_page_gets_no_session_for_another_project(lab: Lab) -> None:
    """A page of a learner's sends a visitor to the login, and exchanges the code by itself."""
    visitor = Visitor(lab)
    visitor.sign_in(WORKBENCH)
    evil = f"evil-mnist-2.{BASE}"
    for namespace, wanted in (("mnist-1", 401), ("", 401), ("mnist-2", 200)):
        told = {"host": evil, "state": "s" * 20, "challenge": challenge_of("the word")}
        way = visitor.once(f"https://{LOGIN}/authorize?{urlencode(told)}")[1]["Location"]
        assert urlsplit(way).netloc == evil
        code = parse_qs(urlsplit(way).query)["code"][0]
        words = {"code": code, "verifier": "the word", "host": evil, "namespace": namespace}
        status, answer = lab.asked.answer("/door/enter", words)
        assert status == wanted
    review = {"verb": "get", "resource": "notebooks", "namespace": "mnist-2"}
    told = lab.asked.answer("/door/review", {"session": answer["session"], "review": review})
    assert told[0] == 403, "ada has no rights there, and her token is not told"
    assert "token" not in told[1]


def test_a_code_is_good_once_for_its_door_and_its_word(lab: Lab) -> None:
    visitor = Visitor(lab)
    visitor.sign_in(WORKBENCH)
    host = f"notebook-mnist-1.{BASE}"

    def code() -> str:
        told = {"host": host, "state": "s" * 20, "challenge": challenge_of("the word")}
        way = visitor.once(f"https://{LOGIN}/authorize?{urlencode(told)}")[1]["Location"]
        return parse_qs(urlsplit(way).query)["code"][0]

    good = {"verifier": "the word", "host": host, "namespace": "mnist-1"}
    for wrong in (
        {"verifier": "another"}, {"host": f"notebook-mnist-2.{BASE}"}, {"host": DASHBOARD},
        {"namespace": "mnist-2"}, {"code": "x"},
    ):  # fmt: skip
        assert lab.asked.answer("/door/enter", {**good, "code": code(), **wrong})[0] == 401
    used = code()
    assert lab.asked.answer("/door/enter", {**good, "code": used})[0] == 200
    assert lab.asked.answer("/door/enter", {**good, "code": used})[0] == 401
    tried = code()
    assert lab.asked.answer("/door/enter", {**good, "code": tried, "verifier": "no"})[0] == 401
    assert lab.asked.answer("/door/enter", {**good, "code": tried})[0] == 401
    late = code()
    lab.clock.advance(CODE_SECONDS + 1)
    assert lab.asked.answer("/door/enter", {**good, "code": late})[0] == 401


def test_a_way_that_another_browser_began_signs_nobody_in(lab: Lab) -> None:
    """Somebody who is signed in hands out the address that they were sent back by."""
    attacker, victim = Visitor(lab), Visitor(lab)
    at, _ = attacker.go(WORKBENCH)
    answer = attacker.once(at, "POST", user="ada", password=PASSWORD)
    back = attacker.once(at)[1]["Location"]
    assert urlsplit(back).path == "/oauth/callback"
    assert answer[0] == 303
    status, _, body = victim.once(back)
    assert status == 400
    assert b"another browser" in body
    assert COOKIE not in victim.cookies.get(f"notebook-mnist-1.{BASE}", {})


def test_two_pages_that_are_opened_at_once_both_come_back(lab: Lab) -> None:
    visitor = Visitor(lab)
    first, _ = visitor.go(WORKBENCH)
    second, _ = visitor.go(f"https://notebook-mnist-1.{BASE}/terminals")
    assert visitor.go(first, "POST", user="ada", password=PASSWORD)[0] == WORKBENCH
    assert visitor.go(second)[0] == f"https://notebook-mnist-1.{BASE}/terminals"


@pytest.mark.parametrize("host", [
    "evil.test", f"evil.test/.{BASE}", f"a.b.{BASE}", BASE, f".{BASE}", f"x.{BASE}:30443",
    f"x@evil.test#.{BASE}", f"evil.test\\.{BASE}", f"x.{BASE}.evil.test", "", f"x%2f.{BASE}",
])  # fmt: skip
def test_nobody_is_sent_anywhere_else(lab: Lab, host: str) -> None:
    visitor = Visitor(lab)
    visitor.sign_in(WORKBENCH)
    told = urlencode({"host": host, "state": "s" * 20, "challenge": challenge_of("w")})
    assert visitor.once(f"https://{LOGIN}/authorize?{told}")[0] == 400


@given(st.text(max_size=80))
def test_a_door_is_one_label_below_the_base_domain(text: str) -> None:
    hosts = Hosts(f"https://{LOGIN}", BASE)
    if hosts.is_door(f"{text}.{BASE}"):
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text)
    assert not hosts.is_door(text) or text.endswith(f".{BASE}")


@pytest.mark.parametrize(("door", "wanted"), [
    (f"gateway.{BASE}/notebook/mnist-1/bench", True), (f"gateway.{BASE}/..", False),
    (f"gateway.{BASE}/a//b", False), (f"gateway.{BASE}/", False), (f"gateway.{BASE}/a?b", False),
    (f"gateway.{BASE}/a#b", False), (f"evil.test/.{BASE}", False), (f"gateway.{BASE}/a b", False),
])  # fmt: skip
def test_a_door_may_share_its_host_by_a_path(door: str, wanted: bool) -> None:
    assert Hosts(f"https://{LOGIN}", BASE).is_door(door) is wanted


@pytest.mark.parametrize(("own", "door", "wanted"), [
    ("", "", True), ("", ":443", True), (":443", "", True), ("", ":80", False), ("", ":x", False),
    (":30443", ":30443", True), (":30443", "", False), (":30443", ":443", False),
])  # fmt: skip
def test_a_door_is_at_the_login_s_own_port(own: str, door: str, wanted: bool) -> None:
    assert Hosts(f"https://{LOGIN}{own}", BASE).is_door(f"x.{BASE}{door}") is wanted


def test_a_door_below_a_path_is_signed_in_at_as_others(lab: Lab) -> None:
    host, prefix, secret = (
        f"gateway.{BASE}",
        "/notebook/mnist-1/bench",
        b"a secret of the gateway's",
    )
    review = {"verb": "get", "resource": "notebooks", "namespace": "mnist-1"}

    def check(token: str) -> Verdict:
        return check_session(lab.asked.answer, token, review)

    door = Authoriser(
        Reviewer(check), sealer=Sealer(secret, lab.clock), prefix=prefix,
        sign_in=SignIn(f"https://{LOGIN}", lab.asked.answer, secret, "mnist-1", prefix),
    )  # fmt: skip
    visitor = Visitor(lab)
    visitor.sign_in(WORKBENCH)
    headers = {"host": host, "accept": "text/html"}
    begun = asyncio.run(door.answer("GET", f"/oauth/login?rd={prefix}/lab", headers, b""))
    headers["cookie"] = begun[1]["Set-Cookie"].partition(";")[0]
    back = visitor.once(begun[1]["Location"])[1]["Location"]
    assert back.startswith(f"https://{host}{prefix}/oauth/callback?")
    # nginx takes the path away that leads to this door.
    target = back.removeprefix(f"https://{host}{prefix}")
    status, told, _ = asyncio.run(door.answer("GET", target, headers, b""))
    assert (status, told["Location"]) == (303, f"{prefix}/lab")
    assert f"Path={prefix}" in told["Set-Cookie"]


def test_door_and_login_reckon_the_same_challenge() -> None:
    for word in ("", "a", "x" * 64):
        assert challenge_of(word) == challenge_of_door(word)


@pytest.mark.parametrize(("host", "namespace", "wanted"), [
    ("notebook-mnist-2.a.b", "mnist-2", True), ("mnist-2.a.b", "mnist-2", True),
    ("notebook-mnist-2.a.b", "mnist-1", False), ("notebook-xmnist-2.a.b", "mnist-2", False),
    ("notebook-mnist-2.a.b", "", False), ("gateway.a.b/notebook/mnist-2/x", "mnist-2", True),
    ("gateway.a.b/notebook/mnist-2/x", "mnist", False), ("x-mnist-2.a.b/a/b", "mnist-2", False),
])  # fmt: skip
def test_a_host_belongs_to_the_project_that_it_ends_in(host, namespace, wanted) -> None:
    assert belongs(host, namespace) is wanted


def test_pages_of_other_sites_neither_sign_in_nor_out(lab: Lab) -> None:
    visitor = Visitor(lab)
    visitor.sign_in(WORKBENCH)
    for path in ("/", "/sign-out", "/token", "/kubeconfig", "/password"):
        headers = visitor.headers(LOGIN) | {"origin": f"https://notebook-mnist-2.{BASE}"}
        visit = read_visit("POST", path, headers, b"user=ada&password=x&show=1")
        assert lab.browser.answer(visit)[0] == 403
    assert visitor.go(f"https://{LOGIN}/")[1][2].count(b"You are <code>ada</code>") == 1


def test_the_login_command_and_a_kubeconfig_are_the_learners(lab: Lab) -> None:
    visitor = Visitor(lab)
    at, answer = visitor.sign_in(f"https://{LOGIN}/token")
    assert at == f"https://{LOGIN}/token"
    assert b"token-of" not in answer[2], "first it is asked"
    _, (status, _, page) = visitor.go(at, "POST", show="1")
    server = f"https://api-lab-platform.{BASE}:443"
    assert status == 200
    assert f"oc login --server={server} --token=token-of-ada\noc project mnist-1" in page.decode()
    _, (status, headers, body) = visitor.go(f"https://{LOGIN}/kubeconfig", "POST")
    assert (status, "attachment" in headers["Content-Disposition"]) == (200, True)
    config = yaml.safe_load(body)
    assert config["users"] == [{"name": "ada", "user": {"token": "token-of-ada"}}]
    assert config["contexts"][0]["context"]["namespace"] == "mnist-1"
    assert config["clusters"][0]["cluster"] == {"server": server}
    assert Visitor(lab).go(f"https://{LOGIN}/kubeconfig", "POST")[0] == f"https://{LOGIN}/token"


def test_a_kubeconfig_has_the_authority_where_the_lab_has_its_own(tmp_path) -> None:
    file = tmp_path / "ca.crt"
    terminal = Terminal("https://api", file)
    assert "certificate-authority-data" not in terminal.kubeconfig("u", "t", "")
    file.write_text("PEM")
    cluster = yaml.safe_load(terminal.kubeconfig("u", "t", ""))["clusters"][0]["cluster"]
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"PEM"


@pytest.mark.parametrize(("seats", "wanted"), [
    ({"data": {"seats.json": '{"seats": [{"namespace": "m-3", "learner": "ada"}]}'}}, "m-3"),
    ({"data": {"seats.json": "nonsense"}}, ""), ({"data": {}}, ""), (None, ""), ({}, ""),
])  # fmt: skip
def test_a_learners_project_is_in_the_class_list(seats, wanted) -> None:
    assert project_of("ada", seats) == wanted


def test_the_password_is_changed_at_the_login(lab: Lab) -> None:
    visitor = Visitor(lab)
    page = f"https://{LOGIN}/password"
    words = {"user": "ada", "password": PASSWORD, "new": "correct horse"}
    assert visitor.go(page, "POST", **words, again="correct hrose")[1][0] == 400
    assert visitor.go(page, "POST", **words, again="correct horse")[1][0] == 200
    assert visitor.sign_in(WORKBENCH, password="correct horse")[0] == WORKBENCH


def test_nothing_secret_is_logged(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    visitor = Visitor(lab)
    visitor.sign_in(WORKBENCH)
    visitor.go(f"https://{LOGIN}/token", "POST", show="1")
    visitor.go(f"https://{LOGIN}/sign-out", "POST")
    assert "ada signed in from 10.9.9.9" in caplog.text
    for secret in (PASSWORD, "token-of-ada", *visitor.cookies[f"notebook-mnist-1.{BASE}"].values()):
        assert secret not in caplog.text
    for way in visitor.way:
        for name, value in parse_qsl(urlsplit(way).query):
            assert name not in ("code", "state") or value not in caplog.text


def test_what_was_ended_is_kept_in_the_cluster(clock) -> None:
    class Kept:
        def __init__(self) -> None:
            self.data: dict[str, str] = {}

        def get(self, api_version, kind, name, namespace=None):
            assert (kind, name) == ("Secret", "lab-login-sessions")
            return {"data": self.data}

        def patch(self, api_version, kind, name, patch, namespace=None):
            self.data |= patch["data"]
            return {}

    kept = Kept()
    store = EndedSignIns(kept, "lab-platform")
    assert store.read() == {}
    sessions = Sessions(SECRET, store.read(), store.keep, clock)
    sealed, _ = sessions.begin("ada", "t", 100, account=True)
    sessions.end(sessions.signed_in(sealed))
    again = Sessions(SECRET, store.read(), store.keep, clock)
    with pytest.raises(GoneError):
        again.signed_in(sealed)
    clock.advance(101)
    other, _ = again.begin("bob", "t", 100, account=True)
    again.end(again.signed_in(other))
    assert len(store.read()) == 1, "what is over anyway is not kept"
    kept.data["ended"] = "nonsense"
    assert store.read() == {}


def test_many_reviews_ask_the_cluster_once(lab: Lab) -> None:
    visitor = Visitor(lab)
    visitor.sign_in(WORKBENCH)
    before = lab.cluster.asked
    for _ in range(20):
        visitor.go(WORKBENCH)
    assert lab.cluster.asked == before
