"""What the objects of a DataSciencePipelinesApplication are called, and where its server is."""

from __future__ import annotations

from controllers.data_science_pipelines.specification import Application
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import standard_labels

GROUP = "datasciencepipelinesapplications.opendatahub.io"
API_VERSION = f"{GROUP}/v1"
KIND = "DataSciencePipelinesApplication"
FINALIZER = "datasciencepipelinesapplications.opendatahub.io/finalizer"
HTTP_PORT = 8888
GRPC_PORT = 8887
# Within the pod only: where the proxy beside the server finds it, without TLS of its own.
LOCAL_PORT = 8880
OAUTH_PORT = 8443
TRUSTED_CA = "odh-trusted-ca-bundle"


def labels(app: Application, name: str, component: str) -> dict[str, str]:
    """Labels of one of its objects."""
    return {
        "app": name,
        "dspa": app.name,
        "component": "data-science-pipelines",
        "dsp-version": "v2",
        **standard_labels(name, component, part_of=app.server),
    }


def metadata(app: Application, name: str, component: str) -> Manifest:
    """Metadata of one of its objects."""
    return {"name": name, "namespace": app.namespace, "labels": labels(app, name, component)}


def selector(name: str) -> dict[str, str]:
    """Selects the pods of one of its Deployments."""
    return {"app": name, "component": "data-science-pipelines"}


def launcher_config_map(app: Application) -> str:
    """The ConfigMap with the file that runs in the steps' containers."""
    return f"ds-pipeline-launcher-{app.name}"


def tls_secret(app: Application) -> str:
    """The Secret of the proxy's serving certificate."""
    return f"ds-pipelines-proxy-tls-{app.name}"


def proxy_url(app: Application) -> str:
    """The server as its status tells it: by its token proxy where it has one."""
    if not app.oauth:
        return server_url(app)
    return f"https://{app.server}.{app.namespace}.svc.cluster.local:{OAUTH_PORT}"


def server_url(app: Application) -> str:
    """The server itself, for its own steps: with TLS unless podToPodTLS is false."""
    scheme = "https" if app.tls else "http"
    return f"{scheme}://{app.server}.{app.namespace}.svc.cluster.local:{HTTP_PORT}"
