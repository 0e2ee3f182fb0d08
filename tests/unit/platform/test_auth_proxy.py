"""The token proxy: sessions, links, reviews, pages, nginx's configuration, the container."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from auth_proxy import container as builders
from auth_proxy import pages
from auth_proxy.authoriser import Authoriser
from auth_proxy.configuration import build_nginx_configuration, read_configuration
from auth_proxy.links import UsedTickets
from auth_proxy.manners import Manner
from auth_proxy.protocol import serve
from auth_proxy.reviews import Reviewer, ReviewError, UnknownTokenError, Verdict, check_token
from auth_proxy.session import BELOW_COOKIE, COOKIE, Sealer, SealError, create_login_link

SECRET = b"0123456789abcdef0123456789abcdef"
REVIEW = {
    "verb": "get",
    "group": "kubeflow.org",
    "resource": "notebooks",
    "name": "notebook",
    "namespace": "mnist",
}
HTML = {"accept": "text/html,*/*"}


def check(token):
    return {
        "good": Verdict(200, "learner"),
        "poor": Verdict(403, "stranger", "stranger may not get notebooks notebook in mnist"),
    }.get(token, Verdict(401, message="the token is not valid, or not any more"))


@pytest.fixture
def sealer(clock):
    return Sealer(SECRET, clock)


@pytest.fixture
def authoriser(sealer):
    return Authoriser(Reviewer(check), sealer=sealer)


def ask(authoriser, target, headers=None, *, method="GET", body=b""):
    return asyncio.run(authoriser.answer(method, target, headers or {}, body))


class TestSessions:
    """What cookies and links hold."""

    def test_session_holds_the_token_until_it_ends(self, sealer, clock):
        cookie = sealer.seal_session("the token", seconds=100)
        assert sealer.open_session(cookie).token == "the token"
        assert "the token" not in cookie
        clock.advance(101)
        with pytest.raises(SealError, match="ended"):
            sealer.open_session(cookie)

    def test_link_is_no_session_and_a_session_no_link(self, sealer):
        with pytest.raises(SealError):
            sealer.open_session(sealer.seal_link("t"))
        with pytest.raises(SealError):
            sealer.open_link(sealer.seal_session("t"))

    def test_other_secret_or_changed_cookie_is_refused(self, sealer, clock):
        cookie = sealer.seal_session("t")
        with pytest.raises(SealError):
            Sealer(b"another secret of 32 characters.", clock).open_session(cookie)
        changed = cookie[:-3] + ("AAA" if cookie[-3:] != "AAA" else "BBB")
        for value in (changed, "", "nonsense", "é"):
            with pytest.raises(SealError):
                sealer.open_session(value)

    def test_short_secret_is_refused(self):
        with pytest.raises(ValueError, match="shorter"):
            Sealer(b"short")

    def test_cookie_needs_no_quotes(self, sealer):
        assert re.fullmatch(r"[A-Za-z0-9_-]+", sealer.seal_session("t" * 1000))


class TestDecisions:
    """What nginx is told, and what a client sees when it is refused."""

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 401),
            ({"authorization": "Bearer good"}, 200),
            ({"authorization": "bearer good"}, 200),
            ({"authorization": "Bearer poor"}, 403),
            ({"authorization": "Bearer bad"}, 401),
            ({"authorization": "Basic good"}, 401),
            ({"cookie": f"{COOKIE}=nonsense"}, 401),
        ],
    )
    def test_check(self, authoriser, headers, status):
        assert ask(authoriser, "/oauth/check", headers)[0] == status

    def test_check_names_the_user(self, authoriser):
        answer = ask(authoriser, "/oauth/check", {"authorization": "Bearer good"})
        assert answer[1]["X-Checked-User"] == "learner"

    def test_check_tells_the_token_where_the_server_behind_asks_with_it(self, authoriser, sealer):
        header = {"authorization": "Bearer good"}
        assert "X-Checked-Token" not in ask(authoriser, "/oauth/check", header)[1]
        passing = Authoriser(Reviewer(check), sealer=sealer, pass_token=True)
        cookie = {"cookie": f"{COOKIE}={sealer.seal_session('good')}"}
        for headers in (header, cookie):
            assert ask(passing, "/oauth/check", headers)[1]["X-Checked-Token"] == "good"

    def test_session_cookie_is_enough(self, authoriser, sealer):
        cookie = f"other=1; {COOKIE}={sealer.seal_session('good')}"
        assert ask(authoriser, "/oauth/check", {"cookie": cookie})[0] == 200

    def test_proxy_without_login_takes_no_cookie(self, sealer):
        plain = Authoriser(Reviewer(check))
        cookie = {"cookie": f"{COOKIE}={sealer.seal_session('good')}"}
        assert ask(plain, "/oauth/check", cookie)[0] == 401
        assert ask(plain, "/oauth/login")[0] == 404

    def test_browser_is_sent_to_the_login_page_and_a_client_is_not(self, authoriser):
        headers = {"x-original-uri": "/lab/tree?a=1", "x-original-method": "GET"}
        status, extra, _ = ask(authoriser, "/oauth/refused", headers | HTML)
        assert status == 302
        assert extra["Location"] == "/oauth/login?rd=%2Flab%2Ftree%3Fa%3D1"
        status, extra, body = ask(authoriser, "/oauth/refused", headers)
        assert status == 401
        assert extra["WWW-Authenticate"].startswith("Bearer")
        assert json.loads(body)["code"] == 401

    def test_socket_and_post_are_not_redirected(self, authoriser):
        for extra in ({"x-original-upgrade": "websocket"}, {"x-original-method": "POST"}):
            assert ask(authoriser, "/oauth/refused", HTML | extra)[0] == 401

    def test_forbidden_browser_sees_why(self, authoriser, sealer):
        cookie = {"cookie": f"{COOKIE}={sealer.seal_session('poor')}"}
        status, _, body = ask(authoriser, "/oauth/refused", HTML | cookie)
        assert status == 403
        assert b"stranger may not get notebooks" in body

    def test_silent_cluster_is_not_taken_for_a_yes(self, sealer):
        def silent(token):
            raise ReviewError("no answer")

        authoriser = Authoriser(Reviewer(silent), sealer=sealer)
        headers = {"authorization": "Bearer good"}
        assert ask(authoriser, "/oauth/check", headers)[0] == 500
        assert ask(authoriser, "/oauth/refused", headers)[0] == 503

    @pytest.mark.parametrize(
        ("manner", "headers", "status", "told"),
        [
            # openshift/oauth-proxy's oauthproxy.go: SignInPage for whoever has no good token.
            ("oauth-proxy", {}, 403, "there is no token"),
            ("oauth-proxy", {"authorization": "Bearer bad"}, 403, "not valid"),
            ("oauth-proxy", {"authorization": "Bearer poor"}, 403, "may not"),
            # The same without delegate URLs, and with skip-provider-button: OAuthStart.
            ("oauth-proxy-session", {}, 302, ""),
            ("oauth-proxy-session", {"authorization": "Bearer bad"}, 302, ""),
            ("oauth-proxy-session", {"authorization": "Bearer good"}, 302, ""),
            ("oauth-proxy-session", {"x-original-method": "POST"}, 302, ""),
            ("oauth-proxy-session", {"x-original-upgrade": "websocket"}, 302, ""),
            # brancz/kube-rbac-proxy's pkg/filters/auth.go.
            ("kube-rbac-proxy", {}, 401, "Unauthorized"),
            ("kube-rbac-proxy", {"authorization": "Bearer bad"}, 401, "Unauthorized"),
            (
                "kube-rbac-proxy",
                {"authorization": "Bearer poor"},
                403,
                "Forbidden (user=stranger, verb=get, resource=notebooks, subresource=)",
            ),
        ],
    )
    def test_programs_are_refused_as_upstream_s_proxy_does(
        self, sealer, manner, headers, status, told
    ):
        review = {"verb": "get", "resource": "notebooks"}
        door = Authoriser(Reviewer(check), sealer=sealer, manner=Manner(manner), review=review)
        answer = ask(door, "/oauth/refused", {"x-original-uri": "/api"} | headers)
        assert answer[0] == status
        assert told in answer[2].decode()
        if status == 302:
            assert answer[1]["Location"] == "/oauth/login?rd=%2Fapi"

    @pytest.mark.parametrize("manner", list(Manner))
    def test_a_bearer_is_looked_at_where_upstream_s_proxy_does(self, sealer, manner):
        door = Authoriser(Reviewer(check), sealer=sealer, manner=manner)
        status = 401 if manner is Manner.OAUTH_SESSION else 200
        assert ask(door, "/oauth/check", {"authorization": "Bearer good"})[0] == status
        cookie = {"cookie": f"{COOKIE}={sealer.seal_session('good')}"}
        assert ask(door, "/oauth/check", cookie)[0] == 200

    def test_health_is_open(self, authoriser):
        assert ask(authoriser, "/oauth/healthz")[0] == 200


class TestLogin:
    """The page and the link."""

    def sign_in(self, authoriser, token, target="/lab", **headers):
        body = f"token={quote(token)}&rd={quote(target, safe='')}".encode()
        return ask(authoriser, "/oauth/login", headers, method="POST", body=body)

    def test_good_token_begins_a_session(self, authoriser, sealer):
        status, extra, _ = self.sign_in(authoriser, "good")
        assert (status, extra["Location"]) == (303, "/lab")
        cookie = extra["Set-Cookie"]
        for part in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age="):
            assert part in cookie
        value = cookie.partition("=")[2].partition(";")[0]
        assert sealer.open_session(value).token == "good"

    @pytest.mark.parametrize(("token", "status"), [("bad", 401), ("poor", 403), ("", 401)])
    def test_other_tokens_get_a_page_and_no_cookie(self, authoriser, token, status):
        found, extra, body = self.sign_in(authoriser, token)
        assert found == status
        assert "Set-Cookie" not in extra
        assert b'role="alert"' in body

    def test_form_of_another_site_is_refused(self, authoriser):
        headers = {"host": "notebook.test", "origin": "https://evil.test"}
        assert self.sign_in(authoriser, "good", **headers)[0] == 403
        headers["origin"] = "https://notebook.test"
        assert self.sign_in(authoriser, "good", **headers)[0] == 303

    @pytest.mark.parametrize(
        "target",
        [
            "https://evil.test/",
            "//evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "/a\r\nSet-Cookie: x=1",
            "javascript:alert(1)",
            "/oauth/logout",
            "",
            None,
            "/a b",
        ],
    )
    def test_redirect_stays_on_this_host(self, target):
        assert pages.safe_target(target) == "/"

    def test_redirect_keeps_an_honest_path(self):
        assert pages.safe_target("/lab/tree/a%20b?reset#x") == "/lab/tree/a%20b?reset#x"

    def test_page_escapes_what_it_shows(self):
        page = pages.login_page('/"><script>', "<b>")
        assert b"<script>" not in page
        assert b"<b>" not in page

    def test_page_loads_nothing_and_runs_no_script(self, authoriser):
        _, extra, body = ask(authoriser, "/oauth/login")
        assert "default-src 'none'" in extra["Content-Security-Policy"]
        assert b"<script" not in body
        assert b"src=" not in body

    def test_link_works_once(self, sealer):
        authoriser = Authoriser(Reviewer(check), sealer=Sealer(SECRET))
        link = create_login_link("https://notebook.test/", SECRET, "good")
        parts = urlsplit(link)
        assert "good" not in parse_qs(parts.query)["ticket"][0]
        target = f"{parts.path}?{parts.query}"
        first = ask(authoriser, target)
        assert (first[0], first[1]["Location"]) == (303, "/")
        assert "Set-Cookie" in first[1]
        second = ask(authoriser, target)
        assert second[0] == 401
        assert "Set-Cookie" not in second[1]

    def shorten(self, authoriser, link, **request):
        body = urlsplit(link).query.encode()
        return ask(authoriser, "/oauth/link", method="POST", body=body, **request)

    def test_below_a_path_everything_is_below_it(self):
        """On the gateway's host, which all workbenches share."""
        below = "/notebook/mnist/bench"
        door = Authoriser(Reviewer(check), sealer=Sealer(SECRET), prefix=below)
        refused = ask(door, "/oauth/refused", {"x-original-uri": f"{below}/lab"} | HTML)
        assert refused[1]["Location"].startswith(f"{below}/oauth/login?rd=%2Fnotebook%2F")
        form = {"method": "POST", "body": b"token=good&rd="}
        entered = ask(door, "/oauth/login", **form)
        assert entered[1]["Location"] == f"{below}/"
        cookie = SimpleCookie(entered[1]["Set-Cookie"])[BELOW_COOKIE]
        assert (cookie["path"], cookie["secure"], cookie["httponly"]) == (below, True, True)
        session = {"cookie": f"{BELOW_COOKIE}={cookie.value}"}
        assert ask(door, "/oauth/check", session)[0] == 200
        assert ask(door, "/oauth/check", {"cookie": f"{COOKIE}={cookie.value}"})[0] == 401
        assert f'action="{below}/oauth/logout"'.encode() in ask(door, "/oauth/logout")[2]
        left = ask(door, "/oauth/logout", session, method="POST")
        assert left[1]["Location"] == f"{below}/oauth/login"
        assert ask(door, "/oauth/check", session)[0] == 401
        link = create_login_link(f"https://rh-ai.test{below}", SECRET, "good")
        assert link.startswith(f"https://rh-ai.test{below}/oauth/login?ticket=")
        kept = self.shorten(door, link)[2].decode()
        assert kept.startswith(f"{below}/oauth/login?code=")

    def test_link_is_kept_under_a_short_code_that_works_once(self, authoriser):
        link = create_login_link("https://notebook.test/", SECRET, "good", target="/lab")
        status, _, path = self.shorten(authoriser, link)
        assert status == 200
        short = path.decode().strip()
        assert len(short) < 40
        status, headers, _ = ask(authoriser, short)
        assert (status, headers["Location"]) == (303, "/lab")
        assert COOKIE in headers["Set-Cookie"]
        assert ask(authoriser, short)[0] == 401

    def test_only_a_ticket_of_this_workbench_is_kept(self, authoriser):
        foreign = create_login_link(
            "https://notebook.test/", b"another secret, long enough", "good"
        )
        assert self.shorten(authoriser, foreign)[0] == 403
        assert ask(authoriser, "/oauth/link", method="POST", body=b"\xff")[0] == 403
        assert ask(authoriser, "/oauth/link")[0] == 405

    def test_short_links_end_and_are_few(self, authoriser):
        links = [create_login_link("https://a.test", SECRET, "good") for _ in range(101)]
        first, *_, last = [self.shorten(authoriser, link)[2].decode().strip() for link in links]
        assert ask(authoriser, first)[0] == 401, "the oldest made room"
        assert ask(authoriser, last)[0] == 303

    def test_used_link_stays_used_after_a_restart(self, tmp_path):
        file = tmp_path / "used"
        assert UsedTickets(file).use("nonce", 4e9)
        assert not UsedTickets(file).use("nonce", 4e9)

    def test_link_ends(self, authoriser, sealer, clock):
        ticket = sealer.seal_link("good")
        clock.advance(601)
        assert ask(authoriser, f"/oauth/login?ticket={ticket}")[0] == 401

    def test_logout_needs_a_post(self, authoriser):
        assert "Set-Cookie" not in ask(authoriser, "/oauth/logout")[1]
        status, extra, _ = ask(authoriser, "/oauth/logout", method="POST")
        assert status == 303
        assert "Max-Age=0" in extra["Set-Cookie"]

    @pytest.mark.parametrize(
        "told",
        [{"origin": "https://evil.test"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
    )
    def test_no_other_site_signs_anybody_out(self, authoriser, sealer, told):
        cookie = {"cookie": f"{COOKIE}={sealer.seal_session('good')}"}
        headers = {"host": "notebook.test", **cookie, **told}
        assert ask(authoriser, "/oauth/logout", headers, method="POST")[0] == 403
        assert ask(authoriser, "/oauth/check", cookie)[0] == 200

    def test_a_cookie_is_dead_after_the_logout(self, authoriser, sealer):
        cookie = {"cookie": f"{COOKIE}={sealer.seal_session('good')}"}
        assert ask(authoriser, "/oauth/check", cookie)[0] == 200
        headers = {"host": "notebook.test", "origin": "https://notebook.test", **cookie}
        assert ask(authoriser, "/oauth/logout", headers, method="POST")[0] == 303
        assert ask(authoriser, "/oauth/check", cookie)[0] == 401
        other = {"cookie": f"{COOKIE}={sealer.seal_session('good')}"}
        assert ask(authoriser, "/oauth/check", other)[0] == 200


class TestReviews:
    """What is asked, and how long it is believed."""

    def test_both_questions_are_asked_with_the_callers_own_token(self):
        asked = []

        def post(path, body, token):
            asked.append((body["kind"], body.get("spec"), token))
            if body["kind"] == "SelfSubjectReview":
                return {"status": {"userInfo": {"username": "u"}}}
            return {"status": {"allowed": True}}

        assert check_token(post, "t", REVIEW) == Verdict(200, "u")
        assert asked == [
            ("SelfSubjectAccessReview", {"resourceAttributes": REVIEW}, "t"),
            ("SelfSubjectReview", None, "t"),
        ]

    def test_a_caller_without_the_right_is_told_what_it_is(self):
        def post(path, body, token):
            if body["kind"] == "SelfSubjectReview":
                return {"status": {"userInfo": {"username": "u"}}}
            return {"status": {"allowed": False}}

        verdict = check_token(post, "t", REVIEW)
        assert (verdict.status, verdict.message) == (
            403,
            "u may not get notebooks notebook in mnist",
        )

    def test_a_token_that_the_api_server_refuses_is_none(self):
        def post(path, body, token):
            raise UnknownTokenError(path)

        assert check_token(post, "t", REVIEW).status == 401

    @pytest.mark.parametrize("token", ["", "x" * 20000, "line\nbreak"])
    def test_impossible_token_is_not_even_asked_about(self, token):
        def post(path, body, token):
            raise AssertionError("it was asked")

        assert check_token(post, token, REVIEW).status == 401

    def test_memory_is_bounded_in_time(self, clock):
        answers = [Verdict(200, "u"), Verdict(401)]
        reviewer = Reviewer(lambda token: answers.pop(0), clock=clock)
        assert asyncio.run(reviewer.review("t")).status == 200
        clock.advance(29)
        assert asyncio.run(reviewer.review("t")).status == 200
        clock.advance(2)
        assert asyncio.run(reviewer.review("t")).status == 401
        assert not answers

    def test_memory_is_bounded_in_size_and_holds_no_token(self, clock):
        reviewer = Reviewer(check, size=3, clock=clock)
        for number in range(10):
            asyncio.run(reviewer.review(f"token-{number}"))
        assert len(reviewer._known) == 3
        assert all(b"token" not in key for key in reviewer._known)

    def test_many_who_ask_at_once_are_one_question(self):
        asked = []
        go = threading.Event()

        def slow(token):
            asked.append(token)
            go.wait(5)
            return Verdict(200, "u")

        async def crowd():
            reviewer = Reviewer(slow)
            tasks = [asyncio.ensure_future(reviewer.review("t")) for _ in range(20)]
            await asyncio.sleep(0.05)
            go.set()
            return await asyncio.gather(*tasks)

        assert {verdict.status for verdict in asyncio.run(crowd())} == {200}
        assert asked == ["t"]


def test_socket_speaks_http_to_nginx(tmp_path):
    async def talk():
        server = await serve(Authoriser(Reviewer(check)), tmp_path / "s")
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        answers = []
        request = b"GET /oauth/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n"
        # Two at once, cut in odd places: a connection is a stream, not messages.
        stream = request % b"good" + request % b"bad"
        for start in range(0, len(stream), 7):
            writer.write(stream[start : start + 7])
            await writer.drain()
        for _ in range(2):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            answers.append(int(head.split()[1]))
        writer.write(b"nonsense\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        answers.append(int(head.split()[1]))
        writer.close()
        server.close()
        return answers

    assert asyncio.run(talk()) == [200, 401, 400]


class TestPassedToken:
    """A server that acts as whoever asks is told the token, of a session or a header."""

    @pytest.mark.parametrize("passing", [True, False])
    def test_token_of_a_session_and_of_a_header(self, sealer, passing):
        authoriser = Authoriser(Reviewer(check), sealer=sealer, pass_token=passing)
        expected = "good" if passing else None
        cookie = f"{COOKIE}={sealer.seal_session('good')}"
        for headers in ({"cookie": cookie}, {"authorization": "Bearer good"}):
            status, answer, _ = ask(authoriser, "/oauth/check", headers)
            assert status == 200
            assert answer.get("X-Checked-Token") == expected

    def test_refused_token_is_told_to_nobody(self, sealer):
        authoriser = Authoriser(Reviewer(check), sealer=sealer, pass_token=True)
        for token in ("poor", "bad"):
            headers = {"authorization": f"Bearer {token}"}
            assert "X-Checked-Token" not in ask(authoriser, "/oauth/check", headers)[1]


class TestConfiguration:
    """From the container's environment to nginx's file."""

    def environment(self, **changes):
        container = builders.build_auth_proxy_container(
            upstream_port=8888,
            review=REVIEW,
            tls_volume="tls",
            login=True,
            session_secret="notebook-oauth-config",
            open_paths=("/static/", "/v2/health"),
        )
        return {entry["name"]: entry["value"] for entry in container["env"]} | changes

    def test_container_and_configuration_agree(self):
        configuration = read_configuration(self.environment())
        assert configuration.upstream == "127.0.0.1:8888"
        assert configuration.review == REVIEW
        assert configuration.login
        text = build_nginx_configuration(configuration)
        assert "@" not in re.sub(r"@refused", "", text.replace("mnist@", ""))
        assert "location /static/ {" in text
        assert "location = /v2/health {" in text
        assert text.count("{") == text.count("}")
        assert "auth_request /oauth/check;" in text

    def test_token_reaches_only_a_server_that_acts_as_whoever_asks(self):
        given = "proxy_set_header X-Forwarded-Access-Token $checked_token;"
        emptied = "proxy_set_header X-Forwarded-Access-Token '';"
        usual = build_nginx_configuration(read_configuration(self.environment()))
        # Both open paths and the rest: a client's own header of that name gets nowhere.
        assert usual.count(emptied) == 3
        assert "checked_token" not in usual
        passing = self.environment(AUTH_PROXY_PASS_TOKEN="true")
        text = build_nginx_configuration(read_configuration(passing))
        assert text.count(given) == 1
        assert text.count(emptied) == 2
        assert "auth_request_set $checked_token $upstream_http_x_checked_token;" in text
        assert "@" not in re.sub(r"@refused", "", text.replace("mnist@", ""))
        assert text.count("{") == text.count("}")

    @pytest.mark.parametrize(
        "changes",
        [
            {"AUTH_PROXY_UPSTREAM": "127.0.0.1:80; evil"},
            {"AUTH_PROXY_OPEN_PATHS": '["/a { evil }"]'},
            {"AUTH_PROXY_REVIEW": "{}"},
        ],
    )
    def test_nothing_gets_into_nginx_unchecked(self, changes):
        with pytest.raises(ValueError, match=next(iter(changes))):
            read_configuration(self.environment(**changes))

    def test_login_without_a_secret_is_refused(self):
        with pytest.raises(ValueError, match="session secret"):
            builders.build_auth_proxy_container(
                upstream_port=1, review=REVIEW, tls_volume="tls", login=True
            )

    def test_mounts_have_their_volumes(self):
        container = builders.build_auth_proxy_container(
            upstream_port=1, review=REVIEW, tls_volume="tls", login=True, session_secret="s"
        )
        volumes = builders.build_auth_proxy_volumes(
            tls_volume="tls", tls_secret="x", session_secret="s"
        )
        assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in volumes}
        assert container["securityContext"]["readOnlyRootFilesystem"]
