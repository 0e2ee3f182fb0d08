"""Routes on the cluster."""

from __future__ import annotations

import pytest
from platform_cluster import DOMAIN, answered, condition, kill_operators, wait_for

from controllers.route.reconcile import ROUTE
from lab_ground.kubernetes.errors import ApiError, InvalidError

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("servers")]


@pytest.fixture
def make(client, project):
    """Makes Routes and takes them away again."""
    made = []

    def build(name, *, namespace=project, to="one", annotations=None, **spec):
        manifest = {
            "apiVersion": ROUTE[0],
            "kind": ROUTE[1],
            "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
            "spec": {"to": {"kind": "Service", "name": to}, "port": {"targetPort": "web"}, **spec},
        }
        made.append((name, namespace))
        return client.create(manifest)

    yield build
    for name, namespace in made:
        client.delete(*ROUTE, name, namespace)


def admitted(client, name, namespace):
    route = client.get(*ROUTE, name, namespace)
    return route["status"]["ingress"][0]


def test_edge_route_answers(make, browser, project, client):
    make("edge", tls={"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"})
    host = f"edge-{project}.{DOMAIN}"
    wait_for(lambda: answered(browser, host), 10, "an answer", pause=0.02)
    answer = browser.ask(host, "/path?x=1").json()
    assert answer["name"] == "one"
    assert answer["path"] == "/path?x=1"
    assert answer["headers"]["X-Forwarded-Proto"] == "https"
    insecure = browser.ask(host, "/path", tls=False)
    assert insecure.status in (301, 302, 307, 308)
    assert insecure.headers["Location"] == f"https://{host}/path"
    wait_for(lambda: admitted(client, "edge", project), 5, "a status")
    entry = admitted(client, "edge", project)
    assert entry["host"] == host
    assert entry["routerName"] == "default"
    assert condition({"status": entry}, "Admitted")["status"] == "True"


def test_plain_route_answers_on_http_alone(make, browser, project):
    make("plain")
    host = f"plain-{project}.{DOMAIN}"
    wait_for(lambda: answered(browser, host, tls=False), 5, "an answer")
    assert browser.ask(host).status == 503


def test_allow_answers_on_both(make, browser, project):
    make("both", tls={"termination": "edge", "insecureEdgeTerminationPolicy": "Allow"})
    host = f"both-{project}.{DOMAIN}"
    wait_for(lambda: answered(browser, host), 5, "an answer")
    assert browser.ask(host, tls=False).status == 200


def test_reencrypt_reaches_a_server_of_the_labs_authority(make, browser, project):
    make("sealed", to="safe", tls={"termination": "reencrypt"})
    host = f"sealed-{project}.{DOMAIN}"
    wait_for(lambda: answered(browser, host), 5, "an answer")
    assert answered(browser, host).json()["name"] == "safe"


def test_reencrypt_does_not_believe_a_server_of_another_authority(
    make, browser, project, authority
):
    from controllers.serving_certificate.build.authority import create_authority

    other = create_authority(["svc"]).certificate
    tls = {"termination": "reencrypt", "destinationCACertificate": other}
    make("doubted", to="safe", tls=tls)
    host = f"doubted-{project}.{DOMAIN}"
    wait_for(lambda: browser.ask(host).status == 500, 5, "a refusal")


def test_passthrough_shows_the_servers_own_certificate(make, client, browser, project, authority):
    """The server's own certificate is for its Service, so that name is the Route's here."""
    host = f"safe.{project}.svc"
    make("through", to="safe", host=host, tls={"termination": "passthrough"})
    wait_for(lambda: answered(browser, host), 5, "an answer")
    assert "X-Forwarded-Proto" not in browser.ask(host).json()["headers"]


def test_paths_of_one_host(make, browser, project):
    host = f"paths-{project}.{DOMAIN}"
    make("whole", host=host, tls={"termination": "edge"})
    make("part", host=host, to="two", path="/part", tls={"termination": "edge"})

    def names():
        return [answered(browser, host, path).json()["name"] for path in ("/", "/part/x", "/party")]

    wait_for(lambda: names() == ["one", "two", "one"], 5, "the paths' own servers")


def test_openshifts_annotations_are_followed(make, client, browser, project):
    prefix = "haproxy.router.openshift.io"
    annotations = {
        f"{prefix}/rewrite-target": "/new",
        f"{prefix}/hsts_header": "max-age=60;includeSubDomains",
        f"{prefix}/timeout": "30s",
        f"{prefix}/unheard-of": "kept",
    }
    make("told", path="/old", annotations=annotations, tls={"termination": "edge"})
    host = f"told-{project}.{DOMAIN}"
    answer = wait_for(lambda: answered(browser, host, "/old/x"), 5, "an answer")
    assert answer.json()["path"] == "/new/x"
    assert answer.headers["Strict-Transport-Security"] == "max-age=60; includeSubDomains"
    assert client.get(*ROUTE, "told", project)["metadata"]["annotations"] == annotations | {
        "openshift.io/host.generated": "true"
    }
    narrowed = {"metadata": {"annotations": {f"{prefix}/ip_allowlist": "192.0.2.1"}}}
    client.patch(*ROUTE, "told", narrowed, project)
    wait_for(lambda: browser.ask(host, "/old/x").status == 403, 5, "a refusal")


