"""The container that checks tokens in front of a server, and the volumes it needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from auth_proxy.manners import Manner
from lab_ground.kubernetes.metadata import restricted_container_security_context
from lab_ground.settings import get_settings

LISTEN_PORT = 8443
HEALTH_PATH = "/oauth/healthz"
WORK_VOLUME = "auth-proxy-run"
SESSION_VOLUME = "auth-proxy-session"
AUTHORITY_VOLUME = "auth-proxy-authority"
API_VOLUME = "auth-proxy-api"
TLS_DIRECTORY = "/etc/auth-proxy/tls"
SESSION_DIRECTORY = "/etc/auth-proxy/session"
API_DIRECTORY = "/etc/auth-proxy/api"
WORK_DIRECTORY = "/run/auth-proxy"
AUTHORITY_DIRECTORY = "/etc/auth-proxy/authority"
# What every project is given of the lab's authority.
AUTHORITY_CONFIG_MAP, AUTHORITY_KEY = "odh-trusted-ca-bundle", "odh-ca-bundle.crt"


def build_auth_proxy_container(
    *,
    upstream_port: int,
    review: Mapping[str, str],
    tls_volume: str,
    login: bool = False,
    session_secret: str | None = None,
    open_paths: tuple[str, ...] = (),
    listen_port: int = LISTEN_PORT,
    name: str = "oauth-proxy",
    port_name: str = "oauth-proxy",
    upstream_host: str = "127.0.0.1",
    image: str | None = None,
    pass_token: bool = False,
    manner: Manner = Manner.OWN,
    prefix: str = "",
) -> dict[str, Any]:
    """Build the proxy's container.

    ``review`` is what a token must be allowed to do: verb, group, resource, name, namespace.
    With ``login`` a browser without a session gets the login page, and ``session_secret`` names
    the Secret whose ``cookie_secret`` signs sessions. ``open_paths`` are prefixes that need no
    token. The pod's service account needs no rights for it: the proxy asks as the caller.
    ``pass_token`` gives the caller's token to the server behind, which has to ask with it
    itself. ``manner`` is how programs are refused, ``prefix`` the path of a door that shares its
    host with others.
    """
    if login and not session_secret:
        raise ValueError("a proxy with a login page needs a session secret")
    environment = {
        "AUTH_PROXY_LISTEN_PORT": str(listen_port),
        "AUTH_PROXY_UPSTREAM": f"{upstream_host}:{upstream_port}",
        "AUTH_PROXY_REVIEW": json.dumps(dict(review), sort_keys=True),
        "AUTH_PROXY_LOGIN": "true" if login else "false",
        "AUTH_PROXY_OPEN_PATHS": json.dumps(list(open_paths)),
        "AUTH_PROXY_TLS_DIRECTORY": TLS_DIRECTORY,
        "AUTH_PROXY_WORK_DIRECTORY": WORK_DIRECTORY,
    }
    if manner:
        environment["AUTH_PROXY_MANNER"] = str(manner)
    if prefix:
        environment["AUTH_PROXY_PREFIX"] = prefix
    if pass_token:
        environment["AUTH_PROXY_PASS_TOKEN"] = "true"  # noqa: S105 - a switch
    mounts = [
        {"name": tls_volume, "mountPath": TLS_DIRECTORY, "readOnly": True},
        {"name": WORK_VOLUME, "mountPath": WORK_DIRECTORY},
        {"name": API_VOLUME, "mountPath": API_DIRECTORY, "readOnly": True},
    ]
    if session_secret:
        environment["AUTH_PROXY_SESSION_FILE"] = f"{SESSION_DIRECTORY}/cookie_secret"
        mounts.append({"name": SESSION_VOLUME, "mountPath": SESSION_DIRECTORY, "readOnly": True})
    if login and get_settings().login_url:
        environment["AUTH_PROXY_LOGIN_SERVICE"] = get_settings().login_url
        environment["AUTH_PROXY_SIGN_IN"] = get_settings().sign_in_url
        environment["AUTH_PROXY_AUTHORITY_FILE"] = f"{AUTHORITY_DIRECTORY}/ca.crt"
        mounts.append(
            {"name": AUTHORITY_VOLUME, "mountPath": AUTHORITY_DIRECTORY, "readOnly": True}
        )
    probe = {"httpGet": {"path": HEALTH_PATH, "port": listen_port, "scheme": "HTTPS"}}
    return {
        "name": name,
        "image": image or get_settings().platform_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "auth_proxy"],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "ports": [{"name": port_name, "containerPort": listen_port, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": "10m", "memory": "48Mi"},
            "limits": {"cpu": "500m", "memory": "128Mi"},
        },
        "readinessProbe": {**probe, "periodSeconds": 2, "failureThreshold": 3},
        "livenessProbe": {**probe, "initialDelaySeconds": 15, "periodSeconds": 15},
        "securityContext": restricted_container_security_context(),
        "volumeMounts": mounts,
    }


def build_auth_proxy_volumes(
    *, tls_volume: str, tls_secret: str, session_secret: str | None = None
) -> list[dict[str, Any]]:
    """Build the pod volumes that the container of ``build_auth_proxy_container`` mounts."""
    volumes: list[dict[str, Any]] = [
        {"name": tls_volume, "secret": {"secretName": tls_secret, "defaultMode": 0o440}},
        {"name": WORK_VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
        # The API server's authority alone: the pod may mount no token at all.
        {
            "name": API_VOLUME,
            "configMap": {
                "name": "kube-root-ca.crt",
                "items": [{"key": "ca.crt", "path": "ca.crt"}],
            },
        },
    ]
    if session_secret:
        volumes.append(
            {
                "name": SESSION_VOLUME,
                "secret": {"secretName": session_secret, "defaultMode": 0o440},
            }
        )
    if session_secret and get_settings().login_url:
        items = [{"key": AUTHORITY_KEY, "path": "ca.crt"}]
        bundle = {"name": AUTHORITY_CONFIG_MAP, "items": items, "optional": True}
        volumes.append({"name": AUTHORITY_VOLUME, "configMap": bundle})
    return volumes
