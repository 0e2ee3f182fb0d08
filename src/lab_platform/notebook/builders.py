"""What a Notebook is made of: StatefulSet, Services, Route, policies, sign-in and rights."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from lab_platform.auth_proxy.builders import (
    build_auth_delegator_binding,
    build_auth_proxy_container,
    build_auth_proxy_volumes,
)
from lab_platform.kubernetes.metadata import (
    restricted_pod_security_context,
    standard_labels,
)
from lab_platform.notebook import runtime_images
from lab_platform.serving_certificate.builders import PROJECT_BUNDLE, SERVING_CERT_ANNOTATION

Manifest = dict[str, Any]

INJECT_OAUTH = "notebooks.opendatahub.io/inject-oauth"
STOPPED = "kubeflow-resource-stopped"
IMAGE_SELECTION = "notebooks.opendatahub.io/last-image-selection"
BINDING_LABEL = "lab.opendatahub.io/notebook"
PORT = 8888
PROXY_PORT = 8443
PROXY = "oauth-proxy"
TLS_VOLUME = "tls-certificates"
BUNDLE_VOLUME = "trusted-ca"
BUNDLE_FILE = "/etc/pki/tls/custom-certs/ca-bundle.crt"
# What each of the usual clients reads to know whom to trust.
BUNDLE_VARIABLES = (
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIPELINES_SSL_SA_CERTS",
)
_NAME_LIMIT = 52  # A StatefulSet's pod gets a label of its name, a dash and a hash of ten.


class InvalidNotebookError(ValueError):
    """The Notebook cannot be made into pods; the message says what is wrong in it."""


def is_stopped(notebook: Mapping[str, Any]) -> bool:
    """Say whether the Notebook is stopped: the annotation's presence alone counts."""
    return STOPPED in (notebook["metadata"].get("annotations") or {})


def has_login(notebook: Mapping[str, Any]) -> bool:
    """Say whether the Notebook wants the proxy with the sign-in."""
    return (notebook["metadata"].get("annotations") or {}).get(INJECT_OAUTH) == "true"


def _identity(notebook: Mapping[str, Any]) -> tuple[str, str]:
    return notebook["metadata"]["namespace"], notebook["metadata"]["name"]


def _metadata(notebook: Mapping[str, Any], name: str, **more: Any) -> Manifest:
    namespace, notebook_name = _identity(notebook)
    labels = {"notebook-name": notebook_name, **standard_labels(notebook_name, "notebook")}
    return {"name": name, "namespace": namespace, "labels": labels, **more}


def choose_image(
    image: str, selection: str | None, registry: str, stream: Mapping[str, Any] | None
) -> str:
    """Return the image behind the selected tag of an ImageStream, else the one that is given."""
    if not selection or stream is None or not image.startswith(f"{registry}/"):
        return image
    tag = selection.partition(":")[2]
    for entry in (stream.get("status") or {}).get("tags") or []:
        items = entry.get("items") or []
        if entry["tag"] == tag and items:
            return str(items[0]["dockerImageReference"])
    return image


def _main_container(
    notebook: Mapping[str, Any], containers: Iterable[Manifest], image: str
) -> Manifest:
    namespace, name = _identity(notebook)
    containers = list(containers)
    main = next((c for c in containers if c["name"] == name), containers[0])
    main["image"] = image
    main.setdefault("imagePullPolicy", "IfNotPresent")
    main.setdefault("ports", [{"name": "notebook-port", "containerPort": PORT, "protocol": "TCP"}])
    environment = main.setdefault("env", [])
    known = {variable["name"] for variable in environment}
    wanted = {"NB_PREFIX": f"/notebook/{namespace}/{name}"}
    wanted |= dict.fromkeys(BUNDLE_VARIABLES, BUNDLE_FILE)
    environment += [
        {"name": key, "value": value} for key, value in wanted.items() if key not in known
    ]
    mounts = main.setdefault("volumeMounts", [])
    if all(mount["name"] != BUNDLE_VOLUME for mount in mounts):
        mounts.append(
            {"name": BUNDLE_VOLUME, "mountPath": BUNDLE_FILE.rpartition("/")[0], "readOnly": True}
        )
    security = main.setdefault("securityContext", {})
    security.setdefault("allowPrivilegeEscalation", False)
    security.setdefault("capabilities", {"drop": ["ALL"]})
    return main


