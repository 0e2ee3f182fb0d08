"""Serve the login: ``python3 -m learner_login``."""

from __future__ import annotations

import json
import logging
import os
import signal
import ssl
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from lab_ground import web
from lab_ground.kubernetes.asking import Api
from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.kubernetes.errors import ApiError
from lab_ground.logs import configure_logging
from learner_login.accounts import Accounts, EndedSignIns
from learner_login.browser import Browser
from learner_login.certificate import build_routes
from learner_login.doors import Doors
from learner_login.hosts import Hosts
from learner_login.rights import AskingCluster
from learner_login.service import Service
from learner_login.serving import build_handler
from learner_login.sessions import Sessions
from learner_login.terminal import Terminal, project_of

logger = logging.getLogger("learner_login")

PORT, PLAIN_PORT, METRICS_PORT = 8443, 8080, 8081
API_DIRECTORY = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# How often it is looked whether the certificate was renewed.
LOOK_SECONDS = 30.0


def follow(context: ssl.SSLContext, directory: Path, stop: threading.Event) -> None:
    """Read the certificate again whenever it was renewed."""
    known = 0.0
    while True:
        seen = (directory / "tls.crt").stat().st_mtime
        if seen != known:
            context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
            known = seen
        if stop.wait(LOOK_SECONDS):
            return


def assemble(
    client: KubernetesClient, namespace: str, environment: Mapping[str, str]
) -> type[BaseHTTPRequestHandler]:
    """Return what answers, by the ``LOGIN_*`` variables."""
    ended = EndedSignIns(client, namespace)
    secret = Path(environment.get("LOGIN_SECRET_FILE", "/etc/learner-login/sessions/secret"))
    sessions = Sessions(secret.read_bytes(), ended.read(), ended.keep)
    cluster = AskingCluster(Api(API_DIRECTORY).post)
    hosts = Hosts(environment["LOGIN_URL"], environment["LOGIN_BASE_DOMAIN"])
    service = Service(Accounts(client, namespace))
    trusted = json.loads(environment.get("LOGIN_TRUSTED_HOSTS", "[]"))
    authority = environment.get("LOGIN_API_AUTHORITY_FILE", "")

    def project(learner: str) -> str:
        try:
            return project_of(learner, client.get("v1", "ConfigMap", "lab-class", namespace))
        except ApiError:
            return ""

    browser = Browser(
        service,
        sessions,
        cluster,
        hosts,
        Terminal(environment["LOGIN_API_URL"], Path(authority) if authority else None),
        dashboard=_dashboard(environment),
        project_of=project,
    )
    return build_handler(service, Doors(sessions, cluster, trusted), browser)


def plain_routes(environment: Mapping[str, str]) -> Mapping[str, web.Route]:
    """Return what is served without TLS, at the bare base domain: the lab's certificate."""
    authority = environment.get("LOGIN_API_AUTHORITY_FILE", "")
    return build_routes(
        environment["LOGIN_BASE_DOMAIN"],
        _dashboard(environment),
        Path(authority) if authority else None,
    )


def _dashboard(environment: Mapping[str, str]) -> str:
    trusted = json.loads(environment.get("LOGIN_TRUSTED_HOSTS", "[]"))
    return f"https://{trusted[0]}/" if trusted else ""


def main() -> int:
    """Serve until a signal."""
    configure_logging(os.environ.get("LAB_LOG_LEVEL", "INFO"))
    namespace = os.environ.get("LAB_PLATFORM_NAMESPACE", "lab-platform")
    directory = Path(os.environ.get("LOGIN_TLS_DIRECTORY", "/etc/learner-login/tls"))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    threading.Thread(target=follow, args=(context, directory, stop), daemon=True).start()
    handler = assemble(open_client(), namespace, os.environ)
    server = web.build_server(int(os.environ.get("LOGIN_PORT", PORT)), handler, context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    web.serve(int(os.environ.get("LOGIN_PLAIN_PORT", PLAIN_PORT)), plain_routes(os.environ))
    web.serve(int(os.environ.get("LOGIN_METRICS_PORT", METRICS_PORT)), {"/metrics": web.metrics})
    logger.info("learners may sign in")
    stop.wait()
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
