"""Links that sign a browser in to a workbench, once and within ten minutes."""

from __future__ import annotations

import base64
import binascii
import ssl
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from lab_ground.kubernetes.manifest import Manifest
from lab_status.look import Kubectl, reason_of

# What may go wrong on the way to a link; each is told, and none ends the status.
FAULTS = (subprocess.SubprocessError, OSError, binascii.Error, HTTPException, ImportError)
# What asks for the login: up to 2.x, and since 3.0.
INJECTED = ("notebooks.opendatahub.io/inject-oauth", "notebooks.opendatahub.io/inject-auth")


def running_workbenches(resources: Iterable[Manifest]) -> list[Manifest]:
    """Return the workbenches that run behind the login of the platform's own proxy."""
    return [
        item
        for item in resources
        if item["kind"] == "Notebook"
        and item.get("status", {}).get("readyReplicas")
        and "true" in map((item["metadata"].get("annotations") or {}).get, INJECTED)
    ]


def link_lines(kubectl: Kubectl, workbenches: Iterable[Manifest], authority: Path) -> Iterator[str]:
    """Tell a link for each workbench, or why there is none and what to do instead."""
    for workbench in workbenches:
        name, namespace = workbench["metadata"]["name"], workbench["metadata"]["namespace"]
        spec = workbench["spec"]["template"]["spec"]
        account = spec.get("serviceAccountName") or name
        try:
            asked = workbench["metadata"].get("annotations")
            said = shorten(make_link(kubectl, name, namespace, account, asked), authority)
        except FAULTS as error:
            said = (
                f"no link now, {reason(error)}; "
                f"sign in with a token: oc -n {namespace} create token {account}"
            )
        yield f"  {namespace}/{name}: {said}"


def make_link(
    kubectl: Kubectl,
    name: str,
    namespace: str,
    account: str,
    annotations: Mapping[str, str] | None = None,
) -> str:
    """Return a link whose ticket holds a token of the workbench's account, encrypted."""
    # Here and not above: a bare machine has no cryptography yet.
    from auth_proxy.session import create_login_link

    inside = ("-n", namespace)
    door = _door(kubectl, name, namespace, since_3=INJECTED[1] in (annotations or {}))
    secret = kubectl.run(
        *inside, "get", "secret", f"{name}-oauth-config", "-o", "jsonpath={.data.cookie_secret}"
    )
    token = kubectl.run(*inside, "create", "token", account, "--duration=8h")
    key = base64.b64decode(secret)
    target = f"/notebook/{namespace}/{name}/lab"
    return create_login_link(door, key, token, target=target)


def _door(kubectl: Kubectl, name: str, namespace: str, *, since_3: bool) -> str:
    """Where the workbench's login is: on its Route's host, or since 3.0 below the gateway's."""
    if not since_3:
        route = ("route.route.openshift.io", name, "-o", "jsonpath={.spec.host}")
        return "https://" + kubectl.run("-n", namespace, "get", *route)
    gateway = ("gateway.gateway.networking.k8s.io", "data-science-gateway")
    host = kubectl.run(
        "-n", "openshift-ingress", "get", *gateway, "-o", "jsonpath={.spec.listeners[0].hostname}"
    )
    return f"https://{host}/notebook/{namespace}/{name}"


def shorten(link: str, authority: Path) -> str:
    """Leave a link's ticket with the workbench's proxy, for a link that fits on a line.

    Raises:
        OSError: the proxy does not answer; the ticket with its token is then not for a screen.
        HTTPException: it answers something else.
    """
    parts = urlsplit(link)
    context = ssl.create_default_context(cafile=str(authority) if authority.exists() else None)
    connection = HTTPSConnection(parts.netloc, timeout=1, context=context)
    connection.request("POST", f"{parts.path.removesuffix('login')}link", body=parts.query)
    path = connection.getresponse().read(400).decode("ascii", "replace").strip()
    if not path.startswith(f"{parts.path}?"):
        raise HTTPException("it does not keep links")
    return f"https://{parts.netloc}{path}"


def reason(error: Exception) -> str:
    """Say in a few words why there is no link."""
    if isinstance(error, subprocess.SubprocessError):
        return reason_of(error)
    if isinstance(error, ImportError):
        return "what makes it is not installed (./lab venv lab)"
    if isinstance(error, binascii.Error):
        return "the workbench's session Secret cannot be read"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the workbench's certificate is not of this lab ({error.verify_message})"
    if isinstance(error, OSError):
        return f"the workbench's proxy does not answer ({error.strerror or error})"
    return f"the workbench's proxy cannot be asked ({error})"