def test_host_of_another_namespace_is_refused_until_it_is_free(
    make, client, browser, project, other_project
):
    # It ends in no namespace, so that it is whose Route came first.
    host = f"wanted-{project}x.{DOMAIN}"
    make("first", host=host, tls={"termination": "edge"})
    wait_for(lambda: answered(browser, host), 5, "an answer")
    make("second", namespace=other_project, host=host, tls={"termination": "edge"})
    entry = wait_for(lambda: admitted(client, "second", other_project), 5, "a status")
    found = condition({"status": entry}, "Admitted")
    assert (found["status"], found["reason"]) == ("False", "HostAlreadyClaimed")
    assert answered(browser, host).json()["name"] == "one"
    client.delete(*ROUTE, "first", project)
    wait_for(
        lambda: (
            condition({"status": admitted(client, "second", other_project)}, "Admitted")["status"]
            == "True"
        ),
        5,
        "the second is admitted",
    )


def test_change_and_delete_are_followed(make, client, browser, project):
    make("moving", tls={"termination": "edge"})
    host = f"moving-{project}.{DOMAIN}"
    wait_for(lambda: answered(browser, host).json()["name"] == "one", 5, "the first server")
    client.patch(*ROUTE, "moving", {"spec": {"to": {"name": "two"}}}, project)
    wait_for(lambda: answered(browser, host).json()["name"] == "two", 5, "the second server")
    client.delete(*ROUTE, "moving", project)
    wait_for(lambda: browser.ask(host).status == 503, 5, "nothing there")


def test_large_upload_passes(make, browser, project):
    make("upload", tls={"termination": "edge"})
    host = f"upload-{project}.{DOMAIN}"
    wait_for(lambda: answered(browser, host), 5, "an answer")
    answer = browser.ask(host, method="POST", body=b"x" * 20_000_000)
    assert answer.json()["received"] == 20_000_000


@pytest.mark.parametrize(
    "spec",
    [
        {"host": 7},
        {"host": "not a host"},
        {"subdomain": "my_app"},
        {"subdomain": "x`) || !host(`y", "path": "/oauth/login"},
        {"tls": {"termination": "sideways"}},
        {"tls": {"termination": "edge", "insecureEdgeTerminationPolicy": "Maybe"}},
        {"tls": {"termination": "passthrough"}, "path": "/a"},
        {"to": {"kind": "Service"}},
        {"path": "no-slash"},
    ],
    ids=lambda spec: str(spec)[:40],
)
def test_wrong_route_is_refused_at_the_door(make, spec):
    with pytest.raises((InvalidError, ApiError)) as refused:
        make("wrong", **spec)
    assert refused.value.status in (400, 422)


def test_a_route_without_a_possible_host_is_told_so_and_harms_no_other(
    make, client, browser, project
):
    """With 71 characters and its namespace the generated label is longer than a host's may be."""
    long = "l" * 71
    make(long, tls={"termination": "edge"})
    make("beside", tls={"termination": "edge"})
    wait_for(lambda: answered(browser, f"beside-{project}.{DOMAIN}"), 5, "an answer")
    wait_for(lambda: admitted(client, "beside", project), 5, "the other's status")
    found = condition({"status": admitted(client, long, project)}, "Admitted")
    assert (found["status"], found["reason"]) == ("False", "ExtendedValidationFailed")
    assert found["message"].startswith("metadata.name")


def test_upstreams_other_fields_are_kept(make, client, project):
    make("kept", httpHeaders={"actions": {"response": []}})
    assert "httpHeaders" in client.get(*ROUTE, "kept", project)["spec"]


def test_killed_controller_disturbs_nothing_and_catches_up(make, client, browser, project):
    make("before", tls={"termination": "edge"})
    steady = f"before-{project}.{DOMAIN}"
    wait_for(lambda: answered(browser, steady), 5, "an answer")
    for number in range(5):
        make(f"half-{number}", tls={"termination": "edge"})
        if number == 2:
            kill_operators(client)
    client.delete(*ROUTE, "half-0", project)
    hosts = [f"half-{number}-{project}.{DOMAIN}" for number in range(1, 5)]

    def caught_up():
        assert browser.ask(steady).status == 200, "a running Route was disturbed"
        return all(browser.ask(host).status == 200 for host in hosts)

    wait_for(caught_up, 90, "the controllers have caught up", pause=0.2)
    wait_for(lambda: browser.ask(f"half-0-{project}.{DOMAIN}").status == 503, 90, "it is gone")


def test_pods_find_the_routes_hosts(make, client, browser, project):
    """Asked of CoreDNS itself, from here: the node reaches the cluster's addresses."""
    import socket
    import struct

    router = client.get("v1", "Service", "lab-router", "lab-router")["spec"]["clusterIP"]
    server = client.get("v1", "Service", "kube-dns", "kube-system")["spec"]["clusterIP"]
    name = f"any-{project}.{DOMAIN}"
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    question = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(question, (server, 53))
        reply = sock.recv(4096)
    assert socket.inet_aton(router) in reply
