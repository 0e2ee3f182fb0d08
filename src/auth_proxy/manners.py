"""How a door refuses: as the proxy that upstream puts there in the version that is played.

The lab's one proxy stands for several of upstream's. Browsers are led to the lab's own login in
each; what programs are told is upstream's.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from auth_proxy.reviews import Verdict


class Manner(StrEnum):
    """What stands at a door upstream."""

    OWN = ""
    """No one of them: 401 and 403 as JSON."""
    OAUTH = "oauth-proxy"
    """With delegate URLs, so that a bearer is looked at; 403 for whoever has no good one
    (openshift/oauth-proxy, oauthproxy.go: SignInPage)."""
    OAUTH_SESSION = "oauth-proxy-session"
    """Without delegate URLs and with skip-provider-button: no bearer is looked at, whoever has no
    session is sent to the login (oauthproxy.go: OAuthStart)."""
    KUBE_RBAC = "kube-rbac-proxy"
    """401 and 403 in plain words (brancz/kube-rbac-proxy, pkg/filters/auth.go)."""

    @property
    def takes_bearer(self) -> bool:
        """Whether a token in a header is looked at."""
        return self is not Manner.OAUTH_SESSION

    @property
    def always_redirects(self) -> bool:
        """Whether programs are sent to the login too."""
        return self is Manner.OAUTH_SESSION

    def status(self, verdict: Verdict) -> int:
        """The status code with which a program is refused."""
        return 403 if self is Manner.OAUTH and verdict.status == 401 else verdict.status

    def words(self, verdict: Verdict, review: Mapping[str, str]) -> str | None:
        """What a program is told, where that is not the lab's own JSON."""
        if self is not Manner.KUBE_RBAC:
            return None
        if verdict.status == 401:
            return "Unauthorized\n"
        if verdict.status != 403:
            return None
        asked = ", ".join(
            f"{key}={review.get(key, '')}" for key in ("verb", "resource", "subresource")
        )
        return f"Forbidden (user={verdict.user}, {asked})\n"