def _add_proxy(notebook: Mapping[str, Any], spec: Manifest) -> None:
    namespace, name = _identity(notebook)
    spec["containers"] = [c for c in spec["containers"] if c["name"] != PROXY]
    spec["containers"].append(
        build_auth_proxy_container(
            name=PROXY,
            upstream_port=PORT,
            review={
                "verb": "get",
                "group": "kubeflow.org",
                "resource": "notebooks",
                "name": name,
                "namespace": namespace,
            },
            tls_volume=TLS_VOLUME,
            login=True,
            session_secret=f"{name}-oauth-config",
            listen_port=PROXY_PORT,
            port_name=PROXY,
        )
    )
    ours = build_auth_proxy_volumes(
        tls_volume=TLS_VOLUME,
        tls_secret=f"{name}-tls",
        session_secret=f"{name}-oauth-config",
    )
    names = {volume["name"] for volume in ours}
    spec["volumes"] = [v for v in spec["volumes"] if v["name"] not in names] + ours


def build_stateful_set(notebook: Mapping[str, Any], image: str) -> Manifest:
    """Build the StatefulSet of one pod, or of none while the Notebook is stopped."""
    _, name = _identity(notebook)
    if len(name) > _NAME_LIMIT:
        raise InvalidNotebookError(
            f"metadata.name has {len(name)} characters; a workbench's has at most {_NAME_LIMIT}"
        )
    template = notebook["spec"]["template"]
    labels = {
        **(notebook["metadata"].get("labels") or {}),
        **((template.get("metadata") or {}).get("labels") or {}),
        "statefulset": name,
        "notebook-name": name,
        "opendatahub.io/workbenches": "true",
    }
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": _metadata(notebook, name),
        "spec": {
            "replicas": 0 if is_stopped(notebook) else 1,
            "serviceName": name,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"statefulset": name, "notebook-name": name}},
            "template": {
                "metadata": {"labels": labels, "annotations": dict(annotations)},
                "spec": _pod(notebook, image),
            },
        },
    }


def _pod(notebook: Mapping[str, Any], image: str) -> Manifest:
    """The pod as it was written, with the lab's authority, the runtime images and the login."""
    _, name = _identity(notebook)
    spec: Manifest = copy.deepcopy(notebook["spec"]["template"]["spec"])
    containers = spec.get("containers") or []
    if not containers:
        raise InvalidNotebookError("spec.template.spec.containers is empty")
    main = _main_container(notebook, containers, image)
    if not image:
        raise InvalidNotebookError(f"container {main['name']} has no image")
    spec.setdefault("volumes", [])
    if all(volume["name"] != BUNDLE_VOLUME for volume in spec["volumes"]):
        spec["volumes"].append(
            {
                "name": BUNDLE_VOLUME,
                "configMap": {
                    "name": PROJECT_BUNDLE,
                    "optional": True,
                    "items": [{"key": "ca-bundle.crt", "path": "ca-bundle.crt"}],
                },
            }
        )
    runtime_images.add_volume(spec, main)
    spec["securityContext"] = {
        **restricted_pod_security_context(),
        **(spec.get("securityContext") or {}),
    }
    if has_login(notebook):
        spec["serviceAccountName"] = spec.get("serviceAccountName") or name
        _add_proxy(notebook, spec)
    return spec


def build_service(notebook: Mapping[str, Any]) -> Manifest:
    """Build the Service of the notebook server itself."""
    _, name = _identity(notebook)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(notebook, name),
        "spec": {
            "type": "ClusterIP",
            "selector": {"statefulset": name},
            "ports": [
                {"name": f"http-{name}"[:63], "port": 80, "targetPort": PORT, "protocol": "TCP"}
            ],
        },
    }


def build_service_account(notebook: Mapping[str, Any]) -> Manifest:
    """Build the workbench's own ServiceAccount."""
    _, name = _identity(notebook)
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(notebook, name),
    }


def build_session_secret(notebook: Mapping[str, Any], cookie_secret: str) -> Manifest:
    """Build the Secret that seals the sessions."""
    _, name = _identity(notebook)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(notebook, f"{name}-oauth-config"),
        "type": "Opaque",
        "stringData": {"cookie_secret": cookie_secret},
    }


