"""What a DataSciencePipelinesApplication is made of; pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import resources
from typing import Any

from lab_platform.auth_proxy.builders import (
    build_auth_delegator_binding,
    build_auth_proxy_container,
    build_auth_proxy_volumes,
)
from lab_platform.kubernetes.metadata import (
    restricted_container_security_context,
    restricted_pod_security_context,
    standard_labels,
)
from lab_platform.kubernetes.revisions import image_revisions
from lab_platform.object_storage import builders as store_builders
from lab_platform.settings import get_settings

from .specification import DATABASE_PORT, Application

Manifest = dict[str, Any]

API_VERSION = "datasciencepipelinesapplications.opendatahub.io/v1"
KIND = "DataSciencePipelinesApplication"
HTTP_PORT = 8888
GRPC_PORT = 8887
OAUTH_PORT = 8443
OPEN_PATHS = ("/apis/v1beta1/healthz", "/apis/v2beta1/healthz")
SERVER_CONTAINER = "ds-pipeline-api-server"
SIGNING_KEY = "signing-key"
SESSION_KEY = "cookie_secret"
PASSWORD_KEY = "password"  # noqa: S105 - a name
TLS_VOLUME = "proxy-tls"
# Seconds that a server that is to end still answers; less than the pod's grace.
DRAIN_SECONDS = 2
CREDENTIALS_MARK = "lab.opendatahub.io/credentials-mark"
TRUSTED_CA = "odh-trusted-ca-bundle"
FINALIZER = "datasciencepipelinesapplications.opendatahub.io/finalizer"


def labels(app: Application, name: str, component: str) -> dict[str, str]:
    """Labels of one of its objects."""
    return {
        "app": name,
        "dspa": app.name,
        "component": "data-science-pipelines",
        **standard_labels(name, component, part_of=app.server),
    }


def metadata(app: Application, name: str, component: str) -> Manifest:
    """Metadata of one of its objects."""
    return {"name": name, "namespace": app.namespace, "labels": labels(app, name, component)}


def secret_names(app: Application) -> dict[str, str]:
    """The Secrets that the controller makes, by what they hold."""
    return {
        "database": f"ds-pipeline-db-{app.name}",
        "store": f"ds-pipeline-s3-{app.name}",
        "admin": f"{app.minio}-admin",
        "server": f"ds-pipeline-server-{app.name}",
    }


def build_secret(app: Application, name: str, data: Mapping[str, str]) -> Manifest:
    """A Secret of generated values."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(app, name, "credentials"),
        "type": "Opaque",
        "stringData": dict(data),
    }


# -- database ----------------------------------------------------------------------------------


