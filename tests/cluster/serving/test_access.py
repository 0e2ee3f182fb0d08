"""Who may call a model, by which door, and what bad requests get through the proxy."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from serving_endpoint import Endpoint
from serving_project import Project

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.waiting import wait_for

pytestmark = pytest.mark.cluster
SIGNING_KEY = Path("/etc/kubernetes/pki/sa.key")


@pytest.fixture(scope="module")
def elsewhere(client: KubernetesClient) -> Iterator[Project]:
    """Another project, without models."""
    made = Project(client, f"serving-test-{secrets.token_hex(3)}")
    made.create(model_mesh=False)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def tokens(
    project: Project, elsewhere: Project, token: str, client: KubernetesClient
) -> dict[str, str | None]:
    """The callers: nobody, a guess, one whose time is over, one from elsewhere, the right one."""
    other = elsewhere.caller("visitor")
    return {
        "none": None,
        "garbage": "not-a-token",
        "expired": ended_token(project, client),
        "other namespace": other,
        "no rights": project.caller("powerless", role=None),
        "right": token,
    }


def ended_token(project: Project, client: KubernetesClient) -> str:
    """A token of this cluster that was good once.

    Where the cluster's signing key is at hand, one whose time is over; elsewhere the token of a
    service account that has been removed, since the API server makes none for under ten minutes.
    """
    token = project.caller("bygone")
    if SIGNING_KEY.exists():
        return resigned(token)
    client.delete("v1", "ServiceAccount", "bygone", project.namespace)
    time.sleep(1)
    return token


def resigned(token: str) -> str:
    """The same token, signed anew with an end an hour ago."""
    header, payload, _ = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    for claim in ("exp", "iat", "nbf"):
        claims[claim] -= 7200
    signed = f"{header}.{encode(json.dumps(claims).encode())}"
    return f"{signed}.{encode(sign(signed.encode()))}"


def sign(text: bytes) -> bytes:
    """A signature of the cluster's, as a JSON web token carries it."""
    private = serialization.load_pem_private_key(SIGNING_KEY.read_bytes(), None)
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(text, padding.PKCS1v15(), hashes.SHA256())
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    first, second = decode_dss_signature(private.sign(text, ec.ECDSA(hashes.SHA256())))
    return first.to_bytes(32, "big") + second.to_bytes(32, "big")


