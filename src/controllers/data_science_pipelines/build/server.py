"""The pipeline server's Deployment, and the file that it sends into the steps' containers."""

from __future__ import annotations

import os
from importlib import resources

from auth_proxy.container import (
    AUTHORITY_DIRECTORY,
    AUTHORITY_VOLUME,
    build_auth_proxy_container,
    build_auth_proxy_volumes,
)
from auth_proxy.manners import Manner
from controllers.data_science_pipelines.build.access import build_review
from controllers.data_science_pipelines.build.credentials import (
    CREDENTIALS_MARK,
    SIGNING_KEY,
    secret_names,
)
from controllers.data_science_pipelines.build.names import (
    GRPC_PORT,
    HTTP_PORT,
    LOCAL_PORT,
    TRUSTED_CA,
    launcher_config_map,
    metadata,
    server_url,
    tls_secret,
)
from controllers.data_science_pipelines.build.parts import deployment, from_secret, platform_image
from controllers.data_science_pipelines.specification import Application
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import (
    restricted_container_security_context,
    restricted_pod_security_context,
)
from lab_ground.settings import get_settings

OPEN_PATHS = ("/apis/v1beta1/healthz", "/apis/v2beta1/healthz")
SERVER_CONTAINER = "ds-pipeline-api-server"
TLS_VOLUME, TLS_DIRECTORY = "proxy-tls", "/etc/tls/private"
# Seconds that a server that is to end still answers; less than the pod's grace.
DRAIN_SECONDS = 2


def build_launcher(app: Application, authority: str) -> Manifest:
    """What runs inside the steps' containers, and whom it trusts to be the server (PEM)."""
    package = resources.files("pipeline_launcher")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(app, launcher_config_map(app), "launcher"),
        "data": {
            "launcher.py": package.joinpath("launcher.py").read_text(encoding="utf-8"),
            "ca.crt": authority.strip() + "\n",
        },
    }


def build_server(
    app: Application, owner_uid: str, owner_api_version: str, mark: str = ""
) -> Manifest:
    """The server's Deployment; another mark of the credentials starts it anew, to read them."""
    containers = [_server_container(app, owner_uid, owner_api_version)]
    volumes: list[Manifest] = [{"name": "tmp", "emptyDir": {}}]
    if app.oauth:
        containers.append(_proxy_container(app))
        volumes += build_auth_proxy_volumes(
            tls_volume=TLS_VOLUME,
            tls_secret=tls_secret(app),
            session_secret=secret_names(app)["server"],
        )
    elif app.tls:
        certificate = {"secretName": tls_secret(app), "defaultMode": 0o440}
        volumes.append({"name": TLS_VOLUME, "secret": certificate})
    for part in containers:
        # Until the router and the node have heard that the pod goes, requests still come.
        part["lifecycle"] = {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}}
    server = deployment(
        app,
        app.server,
        "pipeline-server",
        {
            "serviceAccountName": app.server,
            "securityContext": restricted_pod_security_context(),
            "terminationGracePeriodSeconds": 15,
            "containers": containers,
            "volumes": volumes,
        },
    )
    if mark:
        server["spec"]["template"]["metadata"]["annotations"][CREDENTIALS_MARK] = mark
    return server


def _server_container(app: Application, owner_uid: str, owner_api_version: str) -> Manifest:
    alive = {"timeoutSeconds": 5, "failureThreshold": 6}
    mounts: list[Manifest] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - a volume
    if app.tls:
        mounts.append({"name": TLS_VOLUME, "mountPath": TLS_DIRECTORY, "readOnly": True})
    if app.oauth and get_settings().login_url:
        authority = {"name": AUTHORITY_VOLUME, "mountPath": AUTHORITY_DIRECTORY, "readOnly": True}
        mounts.append(authority)
    return {
        "name": SERVER_CONTAINER,
        "image": platform_image(app.image),
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "pipeline_server"],
        "env": _environment(app, owner_uid, owner_api_version),
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"},
            {"name": "grpc", "containerPort": GRPC_PORT, "protocol": "TCP"},
        ],
        "resources": dict(app.resources)
        or {
            "requests": {"cpu": "100m", "memory": "192Mi"},
            "limits": {"cpu": "2", "memory": "512Mi"},
        },
        "startupProbe": {
            **_probe(app, "/apis/v2beta1/healthz"),
            "periodSeconds": 1,
            "failureThreshold": 300,
        },
        "readinessProbe": {**_probe(app, "/readyz"), "periodSeconds": 5, **alive},
        "livenessProbe": {**_probe(app, "/livez"), "periodSeconds": 20, **alive},
        "securityContext": restricted_container_security_context(),
        "volumeMounts": mounts,
    }


def _probe(app: Application, path: str) -> Manifest:
    scheme = "HTTPS" if app.tls else "HTTP"
    return {"httpGet": {"path": path, "port": HTTP_PORT, "scheme": scheme}}


def _environment(app: Application, owner_uid: str, owner_api_version: str) -> list[Manifest]:
    """The server's settings, as its ``settings.py`` reads them."""
    values = {
        "NAME": app.name,
        "NAMESPACE": app.namespace,
        "OWNER_UID": owner_uid,
        "OWNER_API_VERSION": owner_api_version,
        "DATABASE_HOST": app.database.host,
        "DATABASE_PORT": str(app.database.port),
        "DATABASE_NAME": app.database.name,
        "DATABASE_USER": app.database.user,
        "STORE_ENDPOINT": app.store.endpoint,
        "STORE_BUCKET": app.store.bucket,
        "STORE_PREFIX": app.store.prefix,
        "STORE_REGION": app.store.region,
        "SERVICE_ACCOUNT": app.runner,
        "STEP_URL": server_url(app),
        "STEP_USER": os.environ.get("LAB_STEP_USER", "1001"),
        "LAUNCHER_CONFIG_MAP": launcher_config_map(app),
        "PLATFORM_IMAGE": get_settings().platform_image,
        "TRUSTED_CA_CONFIG_MAP": TRUSTED_CA,
    }
    if app.oauth and get_settings().login_url:
        values |= {
            "LOGIN_URL": get_settings().login_url,
            "LOGIN_AUTHORITY": f"{AUTHORITY_DIRECTORY}/ca.crt",
        }
    if app.tls:
        values |= {"TLS_DIRECTORY": TLS_DIRECTORY, "LOCAL_PORT": str(LOCAL_PORT)}
    database, store = app.database.credentials, app.store.credentials
    return [
        *({"name": f"PIPELINES_{key}", "value": value} for key, value in values.items()),
        from_secret("PIPELINES_DATABASE_PASSWORD", database.secret, database.password_key),
        from_secret("PIPELINES_STORE_ACCESS_KEY", store.secret, store.user_key),
        from_secret("PIPELINES_STORE_SECRET_KEY", store.secret, store.password_key),
        from_secret("PIPELINES_SIGNING_KEY", secret_names(app)["server"], SIGNING_KEY),
    ]


def _proxy_container(app: Application) -> Manifest:
    """The token proxy: whoever may use the server's API comes in."""
    return build_auth_proxy_container(
        upstream_port=LOCAL_PORT if app.tls else HTTP_PORT,
        review=build_review(app),
        pass_token=True,
        tls_volume=TLS_VOLUME,
        login=True,
        session_secret=secret_names(app)["server"],
        open_paths=OPEN_PATHS,
        manner=Manner.KUBE_RBAC if get_settings().plays_since("3.0") else Manner.OAUTH,
        image=platform_image(app.image),
    )