def build_database(app: Application) -> list[Manifest]:
    """MariaDB: volume, Service, Deployment, NetworkPolicy."""
    wanted = app.database
    own = labels(app, app.mariadb, "database")
    selector = {"app": app.mariadb, "component": "data-science-pipelines"}
    claim: Manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(app, app.mariadb, "database"),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": wanted.size}},
        },
    }
    storage_class = wanted.storage_class or get_settings().storage_class
    if storage_class:
        claim["spec"]["storageClassName"] = storage_class
    probe = {"tcpSocket": {"port": DATABASE_PORT}}
    container = {
        "name": "mariadb",
        "image": wanted.image
        if wanted.image and "lab-platform" in wanted.image
        else get_settings().platform_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "lab_platform.data_science_pipelines.mariadb"],
        "env": [
            {"name": "MARIADB_DATABASE", "value": wanted.name},
            {"name": "MARIADB_USER", "value": wanted.user},
            _from_secret(
                "MARIADB_PASSWORD", wanted.credentials.secret, wanted.credentials.password_key
            ),
        ],
        "ports": [{"name": "mariadb", "containerPort": DATABASE_PORT, "protocol": "TCP"}],
        "resources": dict(wanted.resources)
        or {
            "requests": {"cpu": "50m", "memory": "192Mi"},
            "limits": {"cpu": "1", "memory": "768Mi"},
        },
        "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 180},
        "readinessProbe": {**probe, "periodSeconds": 3},
        "livenessProbe": {**probe, "periodSeconds": 20, "failureThreshold": 6},
        "securityContext": restricted_container_security_context(),
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/mysql"},
            {"name": "run", "mountPath": "/run/mysqld"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
        ],
    }
    deployment = _deployment(
        app,
        app.mariadb,
        own,
        selector,
        {
            "automountServiceAccountToken": False,
            "securityContext": restricted_pod_security_context(),
            "containers": [container],
            "volumes": [
                {"name": "data", "persistentVolumeClaim": {"claimName": app.mariadb}},
                {"name": "run", "emptyDir": {}},
                {"name": "tmp", "emptyDir": {}},
            ],
        },
        recreate=True,
    )
    ports = [{"name": "mysql", "port": DATABASE_PORT, "targetPort": DATABASE_PORT}]
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(app, app.mariadb, "database"),
        "spec": {
            "podSelector": {"matchLabels": selector},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [{"podSelector": {"matchLabels": _server_selector(app)}}],
                    "ports": [{"port": DATABASE_PORT, "protocol": "TCP"}],
                }
            ],
        },
    }
    return [
        claim,
        _service(app, app.mariadb, "database", selector, ports),
        deployment,
        policy,
    ]


# -- object store ------------------------------------------------------------------------------


def build_store(
    app: Application, access_key: str, secret_key: str, admin_access: str, admin_secret: str
) -> store_builders.ObjectStore:
    """The object store as the platform's builders take it."""
    wanted = app.store
    return store_builders.ObjectStore(
        name=app.minio,
        namespace=app.namespace,
        identities=(
            store_builders.Identity("project", access_key, secret_key, (wanted.bucket,)),
            store_builders.Identity("controller", admin_access, admin_secret, admin=True),
        ),
        size=wanted.size,
        storage_class=wanted.storage_class,
        image=wanted.image,
        resources=wanted.resources,
    )


def build_store_manifests(
    app: Application, store: store_builders.ObjectStore, *, aliases: bool
) -> list[Manifest]:
    """The object store's objects, with upstream's alias where it is free."""
    manifests = store_builders.build_object_store(store, route=app.store.route)
    for manifest in manifests:
        manifest["metadata"]["labels"] = {**manifest["metadata"]["labels"], "dspa": app.name}
    if aliases:
        manifests.append(store_builders.build_service(store, "minio-service"))
    return manifests


# -- server ------------------------------------------------------------------------------------


def _server_selector(app: Application) -> dict[str, str]:
    return {"app": app.server, "component": "data-science-pipelines"}


def build_launcher(app: Application) -> Manifest:
    """The file that runs inside the steps' containers."""
    package = resources.files("lab_platform.pipeline_server.launcher")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(app, f"ds-pipeline-launcher-{app.name}", "launcher"),
        "data": {"launcher.py": package.joinpath("launcher.py").read_text(encoding="utf-8")},
    }


def build_access(app: Application) -> list[Manifest]:
    """Service accounts, Roles and RoleBindings: server, steps, users."""
    server_rules = [
        {
            "apiGroups": [""],
            "resources": ["pods"],
            "verbs": ["get", "list", "watch", "create", "delete", "deletecollection"],
        },
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        {
            "apiGroups": [""],
            "resources": ["persistentvolumeclaims"],
            "verbs": ["get", "list", "create", "delete", "deletecollection"],
        },
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": [TRUSTED_CA],
            "verbs": ["get"],
        },
    ]
    runner_rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]
    user_rules = [
        {
            "apiGroups": ["route.openshift.io"],
            "resources": ["routes"],
            "resourceNames": [app.server],
            "verbs": ["get"],
        }
    ]
    return [
        _service_account(app, app.server, "pipeline-server"),
        _service_account(app, app.runner, "step"),
        _role(app, app.server, server_rules),
        _role_binding(app, app.server, app.server),
        _role(app, app.runner, runner_rules),
        _role_binding(app, app.runner, app.runner),
        _role(app, f"ds-pipeline-user-access-{app.name}", user_rules),
    ]


