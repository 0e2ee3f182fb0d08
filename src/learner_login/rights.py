"""What tokens may do, asked of the API server with the tokens themselves."""

from __future__ import annotations

from collections.abc import Mapping

from lab_ground.kubernetes.asking import Post, UnknownTokenError, may, user_of


class AskingCluster:
    """Asks as the owners of tokens, so that the login's own account needs no right for it."""

    def __init__(self, post: Post) -> None:
        self._post = post

    def user_of(self, token: str) -> str | None:
        """Return who this is; None where the token is not valid.

        Raises:
            ReviewError: the API server does not answer.
        """
        try:
            return user_of(self._post, token) or None
        except UnknownTokenError:
            return None

    def allowed(self, token: str, attributes: Mapping[str, str]) -> bool | None:
        """Say whether its owner may do something; None where the token is not valid.

        Raises:
            ReviewError: the API server does not answer.
        """
        try:
            return may(self._post, token, attributes)
        except UnknownTokenError:
            return None
