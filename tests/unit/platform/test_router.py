"""How the router follows the operators."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

import controllers.route.watches  # noqa: F401 - registers what is counted
from controllers.route.publisher import PATH, Publisher
from lab_ground import web
from router.__main__ import Fetcher, Replacer, Trial, follow, write_rules
from router.rules import encode, marked

HOST = "localhost"


@pytest.fixture
def published(tmp_path):
    """A publisher over TLS, and where it is."""
    from controllers.serving_certificate.build.authority import create_authority

    authority = create_authority([HOST])
    publisher = Publisher()
    port = publisher.start(authority, [HOST], "the token", port=0)
    ca_file = tmp_path / "ca.crt"
    ca_file.write_text(authority.certificate)
    return publisher, f"https://{HOST}:{port}{PATH}", ca_file


def test_rules_arrive_once_and_changes_again(published):
    publisher, url, ca_file = published
    fetcher = Fetcher(url, "the token", ca_file)
    with pytest.raises(OSError, match="503"):
        fetcher.fetch()
    publisher.publish({"http": {"one": {}}})
    assert json.loads(fetcher.fetch()) == marked({"http": {"one": {}}})
    assert fetcher.fetch() is None
    publisher.publish({"http": {"two": {}}})
    assert json.loads(fetcher.fetch()) == marked({"http": {"two": {}}})


def test_nobody_else_gets_the_rules(published):
    publisher, url, ca_file = published
    publisher.publish({"http": {"one": {}}})
    with pytest.raises(OSError, match="401"):
        Fetcher(url, "another token", ca_file).fetch()


def test_operators_without_the_labs_certificate_are_not_believed(published, tmp_path, authority):
    _, url, _ = published
    other = tmp_path / "other.crt"
    other.write_text(authority.certificate)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        Fetcher(url, "the token", other).fetch()


def test_file_is_replaced_only_by_something_else(tmp_path):
    file = tmp_path / "rules.yml"
    assert write_rules(file, b"{}")
    assert not write_rules(file, b"{}")
    assert write_rules(file, b'{"http": {}}')
    assert [path.name for path in tmp_path.iterdir()] == ["rules.yml"]


def test_rules_stay_while_the_operators_are_away(tmp_path):
    file, stop = tmp_path / "rules.yml", threading.Event()
    answers = [b"one", OSError("away"), OSError("away"), b"two"]

    def fetch(_):
        answer = answers.pop(0)
        if not answers:
            stop.set()
        if isinstance(answer, OSError):
            assert file.read_bytes() == b"one"
            raise answer
        return answer

    follow(fetch, Replacer(file, lambda _: True), 0.001, stop)
    assert file.read_bytes() == b"two"


def test_metrics_and_health():
    assert b"lab_reconcile" in web.metrics()[2]
    assert web.health(lambda: False)()[0] == 503


class Control(BaseHTTPRequestHandler):
    """Traefik's API, as far as it is asked: the middlewares that it works by."""

    known: ClassVar[set[str]] = set()

    def do_GET(self):
        found = self.path.rpartition("/")[2].removesuffix("@file") in self.known
        self.send_response(200 if found else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def control():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Control)
    Control.known = set()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def rules(text):
    return encode(marked({"http": {"routers": {text: {}}}}))


def test_rules_that_traefik_takes_stay(tmp_path, control):
    file = tmp_path / "rules.yml"
    file.write_bytes(rules("one"))
    Control.known = {json.loads(rules("two"))["http"]["middlewares"].popitem()[0]}
    assert Replacer(file, Trial(control, 1).taken).replace(rules("two"))
    assert file.read_bytes() == rules("two")


def test_rules_that_traefik_does_not_take_are_taken_back(tmp_path, control):
    file = tmp_path / "rules.yml"
    file.write_bytes(rules("one"))
    assert not Replacer(file, Trial(control, 0.2).taken).replace(rules("two"))
    assert file.read_bytes() == rules("one")


def test_the_first_rules_stay_while_traefik_starts(tmp_path):
    file = tmp_path / "rules.yml"
    assert Replacer(file, Trial("http://127.0.0.1:9", 0.1).taken).replace(rules("one"))
    assert file.read_bytes() == rules("one")


def test_the_operators_hear_what_is_left_out(published):
    publisher, url, ca_file = published
    told = []
    publisher.changed = lambda: told.append(publisher.left_out)
    publisher.publish({"http": {"one": {}}})
    fetcher = Fetcher(url, "the token", ca_file)
    for left_out in ({"mnist_page", "other_x"}, {"mnist_page", "other_x"}, set()):
        fetcher.fetch(left_out)
    assert told == [{("mnist", "page"), ("other", "x")}, frozenset()]


def test_other_rules_have_another_mark():
    assert (
        json.loads(rules("one"))["http"]["middlewares"]
        != json.loads(rules("two"))["http"]["middlewares"]
    )
    assert rules("one") == rules("one")