def build_delegator(app: Application) -> Manifest:
    """Lets the token proxy ask for reviews; cluster-wide, so the controller removes it."""
    return build_auth_delegator_binding(
        name=f"{app.namespace}-{app.server}-auth-delegator",
        service_account=app.server,
        namespace=app.namespace,
        labels=standard_labels(app.server, "auth-delegator"),
    )


def build_server_services(app: Application, *, alias: bool) -> list[Manifest]:
    """The server's Services: its own, whose certificate it asks for, and upstream's alias."""
    ports = [
        {"name": "http", "port": HTTP_PORT, "targetPort": HTTP_PORT},
        {"name": "grpc", "port": GRPC_PORT, "targetPort": GRPC_PORT},
    ]
    if app.oauth:
        ports.insert(0, {"name": "oauth", "port": OAUTH_PORT, "targetPort": OAUTH_PORT})
    own = _service(app, app.server, "pipeline-server", _server_selector(app), ports)
    own["metadata"]["annotations"] = {
        "service.beta.openshift.io/serving-cert-secret-name": tls_secret(app)
    }
    services = [own]
    if alias:
        services.append(
            _service(app, "ml-pipeline", "pipeline-server", _server_selector(app), ports)
        )
    return services


def tls_secret(app: Application) -> str:
    """The Secret of the proxy's serving certificate."""
    return f"ds-pipelines-proxy-tls-{app.name}"


def build_route(app: Application) -> Manifest:
    """The Route to the token proxy."""
    return {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": metadata(app, app.server, "pipeline-server"),
        "spec": {
            "to": {"kind": "Service", "name": app.server, "weight": 100},
            "port": {"targetPort": "oauth" if app.oauth else "http"},
            "tls": {
                "termination": "reencrypt" if app.oauth else "edge",
                "insecureEdgeTerminationPolicy": "Redirect",
            },
        },
    }


def build_network_policy(app: Application) -> Manifest:
    """8443 for all; 8888 and 8887 for the server's own pods, its steps, and workbenches."""
    peers = [
        {"podSelector": {"matchLabels": {"component": "data-science-pipelines"}}},
        {"podSelector": {"matchLabels": {"pipelines.kubeflow.org/v2_component": "true"}}},
        {"podSelector": {"matchLabels": {"opendatahub.io/workbenches": "true"}}},
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(app, f"ds-pipelines-{app.name}", "pipeline-server"),
        "spec": {
            "podSelector": {"matchLabels": _server_selector(app)},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [{"port": OAUTH_PORT, "protocol": "TCP"}]},
                {
                    "from": peers,
                    "ports": [
                        {"port": HTTP_PORT, "protocol": "TCP"},
                        {"port": GRPC_PORT, "protocol": "TCP"},
                    ],
                },
            ],
        },
    }


