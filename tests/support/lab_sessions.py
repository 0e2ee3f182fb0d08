"""What a learner has open in a workbench: a kernel, a terminal, and a browser that is signed in."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from lab_driver.kernel import sign_in

COOKIE = "__Host-lab-session"


def visitor(verify: str) -> requests.Session:
    """A browser that trusts the lab, with nothing in it."""
    session = requests.Session()
    session.verify = verify
    session.trust_env = False
    return session


@dataclass(frozen=True)
class Sessions:
    """A kernel and a terminal, by their names, and the cookie and token that opened them.

    A token opens nothing by itself: upstream's proxy of a workbench looks at no bearer.
    """

    base: str
    verify: str
    token: str
    cookie: str
    kernel: str
    terminal: str

    def status(self, *, by: str) -> int:
        """What the workbench answers to the cookie, or to the token."""
        session = visitor(self.verify)
        headers = (
            {"Cookie": f"{COOKIE}={self.cookie}"}
            if by == "cookie"
            else {"Authorization": f"Bearer {self.token}"}
        )
        return session.get(
            f"{self.base}/api/status", headers=headers, timeout=20, allow_redirects=False
        ).status_code


def listed(base: str, verify: str, token: str) -> dict[str, set[str]]:
    """Kernels and terminals of a workbench, as its server lists them."""
    session = visitor(verify)
    sign_in(session, base, token)
    found = {}
    for kind, key in (("kernels", "id"), ("terminals", "name"), ("sessions", "id")):
        answer = session.get(f"{base}/api/{kind}", timeout=20)
        answer.raise_for_status()
        found[kind] = {str(entry[key]) for entry in answer.json()}
    return found


def open_sessions(url: str, verify: str, token: str) -> Sessions:
    """Sign in as a browser does, and open a kernel and a terminal."""
    base, parts = url.rstrip("/"), urlsplit(url)
    session = visitor(verify)
    signed_in = session.post(
        f"https://{parts.netloc}/oauth/login", data={"token": token}, timeout=20,
        allow_redirects=False,
    )  # fmt: skip
    cookie = signed_in.cookies.get(COOKIE)
    assert cookie, f"the sign-in answered {signed_in.status_code} without a session"
    session.get(f"{base}/lab", timeout=20).raise_for_status()
    session.headers["X-XSRFToken"] = session.cookies.get("_xsrf") or ""
    made = {}
    for kind, key in (("kernels", "id"), ("terminals", "name")):
        answer = session.post(f"{base}/api/{kind}", json={}, timeout=30)
        answer.raise_for_status()
        made[kind] = str(answer.json()[key])
    return Sessions(base, verify, token, cookie, made["kernels"], made["terminals"])