def build_tls_service(notebook: Mapping[str, Any]) -> Manifest:
    """Build the Service of the proxy, which asks for a serving certificate."""
    _, name = _identity(notebook)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(
            notebook, f"{name}-tls", annotations={SERVING_CERT_ANNOTATION: f"{name}-tls"}
        ),
        "spec": {
            "selector": {"statefulset": name},
            "ports": [{"name": PROXY, "port": 443, "targetPort": PROXY, "protocol": "TCP"}],
        },
    }


def build_route(notebook: Mapping[str, Any]) -> Manifest:
    """Build the Route to the proxy."""
    _, name = _identity(notebook)
    return {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": _metadata(notebook, name),
        "spec": {
            "to": {"kind": "Service", "name": f"{name}-tls", "weight": 100},
            "port": {"targetPort": PROXY},
            "tls": {"termination": "reencrypt", "insecureEdgeTerminationPolicy": "Redirect"},
        },
    }


def build_network_policies(
    notebook: Mapping[str, Any], controller_namespace: str
) -> list[Manifest]:
    """Build the policies: the server itself for the controller only, the proxy for all."""
    _, name = _identity(notebook)
    selector = {"matchLabels": {"notebook-name": name}}
    controller = {
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": controller_namespace},
        }
    }

    def policy(suffix: str, ingress: Manifest) -> Manifest:
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": _metadata(notebook, f"{name}-{suffix}"),
            "spec": {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": [ingress]},
        }

    return [
        policy("ctrl-np", {"from": [controller], "ports": [{"protocol": "TCP", "port": PORT}]}),
        policy("oauth-np", {"ports": [{"protocol": "TCP", "port": PROXY_PORT}]}),
    ]


def build_pipelines_binding(notebook: Mapping[str, Any], role: str) -> Manifest:
    """Build the RoleBinding that lets the workbench use the project's pipeline server."""
    namespace, name = _identity(notebook)
    account = notebook["spec"]["template"]["spec"].get("serviceAccountName") or name
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": _metadata(notebook, f"elyra-pipelines-{name}"),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }


def build_access(notebook: Mapping[str, Any]) -> list[Manifest]:
    """Build the Role and RoleBinding that let the workbench's own account open the workbench.

    Whoever may make tokens of that account may thus sign in, and so may ``./lab status``'s links.
    """
    namespace, name = _identity(notebook)
    account = notebook["spec"]["template"]["spec"].get("serviceAccountName") or name
    role = f"{name}-workbench-access"
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": _metadata(notebook, role),
            "rules": [
                {
                    "apiGroups": ["kubeflow.org"],
                    "resources": ["notebooks"],
                    "resourceNames": [name],
                    "verbs": ["get"],
                }
            ],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": _metadata(notebook, role),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        },
    ]


def delegator_name(namespace: str, name: str) -> str:
    """Return the name of the ClusterRoleBinding of one Notebook's proxy."""
    return f"{namespace}-{name}-notebook-auth-delegator"


def build_delegator_binding(notebook: Mapping[str, Any]) -> Manifest:
    """Build the ClusterRoleBinding that lets the proxy ask for reviews."""
    namespace, name = _identity(notebook)
    account = notebook["spec"]["template"]["spec"].get("serviceAccountName") or name
    return build_auth_delegator_binding(
        name=delegator_name(namespace, name),
        service_account=account,
        namespace=namespace,
        labels={
            **standard_labels(name, "notebook"),
            BINDING_LABEL: name,
            f"{BINDING_LABEL}-namespace": namespace,
        },
    )


def login_children(notebook: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what exists only with the sign-in, as (apiVersion, kind, name)."""
    _, name = _identity(notebook)
    return [
        ("route.openshift.io/v1", "Route", name),
        ("v1", "Service", f"{name}-tls"),
        ("v1", "Secret", f"{name}-oauth-config"),
        ("networking.k8s.io/v1", "NetworkPolicy", f"{name}-oauth-np"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", f"{name}-workbench-access"),
        ("rbac.authorization.k8s.io/v1", "Role", f"{name}-workbench-access"),
    ]
