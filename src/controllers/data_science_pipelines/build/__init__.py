"""What a DataSciencePipelinesApplication is made of, a module for each thing; pure."""

from controllers.data_science_pipelines.build.access import build_access
from controllers.data_science_pipelines.build.credentials import (
    CREDENTIALS_MARK,
    PASSWORD_KEY,
    SESSION_KEY,
    SIGNING_KEY,
    build_secret,
    secret_names,
)
from controllers.data_science_pipelines.build.database import build_database
from controllers.data_science_pipelines.build.names import (
    API_VERSION,
    FINALIZER,
    KIND,
    proxy_url,
    server_url,
)
from controllers.data_science_pipelines.build.network import (
    build_network_policy,
    build_route,
    build_server_services,
)
from controllers.data_science_pipelines.build.server import build_launcher, build_server
from controllers.data_science_pipelines.build.store import build_store, build_store_manifests
from lab_ground.kubernetes.manifest import Manifest

__all__ = [
    "API_VERSION",
    "CREDENTIALS_MARK",
    "FINALIZER",
    "KIND",
    "PASSWORD_KEY",
    "SESSION_KEY",
    "SIGNING_KEY",
    "Manifest",
    "build_access",
    "build_database",
    "build_launcher",
    "build_network_policy",
    "build_route",
    "build_secret",
    "build_server",
    "build_server_services",
    "build_store",
    "build_store_manifests",
    "proxy_url",
    "secret_names",
    "server_url",
]
