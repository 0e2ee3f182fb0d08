"""The dashboard behind its Route, asked as whoever has a token."""

from __future__ import annotations

import json
import urllib.parse
from dataclasses import dataclass
from typing import Any

from platform_cluster import DOMAIN, Answer, Browser

HOST = f"dashboard.{DOMAIN}"


@dataclass
class Page:
    """The dashboard as whoever has a token."""

    browser: Browser
    token: str
    namespace: str

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request, from the dashboard's own origin unless a header says otherwise."""
        given = {
            "Authorization": f"Bearer {self.token}",
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        content = json.dumps(body if body is not None else {}).encode()
        if method == "GET":
            content = b""
        return self.browser.ask(HOST, path, method=method, headers=given, body=content)

    def project(self, method: str, path: str, body: Any = None, namespace: str = "") -> Any:
        """A request that is to be answered well, in the own project."""
        where = urllib.parse.quote(namespace or self.namespace)
        answer = self.ask(method, f"/api/projects/{where}{path}", body)
        assert answer.status == 200, answer.body
        return answer.json()
