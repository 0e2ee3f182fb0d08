"""What a Notebook is made of, a module for each side of it."""

from controllers.notebook.build.basics import (
    INJECT_AUTH,
    INJECT_OAUTH,
    STOPPED,
    InvalidNotebookError,
    check,
    has_login,
    is_stopped,
)
from controllers.notebook.build.gateway import HTTP_ROUTE, http_route_name
from controllers.notebook.build.login import (
    build_access,
    build_route,
    build_service_account,
    build_session_secret,
    build_tls_service,
    login_children,
)
from controllers.notebook.build.mounted import build_mounted_access
from controllers.notebook.build.network import (
    build_network_policies,
    build_pipelines_binding,
    build_service,
)
from controllers.notebook.build.pod import (
    BUNDLE_FILE,
    BUNDLE_VOLUME,
    IMAGE_SELECTION,
    build_stateful_set,
    choose_image,
)
from lab_ground.kubernetes.manifest import Manifest

__all__ = [
    "BUNDLE_FILE",
    "BUNDLE_VOLUME",
    "HTTP_ROUTE",
    "IMAGE_SELECTION",
    "INJECT_AUTH",
    "INJECT_OAUTH",
    "STOPPED",
    "InvalidNotebookError",
    "Manifest",
    "build_access",
    "build_mounted_access",
    "build_network_policies",
    "build_pipelines_binding",
    "build_route",
    "build_service",
    "build_service_account",
    "build_session_secret",
    "build_stateful_set",
    "build_tls_service",
    "check",
    "choose_image",
    "has_login",
    "http_route_name",
    "is_stopped",
    "login_children",
]
