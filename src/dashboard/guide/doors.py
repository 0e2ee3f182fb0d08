"""What a seat's services answer inside the cluster: the served model, and the page."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from dashboard.errors import RefusalError

# A function that sleeps needs some seconds for its first answer.
_TIMEOUT = httpx.Timeout(15.0, connect=3.0)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    text: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]


class Doors:
    """Services of all seats; whoever asks brings the token."""

    def __init__(
        self, service_ca: str = "", transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._service_ca = service_ca
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    def _open(self) -> httpx.AsyncClient:
        """The client, made when it is first needed: the authority's file comes after the pod."""
        if self._client is None:
            verify: ssl.SSLContext | bool = True
            if self._service_ca and self._transport is None:
                try:
                    verify = ssl.create_default_context(cafile=self._service_ca)
                except OSError as error:
                    told = "The authority of the services' certificates is not known yet."
                    raise RefusalError(503, "Unavailable", told) from error
            self._client = httpx.AsyncClient(
                verify=verify, transport=self._transport, timeout=_TIMEOUT, trust_env=False
            )
        return self._client

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()

    async def ask(self, method: str, url: str, *, token: str = "", body: Any = None) -> Answer:
        """One question.

        Raises:
            RefusalError: nobody answers (503).
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            response = await self._open().request(method, url, json=body, headers=headers)
        except httpx.HTTPError as error:
            told = f"Nothing answers at {httpx.URL(url).host} ({type(error).__name__})."
            raise RefusalError(503, "Unavailable", told) from error
        try:
            found = response.json()
        except ValueError:
            found = {}
        shown = found if isinstance(found, dict) else {}
        return Answer(response.status_code, response.text[:500], shown, response.headers)
