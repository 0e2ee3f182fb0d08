"""Notebooks on the cluster: a small server in JupyterLab's place, so that only ours is measured."""

from __future__ import annotations

import functools
import re
from urllib.parse import quote, urlsplit

import pytest
from cluster_accounts import account, binding, token_of
from platform_cluster import (
    DOMAIN,
    SERVER,
    condition,
    container,
    is_ready,
    kill_operators,
    wait_for,
)

from auth_proxy.session import COOKIE, create_login_link
from controllers.notebook.reconcile import NOTEBOOK
from lab_ground.kubernetes.errors import ApiError

pytestmark = pytest.mark.cluster

HTML = {"Accept": "text/html"}


def manifest(name, project, **changes):
    one = container(name, command=["python3", "-c", SERVER.replace("8080", "8888")])
    one |= {"name": name, "ports": [{"name": "notebook-port", "containerPort": 8888}]}
    one["readinessProbe"] = {"tcpSocket": {"port": 8888}, "periodSeconds": 1}
    one |= changes
    return {
        "apiVersion": NOTEBOOK[0],
        "kind": NOTEBOOK[1],
        "metadata": {
            "name": name,
            "namespace": project,
            "annotations": {"notebooks.opendatahub.io/inject-oauth": "true"},
        },
        "spec": {
            "template": {
                "spec": {
                    "serviceAccountName": name,
                    "terminationGracePeriodSeconds": 1,
                    "containers": [one],
                }
            }
        },
    }


def ready(client, name, project):
    return condition(client.get(*NOTEBOOK, name, project), "Ready")


@pytest.fixture(scope="module")
def notebook(client, project):
    """A Notebook that runs."""
    wait_for(
        lambda: client.get("v1", "ConfigMap", "odh-trusted-ca-bundle", project), 10, "the project"
    )
    client.create(manifest("bench", project))
    wait_for(lambda: is_ready(client, "Notebook", "bench", project), 60, "the Notebook is ready")
    return "bench"


@pytest.fixture(scope="module")
def tokens(client, project):
    """Tokens of a learner who may get the Notebook, and of a viewer and a stranger who may not."""
    for name in ("learner", "viewer", "stranger"):
        client.create(account(name, project))
    client.create(binding("learner", project, role="edit"))
    client.create(binding("viewer", project, role="view"))
    return functools.partial(token_of, client, project)


@pytest.fixture
def host(notebook, project):
    return f"bench-{project}.{DOMAIN}"


def test_everything_has_its_upstream_name(client, project, notebook):
    for api, kind, name in (
        ("apps/v1", "StatefulSet", "bench"),
        ("v1", "Service", "bench"),
        ("v1", "Service", "bench-tls"),
        ("v1", "ServiceAccount", "bench"),
        ("v1", "Secret", "bench-oauth-config"),
        ("v1", "Secret", "bench-tls"),
        ("route.openshift.io/v1", "Route", "bench"),
        ("networking.k8s.io/v1", "NetworkPolicy", "bench-ctrl-np"),
        ("networking.k8s.io/v1", "NetworkPolicy", "bench-oauth-np"),
    ):
        assert client.get(api, kind, name, project), f"{kind} {name} is missing"
    service = client.get("v1", "Service", "bench", project)["spec"]["ports"][0]
    assert (service["name"], service["port"], service["targetPort"]) == ("http-bench", 80, 8888)


