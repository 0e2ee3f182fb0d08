"""What counts as a refusal on each version, and what does not."""

from __future__ import annotations

import pytest

from lab_driver.refusals import expected, not_refused

DOOR = "https://notebook-mnist.apps.example.com/notebook/mnist/notebook/api/status"
LOGIN = "https://oauth-openshift.apps.example.com/oauth/authorize?client_id=notebook"


@pytest.mark.parametrize(
    ("version", "by_token", "status", "location"),
    [
        ("2.25", True, 401, ""),
        ("2.25", True, 302, "/oauth/login?rd=%2Fnotebook"),
        # oauth-proxy's oauthproxy.go: SignInPage, and the redirect with skip-provider-button.
        ("2.16", False, 403, ""),
        ("2.25", False, 302, LOGIN),
        # kube-rbac-proxy's pkg/proxy/proxy.go.
        ("3.5", False, 401, ""),
    ],
)
def test_a_refusal(version: str, by_token: bool, status: int, location: str) -> None:
    wanted = expected(version, opens_by_token=by_token)
    assert not_refused(status, location, DOOR, wanted) == ""


@pytest.mark.parametrize(
    ("version", "by_token", "status", "location", "why"),
    [
        ("2.25", True, 200, "", "answered 200"),
        ("2.25", True, 403, "", "answered 403, where its version answers 302 or 401"),
        ("2.25", False, 401, "", "answered 401"),
        ("3.5", False, 200, "", "answered 200"),
        ("2.25", False, 302, "/notebook/mnist/notebook/lab", "which is no login"),
    ],
)
def test_no_refusal(version: str, by_token: bool, status: int, location: str, why: str) -> None:
    wanted = expected(version, opens_by_token=by_token)
    assert why in not_refused(status, location, DOOR, wanted)
