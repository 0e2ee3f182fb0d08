"""Whether who asks for a run may use what the run names.

A step gets its Secrets, ConfigMaps and account from the cluster, not from who asked for it: so that
the server asks, with the caller's own token, whether the caller could have had them anyway.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ApiError
from pipeline_server.errors import PermissionDeniedError, UnauthenticatedError, UnavailableError
from pipeline_server.ir.pipeline import PipelineIR
from pipeline_server.ir.references import Reference, references

KINDS = {"secrets": "Secret", "configmaps": "ConfigMap", "serviceaccounts": "service account"}

# What a session of the login service begins with; see auth_proxy.
SESSION_PREFIX = "lab-session."

# Asks with a token whether its owner may do what the attributes say.
Ask = Callable[[str, Mapping[str, str]], bool]

# The token of the request that is being answered; None where nobody asks but the server itself,
# which starts what was allowed when it was scheduled.
_caller: ContextVar[str | None] = ContextVar("caller", default=None)


@contextmanager
def calling(token: str) -> Iterator[None]:
    """Answer a request that came with a token, or with an empty one."""
    before = _caller.set(token)
    try:
        yield
    finally:
        _caller.reset(before)


class Permissions:
    """Refuses runs of a project that name what their caller may not use."""

    def __init__(self, namespace: str, runner: str, ask: Ask) -> None:
        """``runner`` is the account that steps have where none is named: everybody's."""
        self._namespace = namespace
        self._runner = runner
        self._ask = ask

    def check(
        self, ir: PipelineIR, parameters: Mapping[str, Any] | None, service_account: str = ""
    ) -> None:
        """Look at all that a pipeline and a run of it name; ``parameters`` as far as there are.

        Raises:
            PermissionDeniedError: the caller may not use one of them; it is named.
            UnauthenticatedError: the token is not valid any more.
            UnavailableError: the cluster could not be asked.
        """
        token = _caller.get()
        if token is None:
            return
        named = sorted(references(ir, parameters))
        if service_account not in ("", self._runner):
            named.append(Reference("serviceaccounts", service_account))
        for reference in named:
            self._check(token, reference)

    def _check(self, token: str, reference: Reference) -> None:
        what = f"{KINDS[reference.resource]} {reference.name!r}"
        if not reference.name:
            what = f"a {KINDS[reference.resource]} by a value that only the run will know"
        if not token:
            raise PermissionDeniedError(
                f"the run names {what}, and the request has no token that tells whether its "
                "sender may use it: send it with one, as through the server's Route"
            )
        attributes = {
            "namespace": self._namespace,
            "verb": "get",
            "resource": reference.resource,
            "name": reference.name,
        }
        if reference.resource == "serviceaccounts":
            # Whoever may have its token may be it.
            attributes |= {"verb": "create", "subresource": "token"}
        if not self._allowed(token, attributes):
            right = " ".join((attributes["verb"], reference.resource))
            right += "/token" if "subresource" in attributes else ""
            raise PermissionDeniedError(
                f"the run names {what}, which its sender may not use: leave it out, or ask for "
                f"the right to {right} in project {self._namespace}"
            )

    def _allowed(self, token: str, attributes: Mapping[str, str]) -> bool:
        try:
            return self._ask(token, attributes)
        except ApiError as error:
            if error.status == 401:
                raise UnauthenticatedError("the token is not valid, or not any more") from None
            raise UnavailableError(f"the cluster cannot be asked for rights: {error}") from None


def ask_both(cluster: Ask, login: Ask | None) -> Ask:
    """Ask the login service about its sessions, and the cluster about all other tokens."""

    def ask(token: str, attributes: Mapping[str, str]) -> bool:
        asked = login if login is not None and token.startswith(SESSION_PREFIX) else cluster
        return asked(token, attributes)

    return ask


def ask_login(url: str, authority: Path) -> Ask:
    """Ask the login service what a session's owner may do: a door's token stays with the login."""

    def ask(session: str, attributes: Mapping[str, str]) -> bool:
        body = json.dumps({"session": session, "review": dict(attributes)}).encode()
        try:
            context = ssl.create_default_context(cafile=str(authority))
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(f"{url}/door/review", body, headers)  # noqa: S310
            with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            if error.code == 403:
                return False
            raise ApiError(error.code, "LoginService", "it does not know the session") from error
        except OSError as error:
            raise ApiError(0, "LoginService", f"it does not answer: {error}") from error

    return ask


def ask_cluster(client: KubernetesClient) -> Ask:
    """Ask the API server as the owner of a token."""

    def ask(token: str, attributes: Mapping[str, str]) -> bool:
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": dict(attributes)},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = client.acting_as(token).request("POST", path, body=review)
        return bool((answer.get("status") or {}).get("allowed"))

    return ask
