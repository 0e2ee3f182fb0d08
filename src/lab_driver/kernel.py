"""Running a cell in a workbench, as JupyterLab does: REST for the kernel, a WebSocket to it.

Source: Jupyter's messaging protocol, version 5.3, over the WebSocket of jupyter-server.
"""

from __future__ import annotations

import json
import ssl
import time
import uuid
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import websocket


class KernelError(Exception):
    """The kernel did not start, or the cell raised; the message says what it said."""


def run_cell(url: str, token: str, verify: str | bool, code: str, timeout: float = 90) -> str:
    """Run ``code`` in a kernel of its own and return what it printed.

    ``verify`` is the file of the authorities to trust. The kernel is ended whatever happens.
    ``timeout`` in seconds bounds the cell.

    Raises:
        KernelError: the login refused, the cell raised or did not end in time.
        requests.HTTPError: the server refused.
    """
    base = url.rstrip("/")
    with requests.Session() as session:
        session.verify = verify
        session.trust_env = False
        sign_in(session, url, token)
        # Jupyter wants the token that it put into a cookie back on every change.
        session.get(f"{base}/api/status", timeout=20).raise_for_status()
        session.get(f"{base}/lab", timeout=20)
        if xsrf := session.cookies.get("_xsrf"):
            session.headers["X-XSRFToken"] = xsrf
        answer = session.post(f"{base}/api/kernels", json={"name": "python3"}, timeout=30)
        answer.raise_for_status()
        kernel = str(answer.json()["id"])
        try:
            return _execute(session, base, kernel, verify, code, timeout)
        finally:
            session.delete(f"{base}/api/kernels/{kernel}", timeout=20)


def sign_in(session: requests.Session, url: str, token: str) -> None:
    """Begin a session at a workbench's login, as a browser does that brings a token.

    Raises:
        KernelError: the login is another one, or refuses the token.
    """
    answer = session.get(url, headers={"Accept": "text/html"}, timeout=20, allow_redirects=False)
    login = urljoin(url, answer.headers.get("Location", ""))
    if answer.status_code != 302 or not urlsplit(login).path.endswith("/oauth/login"):
        raise KernelError(
            f"{url} answered {answer.status_code}, and leads to no login that takes a token"
        )
    entered = session.post(login, data={"token": token}, timeout=20, allow_redirects=False)
    if entered.status_code != 303:
        raise KernelError(f"the login of {url} answered {entered.status_code} to the token")


def _execute(
    session: requests.Session,
    base: str,
    kernel: str,
    verify: str | bool,
    code: str,
    timeout: float,
) -> str:
    cookies = "; ".join(f"{c.name}={c.value}" for c in session.cookies)
    socket = websocket.create_connection(
        f"{base.replace('https://', 'wss://')}/api/kernels/{kernel}/channels",
        timeout=timeout,
        cookie=cookies,
        sslopt=tls_options(verify),
    )
    message = _request(code)
    try:
        socket.send(json.dumps(message))
        return _collect(socket, message["header"]["msg_id"], time.monotonic() + timeout)
    finally:
        socket.close()


def tls_options(verify: str | bool) -> dict[str, Any]:
    """Return the WebSocket's options for the authorities that ``verify`` names."""
    options: dict[str, Any] = {"cert_reqs": ssl.CERT_REQUIRED}
    return {**options, "ca_certs": verify} if isinstance(verify, str) else options


def _request(code: str) -> dict[str, Any]:
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "session": uuid.uuid4().hex,
        "username": "",
        "version": "5.3",
        "date": "",
    }
    content = {"code": code, "silent": False, "store_history": False, "stop_on_error": True}
    return {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
    }


def _collect(socket: websocket.WebSocket, request: str, end: float) -> str:
    printed: list[str] = []
    while time.monotonic() < end:
        message = json.loads(socket.recv())
        if message["parent_header"].get("msg_id") != request:
            continue
        content = message["content"]
        match message["msg_type"]:
            case "stream" if content["name"] == "stdout":
                printed.append(content["text"])
            case "error":
                raise KernelError(f"{content['ename']}: {content['evalue']}")
            case "status" if content["execution_state"] == "idle":
                return "".join(printed)
    raise KernelError("the cell did not end in time")