def build_server(
    app: Application, owner_uid: str, owner_api_version: str, mark: str = ""
) -> Manifest:
    """The server's Deployment; another mark of the credentials starts it anew, to read them."""
    settings = get_settings()
    image = app.image if app.image and "lab-platform" in app.image else settings.platform_image
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
        "LAUNCHER_CONFIG_MAP": f"ds-pipeline-launcher-{app.name}",
        "PLATFORM_IMAGE": settings.platform_image,
        "TRUSTED_CA_CONFIG_MAP": TRUSTED_CA,
    }
    credentials = app.store.credentials
    environment = [
        *({"name": f"PIPELINES_{key}", "value": value} for key, value in values.items()),
        _from_secret(
            "PIPELINES_DATABASE_PASSWORD",
            app.database.credentials.secret,
            app.database.credentials.password_key,
        ),
        _from_secret("PIPELINES_STORE_ACCESS_KEY", credentials.secret, credentials.user_key),
        _from_secret("PIPELINES_STORE_SECRET_KEY", credentials.secret, credentials.password_key),
        _from_secret("PIPELINES_SIGNING_KEY", secret_names(app)["server"], SIGNING_KEY),
    ]
    probe = {"httpGet": {"path": "/apis/v2beta1/healthz", "port": HTTP_PORT}}
    container = {
        "name": SERVER_CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "lab_platform.pipeline_server"],
        "env": environment,
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"},
            {"name": "grpc", "containerPort": GRPC_PORT, "protocol": "TCP"},
        ],
        "resources": dict(app.resources)
        or {
            "requests": {"cpu": "100m", "memory": "192Mi"},
            "limits": {"cpu": "2", "memory": "512Mi"},
        },
        "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 300},
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": HTTP_PORT},
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "livenessProbe": {
            "httpGet": {"path": "/livez", "port": HTTP_PORT},
            "periodSeconds": 20,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "securityContext": restricted_container_security_context(),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - a volume
    }
    containers = [container]
    volumes: list[Manifest] = [{"name": "tmp", "emptyDir": {}}]
    if app.oauth:
        session = secret_names(app)["server"]
        containers.append(
            build_auth_proxy_container(
                upstream_port=HTTP_PORT,
                review={
                    "verb": "get",
                    "group": "route.openshift.io",
                    "resource": "routes",
                    "name": app.server,
                    "namespace": app.namespace,
                },
                tls_volume=TLS_VOLUME,
                login=True,
                session_secret=session,
                open_paths=OPEN_PATHS,
                image=image,
            )
        )
        volumes += build_auth_proxy_volumes(
            tls_volume=TLS_VOLUME, tls_secret=tls_secret(app), session_secret=session
        )
    for part in containers:
        # Until the router and the node have heard that the pod goes, requests still come.
        part["lifecycle"] = {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}}
    deployment = _deployment(
        app,
        app.server,
        labels(app, app.server, "pipeline-server"),
        _server_selector(app),
        {
            "serviceAccountName": app.server,
            "securityContext": restricted_pod_security_context(),
            "terminationGracePeriodSeconds": 15,
            "containers": containers,
            "volumes": volumes,
        },
    )
    if mark:
        deployment["spec"]["template"]["metadata"]["annotations"][CREDENTIALS_MARK] = mark
    return deployment


def server_url(app: Application) -> str:
    """The server inside the cluster."""
    return f"http://{app.server}.{app.namespace}.svc.cluster.local:{HTTP_PORT}"


# -- parts -------------------------------------------------------------------------------------


def _from_secret(name: str, secret: str, key: str) -> Manifest:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _service(
    app: Application,
    name: str,
    component: str,
    selector: Mapping[str, str],
    ports: list[Manifest],
) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(app, name, component),
        "spec": {
            "selector": dict(selector),
            "ports": [{"protocol": "TCP", **port} for port in ports],
        },
    }


def _deployment(
    app: Application,
    name: str,
    own_labels: Mapping[str, str],
    selector: Mapping[str, str],
    pod: Manifest,
    *,
    recreate: bool = False,
) -> Manifest:
    """A Deployment. The number of replicas is left to whoever scales it; it begins as one."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": app.namespace, "labels": dict(own_labels)},
        "spec": {
            "strategy": {"type": "Recreate"}
            if recreate
            else {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": dict(selector)},
            "template": {
                "metadata": {"labels": dict(own_labels), "annotations": image_revisions(pod)},
                "spec": pod,
            },
        },
    }


def _service_account(app: Application, name: str, component: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(app, name, component),
    }


def _role(app: Application, name: str, rules: list[Manifest]) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata(app, name, "access"),
        "rules": rules,
    }


def _role_binding(app: Application, name: str, account: str) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata(app, name, "access"),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": app.namespace}],
    }
