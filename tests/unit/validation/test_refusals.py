"""What counts as a refusal on each version, and what does not."""

from __future__ import annotations

import pytest

from lab_driver.refusals import expected, not_refused

DOOR = "https://notebook-mnist.apps.example.com/notebook/mnist/notebook/api/status"
LOGIN = "https://oauth-openshift.apps.example.com/oauth/authorize?client_id=notebook"


@pytest.mark.parametrize(
    ("version", "status", "location"),
    [
        # The lab's own proxy, where a workbench's stands.
        ("2.25", 302, "/oauth/login?rd=%2Fnotebook"),
        ("3.5", 302, "/notebook/mnist/notebook/oauth/login?rd=%2Fnotebook"),
        # oauth-proxy's oauthproxy.go: SignInPage, and the redirect with skip-provider-button.
        ("2.16", 403, ""),
        ("2.25", 302, LOGIN),
        # kube-rbac-proxy's pkg/proxy/proxy.go.
        ("3.5", 401, ""),
    ],
)
def test_a_refusal(version: str, status: int, location: str) -> None:
    assert not_refused(status, location, DOOR, expected(version)) == ""


@pytest.mark.parametrize(
    ("version", "status", "location", "why"),
    [
        ("2.25", 200, "", "answered 200"),
        ("2.25", 401, "", "answered 401, where its version answers 302 or 403"),
        ("3.5", 200, "", "answered 200"),
        ("2.25", 302, "/notebook/mnist/notebook/lab", "which is no login"),
    ],
)
def test_no_refusal(version: str, status: int, location: str, why: str) -> None:
    assert why in not_refused(status, location, DOOR, expected(version))
