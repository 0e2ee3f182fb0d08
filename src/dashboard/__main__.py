"""Run the dashboard: ``python3 -m dashboard``, behind the token proxy in the same pod."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import uvicorn

from dashboard.api.application import create_application
from dashboard.catalogue import Catalogue, own_token
from dashboard.cluster import Cluster
from dashboard.pipelines_api import PipelinesApi
from dashboard.settings import read_settings

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PORT = 8080


def main() -> int:
    """Serve until a signal."""
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stdout,
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = read_settings(os.environ)
    cluster = Cluster.inside(os.environ, ACCOUNT)
    catalogue = Catalogue(cluster, settings, own_token(ACCOUNT / "token"))
    application = create_application(
        settings, cluster, catalogue, PipelinesApi(settings.service_ca)
    )
    config = uvicorn.Config(
        application,
        # The proxy in this pod is the only one to come: it says who it is that asks.
        host="127.0.0.1",
        port=PORT,
        log_level="warning",
        timeout_graceful_shutdown=3,
        backlog=512,
    )
    uvicorn.Server(config).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
