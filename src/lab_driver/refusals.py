"""How a door refuses who has no good token, by what stands before it.

Sources: oauth-proxy's oauthproxy.go (403 with the page that begins a login, or a redirect to it; it
looks at a bearer only for its delegate URLs, of which a workbench's has none); kube-rbac-proxy's
pkg/proxy/proxy.go (401, and 403 for who may not), behind a gateway that redirects to its login. The
lab's own proxy answers as the one that its version has (src/auth_proxy/manners.py).
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit


def expected(version: str) -> frozenset[int]:
    """Return the status codes with which a door of this version refuses."""
    if int(version.partition(".")[0]) < 3:
        return frozenset({302, 403})
    return frozenset({302, 401, 403})


def not_refused(status: int, location: str, url: str, wanted: frozenset[int]) -> str:
    """Say why an answer is no refusal; empty where it is one.

    A redirect refuses if it leads to a login: another host, or a path of a login's own.
    """
    if status not in wanted:
        codes = " or ".join(map(str, sorted(wanted)))
        return f"it answered {status}, where its version answers {codes}"
    if status != 302:
        return ""
    target, door = urlsplit(urljoin(url, location)), urlsplit(url)
    login = any(word in target.path for word in ("/oauth", "/login", "/auth", "/sign_in"))
    if target.netloc == door.netloc and not login:
        return f"it redirects to {target.path}, which is no login"
    return ""