def encode(content: bytes) -> str:
    """Base64 as web tokens have it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


WITH_TOKEN = {
    "none": 401,
    "garbage": 401,
    "expired": 401,
    "other namespace": 403,
    "no rights": 403,
    "right": 200,
}


@pytest.mark.parametrize("caller", WITH_TOKEN)
def test_through_8443(
    proxy: Endpoint, mnist: str, tokens: dict[str, str | None], caller: str
) -> None:
    assert proxy.infer(mnist, token=tokens[caller])[0] == WITH_TOKEN[caller]


@pytest.mark.parametrize("caller", WITH_TOKEN)
def test_through_the_route(
    route: Callable[[str], Endpoint], mnist: str, tokens: dict[str, str | None], caller: str
) -> None:
    endpoint = route(mnist)
    wait_for(
        lambda: endpoint.infer(mnist, token=tokens["right"])[0] == 200,
        10,
        "the token opens the model",
    )
    assert endpoint.infer(mnist, token=tokens[caller])[0] == WITH_TOKEN[caller]


@pytest.mark.parametrize("caller", WITH_TOKEN)
def test_8008_asks_for_no_token_and_offers_no_more_than_models(
    plain: Endpoint, mnist: str, tokens: dict[str, str | None], caller: str
) -> None:
    """From this machine, which always reaches its pods; other pods do not, see below."""
    assert plain.infer(mnist, token=tokens[caller])[0] == 200
    path = f"/v2/repository/models/{mnist}/unload"
    assert plain.call("POST", path, {}, tokens[caller])[0] == 404


@pytest.mark.parametrize("caller", WITH_TOKEN)
def test_grpc_asks_for_no_token_and_offers_no_more_than_models(
    project: Project, mnist: str, tokens: dict[str, str | None], caller: str
) -> None:
    token = tokens[caller]
    metadata = [("authorization", f"Bearer {token}")] if token else []
    address = project.pods()[0]["status"]["podIP"]
    with grpc.insecure_channel(f"{address}:8033") as channel:

        def call(method: str, message: bytes) -> Any:
            stub = channel.unary_unary(f"/inference.GRPCInferenceService/{method}")
            return stub(message, metadata=metadata, timeout=10)

        # Field 1, the model's name, as protobuf writes it.
        name = b"\x0a" + bytes([len(mnist)]) + mnist.encode()
        assert call("ModelReady", name) == b"\x08\x01"
        with pytest.raises(grpc.RpcError) as refused:
            call("RepositoryModelUnload", b"\x12" + name[1:])
        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("where", "labels", "plain_ports"),
    [
        ("elsewhere", {}, False),
        ("elsewhere", {"opendatahub.io/workbenches": "true"}, False),
        ("here", {}, False),
        ("here", {"opendatahub.io/workbenches": "true"}, True),
    ],
)
def test_only_workbenches_reach_the_plain_ports(
    project: Project,
    elsewhere: Project,
    mnist: str,
    where: str,
    labels: dict[str, str],
    plain_ports: bool,
) -> None:
    caller = project if where == "here" else elsewhere
    address = project.pods()[0]["status"]["podIP"]
    assert caller.reach(address, [8443, 8008, 8033, 8090], labels) == {
        8443: True,
        8008: plain_ports,
        8033: plain_ports,
        8090: False,
    }


def test_health_is_open(proxy: Endpoint) -> None:
    assert proxy.call("GET", "/oauth/healthz")[0] == 200


def test_a_token_that_is_revoked_stops_working(
    project: Project, proxy: Endpoint, mnist: str, client: KubernetesClient
) -> None:
    token = project.caller("leaving")
    assert proxy.infer(mnist, token=token)[0] == 200
    client.delete("v1", "ServiceAccount", "leaving", project.namespace)
    wait_for(
        lambda: proxy.infer(mnist, token=token)[0] == 401, 62, "the token that ended is refused"
    )


BAD = {
    "malformed JSON": ("POST", "", b"{", 400),
    "missing fields": ("POST", "", {"inputs": [{"name": "input_1"}]}, 400),
    "unknown model": ("POST", "absent", None, 404),
    "unknown version": ("POST", "mnist/versions/9", None, 404),
    "wrong method": ("PUT", "", None, 405),
    "10 MiB": ("POST", "", b"[" + b" " * (10 * 1024 * 1024) + b"]", 413),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_get_their_answer_through_the_proxy(
    proxy: Endpoint, mnist: str, token: str, name: str
) -> None:
    method, model, body, expected = BAD[name]
    path = f"/v2/models/{model or mnist}/infer"
    if body is None:
        body = {"inputs": []}
    assert proxy.call(method, path, body, token)[0] == expected
    assert proxy.infer(mnist, token=token)[0] == 200


def test_a_thousand_connections_leave_room_for_one_more(
    project: Project, proxy: Endpoint, mnist: str, token: str
) -> None:
    address = project.pods()[0]["status"]["podIP"]
    idle: list[socket.socket] = []
    try:
        for _ in range(1000):
            idle.append(socket.create_connection((address, 8443), timeout=10))
        started = time.monotonic()
        assert proxy.infer(mnist, token=token)[0] == 200
        assert time.monotonic() - started < 2
    finally:
        for connection in idle:
            connection.close()


def test_a_slow_client_holds_up_nobody(
    project: Project, proxy: Endpoint, mnist: str, token: str, authority: str
) -> None:
    address = project.pods()[0]["status"]["podIP"]
    context = ssl.create_default_context(cadata=authority)
    host = f"modelmesh-serving.{project.namespace}.svc"
    with (
        socket.create_connection((address, 8443), timeout=30) as raw,
        context.wrap_socket(raw, server_hostname=host) as slow,
    ):
        head = (
            f"POST /v2/models/{mnist}/infer HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: 5000\r\n\r\n{{"
        )
        slow.sendall(head.encode())
        assert proxy.infer(mnist, token=token)[0] == 200
        assert slow.recv(20).startswith(b"HTTP/1.1 408")
