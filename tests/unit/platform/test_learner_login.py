"""The login service: the right password gets a token, guessing gets slower, no secret is logged."""

from __future__ import annotations

import json
import logging
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from learners import PASSWORD, Client

from auth_proxy import container
from auth_proxy.configuration import read_configuration
from auth_proxy.login_service import LoginService
from auth_proxy.reviews import ReviewError
from lab_ground import web
from lab_ground.settings import read_settings
from lab_ground.web import build_server
from learner_login.accounts import Accounts
from learner_login.service import Service
from learner_login.serving import build_handler
from learner_login.tries import FREE, LONGEST_SECONDS, MOST, Tries


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(client: Client, clock: Clock) -> Service:
    return Service(Accounts(client, "lab-platform", clock), Tries(clock))


def login(service: Service, user: str, password: str, address: str = "10.0.0.7"):
    return service.answer("/login", {"user": user, "password": password, "address": address})


def test_the_right_password_gets_the_accounts_token(service: Service) -> None:
    assert login(service, "ada", PASSWORD) == (200, {"token": "token-of-ada", "expires": 28800})


@pytest.mark.parametrize(("user", "password"), [
    ("ada", "wrong"), ("nobody", PASSWORD), ("odd", PASSWORD), ("", ""), ("Ada ", PASSWORD),
    ("../x", PASSWORD), ("ada", ""),
])  # fmt: skip
def test_anything_else_gets_one_answer(service: Service, user: str, password: str) -> None:
    status, told = login(service, user, password)
    assert (status, told) == (
        401,
        {"message": "This user and this password do not belong together."},
    )


def test_a_removed_account_is_told_so(service: Service) -> None:
    status, told = login(service, "gone", PASSWORD)
    assert status == 401
    assert "ask your instructor" in told["message"]


def test_guessing_is_slowed_and_the_right_password_waits_too(
    service: Service, clock: Clock
) -> None:
    for _ in range(FREE["user"]):
        assert login(service, "ada", "wrong")[0] == 401
    status, told = login(service, "ada", PASSWORD)
    assert (status, told["seconds"]) == (429, 1)
    clock.now += 1.01
    assert login(service, "ada", "wrong")[0] == 401
    assert login(service, "ada", PASSWORD)[1]["seconds"] == 2
    clock.now += 2.01
    assert login(service, "ada", PASSWORD)[0] == 200
    assert login(service, "ada", "wrong")[0] == 401, "a right one forgets the wrong ones"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.floats(0, 120)),
       max_size=80))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_nobody_waits_longer_than_a_minute_and_others_wait_for_nobody(
    steps: list[tuple[str, str, float]],
) -> None:
    clock = Clock()
    tries = Tries(clock)
    for user, address, seconds in steps:
        clock.now += seconds
        assert 0 <= tries.wait(user, address) <= LONGEST_SECONDS
        tries.failed(user, address)
        assert tries.wait("another", "z") == 0
    clock.now += LONGEST_SECONDS
    assert tries.wait("a", "x") == 0


def test_made_up_names_do_not_fill_the_memory() -> None:
    tries = Tries()
    for number in range(MOST):
        tries.failed(f"user{number}", f"10.0.{number // 250}.{number % 250}")
    assert len(tries._known) <= MOST


def test_a_password_is_changed_by_who_knows_it(service: Service, client: Client) -> None:
    words = {"user": "ada", "password": PASSWORD, "new": "correct horse", "address": "10.0.0.7"}
    assert service.answer("/password", {**words, "password": "wrong"})[0] == 401
    status, told = service.answer("/password", {**words, "new": "short"})
    assert (status, "10 to 256 signs" in told["message"]) == (400, True)
    assert service.answer("/password", words)[0] == 200
    assert login(service, "ada", PASSWORD)[0] == 401
    assert login(service, "ada", "correct horse")[0] == 200
    assert "correct" not in json.dumps(client.data)


