"""What a Route's annotations ask for, and that Traefik itself does it."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import route_rules
from platform_manifests import route, service
from ports import free_port
from started import wait_until_up

from controllers.route.build.annotations import PREFIX, read_options
from router.rules import encode

DOMAIN = "apps.mnist-lab.localhost"
EDGE = {"termination": "edge"}


def annotated(name="page", *, tls=None, path="", host="", **annotations):
    spec = {key: value for key, value in (("tls", tls), ("path", path), ("host", host)) if value}
    one = route(name, to="page", **spec)
    one["metadata"]["annotations"] = {
        PREFIX + key.replace("rewrite_target", "rewrite-target"): value
        for key, value in annotations.items()
    }
    return one


def configure(*routes, services=None):
    return route_rules.configure(routes, DOMAIN, services or [service("page")])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5.0),
        ("250ms", 0.25),
        ("3m", 180.0),
        ("1d", 86400.0),
        ("1500us", 0.0015),
        ("2000", 2.0),
        ("0s", None),
        ("-1s", None),
        ("soon", None),
        ("", None),
    ],
)
def test_timeout(text, seconds):
    assert read_options(annotated(timeout=text)).timeout == pytest.approx(seconds)


def test_a_routes_timeout_is_its_own():
    rules = configure(
        annotated("slow", timeout="5m", tls={"termination": "reencrypt"}),
        annotated("usual", tls={"termination": "reencrypt"}),
    )["http"]
    transports = {
        name: rules["services"][f"mnist_{name}"]["loadBalancer"]["serversTransport"]
        for name in ("slow", "usual")
    }
    slow = rules["serversTransports"][transports["slow"]]
    assert slow["forwardingTimeouts"] == {"responseHeaderTimeout": "300000ms"}
    assert slow["serverName"] == "page.mnist.svc"
    assert "forwardingTimeouts" not in rules["serversTransports"][transports["usual"]]


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("10.0.0.7", ["10.0.0.7/32"]),
        ("10.0.0.0/8  2001:db8::/32", ["10.0.0.0/8", "2001:db8::/32"]),
        ("10.0.0.7 nonsense", ["10.0.0.7/32"]),
        ("10.0.0.7,10.0.0.8", ["255.255.255.255/32"]),
    ],
)
def test_allowed_addresses_and_that_a_broken_list_opens_nothing(text, allowed):
    for name in ("ip_allowlist", "ip_whitelist"):
        rules = configure(annotated(**{name: text}))["http"]
        [middleware] = rules["routers"]["mnist_page"]["middlewares"]
        assert rules["middlewares"][middleware] == {"ipAllowList": {"sourceRange": allowed}}


def test_allowed_addresses_of_a_passthrough_route():
    one = annotated(ip_allowlist="10.0.0.7", tls={"termination": "passthrough"})
    rules = configure(one)["tcp"]
    [middleware] = rules["routers"]["mnist_page"]["middlewares"]
    assert rules["middlewares"][middleware]["ipAllowList"]["sourceRange"] == ["10.0.0.7/32"]


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        (
            "max-age=31536000;includeSubDomains;preload",
            {"stsSeconds": 31536000, "stsIncludeSubdomains": True, "stsPreload": True},
        ),
        ("max-age=60", {"stsSeconds": 60, "stsIncludeSubdomains": False, "stsPreload": False}),
        ("max-age=0", {"customResponseHeaders": {"Strict-Transport-Security": "max-age=0"}}),
        ("includeSubDomains", None),
    ],
)
def test_strict_transport(text, headers):
    rules = configure(annotated(hsts_header=text, tls=EDGE))["http"]
    assert rules.get("middlewares", {}).get("mnist_page_hsts", {}).get("headers") == headers
    plain = configure(annotated(hsts_header=text))["http"]
    assert "mnist_page_hsts" not in plain["middlewares"]


@pytest.mark.parametrize(
    ("balance", "strategy"),
    [("roundrobin", "wrr"), ("leastconn", "p2c"), ("source", "hrw"), ("best", None)],
)
def test_balance(balance, strategy):
    balancer = configure(annotated(balance=balance))["http"]["services"]["mnist_page"]
    assert balancer["loadBalancer"].get("strategy") == strategy


def test_unknown_annotations_change_nothing():
    plain = configure(annotated())
    others = annotated(disable_cookies="true", rate_limit_connections="true", unheard_of="1")
    assert configure(others) == plain


# -- Traefik itself ----------------------------------------------------------------------------


class Echo(BaseHTTPRequestHandler):
    """Says the path that it was asked for; ``/slow`` takes a while."""

    def do_GET(self):
        if self.path.startswith("/slow"):
            time.sleep(1.0)
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def traefik(tmp_path_factory):
    """The router's own program with some Routes; returns a function that asks it."""
    folder = tmp_path_factory.mktemp("traefik")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    backend = service("page", port=server.server_address[1], cluster_ip="127.0.0.1")
    rules = configure(
        annotated("root", host="root.test", path="/foo", rewrite_target="/"),
        annotated("part", host="part.test", path="/foo", rewrite_target="/bar"),
        annotated("dots", host="dots.test", path="/a.b", rewrite_target="/$x/"),
        annotated("braces", host="braces.test", rewrite_target="/{{ env `HOME` }}"),
        annotated("quick", host="quick.test", timeout="200ms"),
        annotated("local", host="local.test", ip_allowlist="127.0.0.0/8"),
        annotated("far", host="far.test", ip_whitelist="192.0.2.0/24"),
        *(
            annotated(name, host=f"{name}.test", balance=name)
            for name in ("roundrobin", "leastconn", "source", "random")
        ),
        services=[backend],
    )
    del rules["tls"]
    (folder / "rules.yml").write_bytes(encode(rules))
    port = free_port()
    program = Path(sys.executable).with_name("traefik")
    process = subprocess.Popen(
        [
            program,
            f"--entryPoints.web.address=127.0.0.1:{port}",
            "--entryPoints.websecure.address=127.0.0.1:0",
            f"--providers.file.directory={folder}",
            "--global.checkNewVersion=false",
            "--global.sendAnonymousUsage=false",
        ],
        stdout=(folder / "log").open("w"),
        stderr=subprocess.STDOUT,
    )

    def ask(host, path="/"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    try:
        wait_until_up(process, lambda: ask("local.test")[0] == 200, 15, folder / "log")
        yield ask
    finally:
        process.terminate()
        process.wait(10)
        server.shutdown()


@pytest.mark.parametrize(
    ("host", "path", "seen"),
    [
        ("root.test", "/foo", "/"),
        ("root.test", "/foo/", "/"),
        ("root.test", "/foo/bar", "/bar"),
        ("root.test", "/foo/bar/", "/bar/"),
        ("root.test", "/foo/bar?x=1", "/bar?x=1"),
        ("part.test", "/foo", "/bar"),
        ("part.test", "/foo/", "/bar/"),
        ("part.test", "/foo/baz", "/bar/baz"),
        ("dots.test", "/a.b/c", "/$x/c"),
        ("braces.test", "/x", "/%7B%7B%20env%20%60HOME%60%20%7D%7D/x"),
    ],
)
def test_the_path_is_rewritten_as_openshift_does(traefik, host, path, seen):
    assert traefik(host, path) == (200, seen)


def test_a_slow_server_is_given_up(traefik):
    assert traefik("quick.test", "/fast") == (200, "/fast")
    assert traefik("quick.test", "/slow")[0] == 504
    assert traefik("local.test", "/slow")[0] == 200


def test_only_allowed_addresses_come_through(traefik):
    assert traefik("local.test")[0] == 200
    assert traefik("far.test")[0] == 403


@pytest.mark.parametrize("name", ["roundrobin", "leastconn", "source", "random"])
def test_every_strategy_is_known_to_traefik(traefik, name):
    assert traefik(f"{name}.test")[0] == 200
