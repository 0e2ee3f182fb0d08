"""A learner with user and password: one sign-in for every door of the seat and the dashboard.

Over the Routes, as a browser does it, in the lab's own seat.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import yaml
from cluster_accounts import RBAC
from lab_sessions import COOKIE, visitor
from platform_cluster import wait_for

from lab_class.accounts import ACCOUNTS, Accounts
from lab_ground.kubernetes.client import KubernetesClient, open_client

pytestmark = pytest.mark.cluster
STATE = Path(__file__).resolve().parents[3] / ".lab"
LEARNER = "sign-in-test"
# By the manner of who is played: oauth-proxy says 403 where a bearer's door says 401.
REFUSED = (401, 403)


@pytest.fixture(scope="module")
def access() -> dict:
    return json.loads((STATE / "access.json").read_text())


@pytest.fixture(scope="module")
def client() -> KubernetesClient:
    return open_client(str(STATE / "kubeconfig"))


@pytest.fixture(scope="module")
def password(client: KubernetesClient, access: dict) -> Iterator[str]:
    """The password of a learner of the lab's seat."""
    accounts = Accounts(client)
    accounts.make(LEARNER)
    binding = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": LEARNER, "namespace": access["namespace"]},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "ServiceAccount", "name": LEARNER, "namespace": ACCOUNTS}],
    }
    client.apply(binding)
    yield accounts.renew(LEARNER)
    client.delete(f"{RBAC}/v1", "RoleBinding", LEARNER, access["namespace"])
    accounts.take(LEARNER)
    assert accounts.left(LEARNER) == []


@pytest.fixture
def browser(access: dict) -> requests.Session:
    session = visitor(access["ca_certificate"])
    session.headers["Accept"] = "text/html"
    return session


def host(url: str) -> str:
    return urlsplit(url).netloc


def sign_in(browser: requests.Session, url: str, password: str) -> requests.Response:
    """Open a page and fill in the form that it leads to."""
    form = browser.get(url, timeout=30)
    assert host(form.url).startswith("login-")
    assert 'id="by-password"' in form.text
    words = {"user": LEARNER, "password": password}
    return browser.post(form.url, data=words, timeout=30)


def deep_links(access: dict) -> dict[str, str]:
    return {
        "workbench": f"{access['workbench']['url'].rstrip('/')}/lab/tree",
        "pipelines": f"{access['pipelines']['url'].rstrip('/')}/apis/v2beta1/runs?page_size=1",
        "dashboard": f"{access['dashboard']['url'].rstrip('/')}/projects/{access['namespace']}",
    }


@pytest.mark.parametrize("first", ["workbench", "pipelines", "dashboard"])
def test_a_password_at_one_door_opens_all_at_their_deep_links(
    browser: requests.Session, access: dict, password: str, first: str
) -> None:
    doors = deep_links(access)
    answer = sign_in(browser, doors.pop(first), password)
    assert answer.status_code == 200
    assert answer.url.startswith(deep_links(access)[first])
    for link in doors.values():
        answer = browser.get(link, timeout=30)
        assert (answer.url, answer.status_code) == (link, 200)
    session = browser.get(
        f"{access['dashboard']['url'].rstrip('/')}/api/session", timeout=30
    ).json()
    assert session["user"] == f"system:serviceaccount:{ACCOUNTS}:{LEARNER}"
    domains = {cookie.domain for cookie in browser.cookies}
    assert all("." in domain and not domain.startswith(".") for domain in domains)


def test_a_wrong_password_opens_nothing(
    browser: requests.Session, access: dict, password: str
) -> None:
    answer = sign_in(browser, deep_links(access)["workbench"], "not-the-one")
    assert answer.status_code == 401
    assert host(answer.url).startswith("login-")
    assert host(browser.get(deep_links(access)["dashboard"], timeout=30).url).startswith("login-")


def test_signing_out_at_the_dashboard_closes_the_workbench_and_a_stolen_cookie(
    browser: requests.Session, access: dict, password: str
) -> None:
    doors = deep_links(access)
    sign_in(browser, doors["workbench"], password)
    browser.get(doors["dashboard"], timeout=30)
    stolen = next(
        cookie.value
        for cookie in browser.cookies
        if cookie.name == COOKIE and cookie.domain == host(doors["workbench"])
    )
    out = f"{access['dashboard']['url'].rstrip('/')}/oauth/logout"
    assert "You are signed out" in browser.post(out, timeout=30).text
    headers = {"Cookie": f"{COOKIE}={stolen}"}

    def closed() -> bool:
        found = visitor(access["ca_certificate"]).get(
            f"{access['workbench']['url'].rstrip('/')}/api/status",
            headers=headers, timeout=30, allow_redirects=False,
        )  # fmt: skip
        return found.status_code in (302, *REFUSED)

    wait_for(closed, 20, "the workbench's door is closed")
    assert host(browser.get(doors["pipelines"], timeout=30).url).startswith("login-")


def test_a_cookie_of_one_door_opens_no_other(
    browser: requests.Session, access: dict, password: str
) -> None:
    doors = deep_links(access)
    sign_in(browser, doors["workbench"], password)
    cookie = next(each.value for each in browser.cookies if each.name == COOKIE)
    for name in ("pipelines", "dashboard"):
        answer = visitor(access["ca_certificate"]).get(
            doors[name], headers={"Cookie": f"{COOKIE}={cookie}"}, timeout=30
        )
        assert answer.status_code in REFUSED


def test_the_kubeconfig_has_a_learners_rights_and_no_more(
    browser: requests.Session, access: dict, password: str, tmp_path: Path
) -> None:
    login = next(iter({host(browser.get(deep_links(access)["dashboard"], timeout=30).url)}))
    answer = sign_in(browser, f"https://{login}/token", password)
    page = browser.post(answer.url, data={"show": "1"}, timeout=30).text
    assert re.search(r"oc login --server=https://api-\S+:443 .*--token=ey", page)
    config = browser.post(f"https://{login}/kubeconfig", timeout=30).text
    assert yaml.safe_load(config)["users"][0]["name"] == LEARNER
    content = yaml.safe_load(config)
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    authority = tmp_path / "authority.crt"
    authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    api = visitor(str(authority))
    api.headers["Authorization"] = f"Bearer {user['token']}"

    def status(path: str) -> int:
        return api.get(f"{cluster['server']}{path}", timeout=30).status_code

    assert status(f"/api/v1/namespaces/{access['namespace']}/pods") == 200
    assert status("/api/v1/namespaces/lab-platform/secrets") == 403
    assert status("/api/v1/nodes") == 403