class TestSignIn:
    """The proxy in front of it."""

    def test_browser_without_a_session_gets_the_page(self, browser, host):
        wait_for(lambda: browser.ask(host, headers=HTML).status == 302, 10, "a redirect")
        answer = browser.ask(host, "/lab?x=1", headers=HTML)
        assert answer.headers["Location"] == "/oauth/login?rd=%2Flab%3Fx%3D1"
        way = browser.ask(host, answer.headers["Location"])
        assert way.status == 303
        login = urlsplit(way.headers["Location"])
        assert login.netloc.startswith("login-lab-platform.")
        page = browser.ask(login.netloc, f"{login.path}?{login.query}")
        assert page.status == 200
        assert b'name="password"' in page.body
        assert b'name="token"' in page.body

    def test_programs_are_sent_to_the_login_too_and_no_bearer_is_looked_at(
        self, browser, host, tokens
    ):
        """oauth-proxy's oauthproxy.go, of a proxy without delegate URLs."""
        for headers in ({}, {"Authorization": f"Bearer {tokens('learner')}"}):
            answer = browser.ask(host, "/api", headers=headers)
            assert answer.status == 302
            assert answer.headers["Location"] == "/oauth/login?rd=%2Fapi"

    def sign_in(self, browser, host, token, target="/lab"):
        body = f"token={quote(token)}&rd={quote(target, safe='')}".encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return browser.ask(host, "/oauth/login", method="POST", body=body, headers=headers)

    @pytest.mark.parametrize(("who", "status"), [("stranger", 403), ("viewer", 403), (None, 401)])
    def test_wrong_and_unfit_tokens_get_their_pages(self, browser, host, tokens, who, status):
        answer = self.sign_in(browser, host, tokens(who) if who else "not-a-token")
        assert answer.status == status
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "Set-Cookie" not in answer.headers

    def test_right_token_begins_a_session_and_the_server_does_not_see_it(
        self, browser, host, tokens
    ):
        answer = self.sign_in(browser, host, tokens("learner"), "/lab?x=1")
        assert (answer.status, answer.headers["Location"]) == (303, "/lab?x=1")
        cookie = re.match(r"[^;]+", answer.headers["Set-Cookie"]).group()
        assert cookie.startswith(f"{COOKIE}=")
        inside = browser.ask(host, "/lab", headers={"Cookie": f"mine=1; {cookie}"}).json()
        assert inside["headers"]["Cookie"] == "mine=1"
        assert "Authorization" not in inside["headers"]
        assert inside["headers"]["X-Forwarded-User"].endswith(":learner")

    def test_foreign_redirect_is_not_followed(self, browser, host, tokens):
        for target in ("//evil.test", "https://evil.test/", "/\\evil.test"):
            answer = self.sign_in(browser, host, tokens("learner"), target)
            assert answer.headers["Location"] == "/"

    def test_link_signs_in_once(self, client, browser, host, tokens, project):
        import base64

        secret = client.get("v1", "Secret", "bench-oauth-config", project)
        key = base64.b64decode(secret["data"]["cookie_secret"])
        link = create_login_link(f"https://{host}", key, tokens("learner"))
        path = link.removeprefix(f"https://{host}")
        assert browser.ask(host, path).status == 303
        assert browser.ask(host, path).status == 401

    def test_revoked_token_stops_within_a_minute(self, client, browser, host, project, tokens):
        client.create(account("passing", project))
        client.create(binding("passing", project, role="edit"))
        token = tokens("passing")
        session = wait_for(lambda: browser.sign_in(host, token), 15, "it is let in")
        assert browser.ask(host, headers=session).status == 200
        client.delete("v1", "ServiceAccount", "passing", project)
        wait_for(
            lambda: browser.ask(host, headers=session).status == 302, 60, "it is refused", pause=1
        )


def test_stop_and_start(client, project, notebook):
    stop = {"metadata": {"annotations": {"kubeflow-resource-stopped": "2026-01-01T00:00:00Z"}}}
    client.patch(*NOTEBOOK, "bench", stop, project)
    wait_for(lambda: not client.get("v1", "Pod", "bench-0", project), 60, "the pod is gone")
    wait_for(lambda: ready(client, "bench", project)["reason"] == "Stopped", 10, "the status")
    assert client.get("route.openshift.io/v1", "Route", "bench", project)
    start = {"metadata": {"annotations": {"kubeflow-resource-stopped": None}}}
    client.patch(*NOTEBOOK, "bench", start, project)
    wait_for(lambda: is_ready(client, "Notebook", "bench", project), 60, "it runs again")


def test_removed_child_comes_back(client, project, notebook):
    client.delete("v1", "Service", "bench", project)
    client.delete("route.openshift.io/v1", "Route", "bench", project)
    wait_for(lambda: client.get("v1", "Service", "bench", project), 15, "the Service")
    wait_for(
        lambda: client.get("route.openshift.io/v1", "Route", "bench", project), 15, "the Route"
    )


