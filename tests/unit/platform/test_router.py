"""How the router follows the operators."""

from __future__ import annotations

import json
import threading

import pytest

from controllers.route.publisher import PATH, Publisher
from lab_ground import web
from router.__main__ import Fetcher, follow, write_rules

HOST = "localhost"


@pytest.fixture
def published(tmp_path):
    """A publisher over TLS, and where it is."""
    from controllers.serving_certificate.authority import create_authority

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
    publisher.publish({"http": 1})
    assert json.loads(fetcher.fetch()) == {"http": 1}
    assert fetcher.fetch() is None
    publisher.publish({"http": 2})
    assert json.loads(fetcher.fetch()) == {"http": 2}


def test_nobody_else_gets_the_rules(published):
    publisher, url, ca_file = published
    publisher.publish({"http": 1})
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

    def fetch():
        answer = answers.pop(0)
        if not answers:
            stop.set()
        if isinstance(answer, OSError):
            assert file.read_bytes() == b"one"
            raise answer
        return answer

    follow(fetch, file, 0.001, stop)
    assert file.read_bytes() == b"two"


def test_metrics_and_health():
    assert b"lab_reconcile" in web.metrics()[2]
    assert web.health(lambda: False)()[0] == 503