def test_the_log_has_who_and_where_and_no_secret(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    login(service, "ada", PASSWORD)
    login(service, "ada", "a-wrong-secret")
    login(service, "My Password 1", "x")
    assert "ada signed in from 10.0.0.7" in caplog.text
    assert "ada from 10.0.0.7 gave a wrong password" in caplog.text
    assert "somebody without a user's name" in caplog.text
    for secret in (PASSWORD, "a-wrong-secret", "My Password", "token-of", "argon2"):
        assert secret not in caplog.text


def test_a_cluster_that_is_away_is_said_and_counts_as_no_failure(
    service: Service, client: Client
) -> None:
    client.away = True
    for _ in range(10):
        assert login(service, "ada", PASSWORD)[0] == 503
    client.away = False
    assert login(service, "ada", PASSWORD)[0] == 200


@pytest.mark.parametrize("content", [None, [], {}, {"user": 1, "password": "x"}, "x"])
def test_what_is_no_question_is_refused(service: Service, content: object) -> None:
    assert service.answer("/login", content)[0] == 400
    assert service.answer("/elsewhere", content)[0] == 404


def test_thirty_sign_in_at_once_over_http(service: Service) -> None:
    server = build_server(0, build_handler(service), None)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def sign_in(number: int) -> int:
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=30)
        body = json.dumps({"user": "ada", "password": PASSWORD, "address": f"10.0.0.{number}"})
        connection.request("POST", "/login", body)
        return connection.getresponse().status

    try:
        with ThreadPoolExecutor(30) as pool:
            assert list(pool.map(sign_in, range(30))) == [200] * 30
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        connection.request("POST", "/login", b"x" * 60000)
        assert connection.getresponse().status == 413
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        connection.request("GET", "/metrics")
        assert connection.getresponse().status == 404, "the counts are the platform's"
        assert b'lab_login_tries_total{outcome="right"}' in web.metrics()[2]
    finally:
        server.shutdown()
        server.server_close()


# --- the door's container ---


def test_a_door_is_told_the_service_and_trusts_the_projects_authority(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = read_settings({"LAB_LOGIN_URL": "https://lab-login.lab-platform.svc:8443"})
    monkeypatch.setattr(container, "get_settings", lambda: told)
    review = {"verb": "get", "resource": "notebooks", "namespace": "mnist"}
    built = container.build_auth_proxy_container(
        upstream_port=8888, review=review, tls_volume="tls", login=True, session_secret="s"
    )
    volumes = container.build_auth_proxy_volumes(
        tls_volume="tls", tls_secret="t", session_secret="s"
    )
    assert {mount["name"] for mount in built["volumeMounts"]} == {each["name"] for each in volumes}
    environment = {each["name"]: each["value"] for each in built["env"]}
    read = read_configuration(environment)
    assert read.login_service == told.login_url
    assert read.sign_in == "https://login-lab-platform.apps.mnist-lab.localhost"
    maps = {each["configMap"]["name"]: each["configMap"] for each in volumes if "configMap" in each}
    bundle = maps["odh-trusted-ca-bundle"]
    assert bundle["optional"]
    assert str(read.authority) == f"{container.AUTHORITY_DIRECTORY}/{bundle['items'][0]['path']}"


def test_a_service_that_is_away_or_is_not_ours_is_said(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    for text in ("", "-----BEGIN CERTIFICATE-----\nnonsense\n"):
        authority.write_text(text)
        with pytest.raises(ReviewError):
            LoginService("https://127.0.0.1:1", authority)("/login", {})
    with pytest.raises(ReviewError):
        LoginService("https://127.0.0.1:1", tmp_path / "none")("/login", {})


@pytest.mark.parametrize("url", ["http://login:8443", "https://", "https://a b", "login"])
def test_a_service_without_tls_is_refused(url: str) -> None:
    environment = {
        "AUTH_PROXY_REVIEW": json.dumps({"verb": "get", "resource": "r", "namespace": "n"}),
        "AUTH_PROXY_LOGIN": "true",
        "AUTH_PROXY_SESSION_FILE": "/x",
        "AUTH_PROXY_UPSTREAM": "127.0.0.1:1",
        "AUTH_PROXY_LOGIN_SERVICE": url,
        "AUTH_PROXY_TLS_DIRECTORY": "/x",
        "AUTH_PROXY_WORK_DIRECTORY": "/x",
    }
    with pytest.raises(ValueError, match="AUTH_PROXY_LOGIN_SERVICE"):
        read_configuration(environment)


def test_over_tls_only_the_service_of_the_projects_authority_is_asked(
    service: Service, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lab-login")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, today, today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "tls.crt").write_bytes(certificate.public_bytes(pem))
    (tmp_path / "tls.key").write_bytes(key.private_bytes(pem, *plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    server = build_server(0, build_handler(service), context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    words = {"user": "ada", "password": PASSWORD, "address": "10.0.0.7"}
    try:
        url = f"https://localhost:{server.server_port}"
        ask = LoginService(url, tmp_path / "tls.crt")
        assert ask("/login", words)[1]["token"] == "token-of-ada"
        # Over the kept connection too, and over a new one where that has ended.
        assert ask("/login", {**words, "password": "wrong"})[0] == 401
        ask._local.kept[1].sock.close()
        assert ask("/login", words)[0] == 200
        foreign = Path(
            ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
        )
        with pytest.raises(ReviewError, match="does not answer"):
            LoginService(url, foreign)("/login", words)
    finally:
        server.shutdown()
        server.server_close()