@pytest.mark.parametrize(
    ("name", "changes", "reason", "message"),
    [
        (
            "no-image",
            {"image": "image-registry.openshift-image-registry.svc:5000/none/none:none"},
            r"ErrImagePull|ImagePullBackOff",
            "none:none",
        ),
        (
            "too-large",
            {"resources": {"requests": {"memory": "900Gi"}}},
            "Unschedulable",
            "Insufficient memory",
        ),
        (
            "not-allowed",
            {"securityContext": {"privileged": True, "allowPrivilegeEscalation": True}},
            "FailedCreate",
            "PodSecurity",
        ),
        (
            "no-secret",
            {"envFrom": [{"secretRef": {"name": "gone"}}]},
            "CreateContainerConfigError",
            "gone",
        ),
        (
            "fails",
            {"command": ["python3", "-c", "raise SystemExit(7)"]},
            r"Error|CrashLoopBackOff",
            "7",
        ),
    ],
)
def test_status_says_why_it_does_not_start(client, project, name, changes, reason, message):
    client.create(manifest(name, project, **changes))
    try:
        wait_for(
            lambda: (
                re.fullmatch(reason, ready(client, name, project)["reason"])
                and message in ready(client, name, project)["message"]
            ),
            60,
            f"a reason {reason} with {message!r}",
        )
    finally:
        client.delete(*NOTEBOOK, name, project)


@pytest.mark.parametrize(
    "spec",
    [
        {"template": {"spec": {"containers": [{"name": "x", "env": "wrong"}]}}},
        {"template": {"spec": {"containers": [{"image": "no-name"}]}}},
    ],
    ids=["type", "no-name"],
)
def test_wrong_notebook_is_refused(client, project, spec):
    wrong = manifest("wrong", project) | {"spec": spec}
    with pytest.raises(ApiError) as refused:
        client.create(wrong)
    assert refused.value.status in (400, 422)


@pytest.mark.parametrize("spec", [{}, {"template": {"spec": {"containers": []}}}])
def test_what_the_kind_allows_and_no_workbench_is_made_of_is_told(client, project, spec):
    """Upstream's kind takes both."""
    client.create(manifest("nothing", project) | {"spec": spec})
    try:
        found = wait_for(lambda: ready(client, "nothing", project), 15, "a status")
        assert (found["status"], found["reason"]) == ("False", "InvalidSpec")
        assert client.get("v1", "Service", "nothing", project) is None
    finally:
        client.delete(*NOTEBOOK, "nothing", project)


def test_killed_controller_leaves_the_pod_alone_and_catches_up(client, project, notebook):
    wait_for(lambda: is_ready(client, "Notebook", "bench", project), 60, "it runs")
    before = client.get("v1", "Pod", "bench-0", project)["metadata"]["uid"]
    client.create(manifest("halfway", project))
    kill_operators(client)
    stop = {"metadata": {"annotations": {"kubeflow-resource-stopped": "now"}}}
    wait_for(
        lambda: is_ready(client, "Notebook", "halfway", project), 120, "the other one runs too"
    )
    client.patch(*NOTEBOOK, "halfway", stop, project)
    wait_for(lambda: ready(client, "halfway", project)["reason"] == "Stopped", 60, "it stopped")
    assert client.get("v1", "Pod", "bench-0", project)["metadata"]["uid"] == before
    client.delete(*NOTEBOOK, "halfway", project)


def test_everything_goes_with_the_notebook(client, project):
    client.create(manifest("going", project))
    wait_for(lambda: is_ready(client, "Notebook", "going", project), 60, "it runs")
    client.delete(*NOTEBOOK, "going", project)
    for api, kind, name in (
        ("apps/v1", "StatefulSet", "going"),
        ("v1", "Service", "going-tls"),
        ("v1", "Secret", "going-oauth-config"),
        ("route.openshift.io/v1", "Route", "going"),
        ("v1", "Pod", "going-0"),
    ):
        wait_for(
            lambda api=api, kind=kind, name=name: not client.get(api, kind, name, project),
            60,
            f"{kind} {name} is gone",
        )
