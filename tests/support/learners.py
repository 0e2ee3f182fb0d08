"""Learners' accounts in memory: what the login service asks the cluster for."""

from __future__ import annotations

import base64
import json

from lab_ground.kubernetes.errors import ApiError
from lab_ground.passwords import hash_password

PASSWORD = "k4mp-x7wd-9hnc"
HASH = hash_password(PASSWORD)


class Client:
    """The Secret and the accounts: ada has one, odd no hash, gone a hash and no account."""

    def __init__(self) -> None:
        self.data = {"ada": self.entry(HASH), "odd": "bm8ganNvbg==", "gone": self.entry(HASH)}
        self.away = False

    @staticmethod
    def entry(kept: str) -> str:
        return base64.b64encode(json.dumps({"hash": kept}).encode()).decode()

    def get(self, api_version, kind, name, namespace=None):
        if self.away:
            raise ApiError(0, "Unreachable", "no route")
        assert (kind, name, namespace) == ("Secret", "lab-learners", "lab-platform")
        return {"data": dict(self.data)}

    def patch(self, api_version, kind, name, patch, namespace=None):
        self.data.update(patch["data"])
        return {}

    def token(self, account, namespace, seconds):
        assert (namespace, seconds) == ("lab-learners", 8 * 3600)
        return None if account == "gone" else f"token-of-{account}"
