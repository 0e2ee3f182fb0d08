"""The pod of a step; pure builders."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab_ground.kubernetes.manifest import Manifest
from pipeline_server.execution import names
from pipeline_server.execution.executor_input import WORKSPACE_DIRECTORY, StepWork
from pipeline_server.settings import Settings

MAIN = "main"
LAUNCHER_DIRECTORY = "/lab/launcher"
SCRATCH_DIRECTORY = "/lab/scratch"
CA_DIRECTORY = "/etc/lab-trusted-ca"
CA_FILE = f"{CA_DIRECTORY}/ca-bundle.crt"
STORE_DIRECTORIES = ("/s3", "/minio", "/gcs", "/oci")
GRACE_SECONDS = 5
# Beside an image without Python the outputs are stored after the end: no less than the launcher
# waits for a store that is away (its STORE_PATIENCE, to which a test holds this).
SIDECAR_GRACE_SECONDS = 150


@dataclass(frozen=True, slots=True)
class StepPod:
    """What a step's pod is made of."""

    name: str
    run_id: str
    run_name: str
    task_id: str
    task_name: str
    number: int
    attempt_id: str
    token: str
    mode: str
    work: StepWork
    service_account: str
    kubernetes: KubernetesOptions
    workspace_claim: str = ""


@dataclass(frozen=True, slots=True)
class KubernetesOptions:
    """What ``platforms.kubernetes`` asked for, as parts of a pod."""

    volumes: list[Manifest] = field(default_factory=list)
    mounts: list[Manifest] = field(default_factory=list)
    environment: list[Manifest] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: list[Manifest] = field(default_factory=list)
    affinity: Manifest = field(default_factory=dict)
    pull_secrets: list[str] = field(default_factory=list)
    pull_policy: str = ""
    deadline_seconds: int = 0
    security_context: Manifest = field(default_factory=dict)
    claims: list[str] = field(default_factory=list)


def build_pod(step: StepPod, settings: Settings, *, trusted_ca: bool = True) -> Manifest:
    """The pod: in mode ``launcher`` one container, in mode ``sidecar`` with two helpers."""
    volumes, mounts = _own_volumes(settings, trusted_ca)
    if step.workspace_claim:
        volumes.append(
            {
                "name": "lab-workspace",
                "persistentVolumeClaim": {"claimName": step.workspace_claim},
            }
        )
        mounts.append({"name": "lab-workspace", "mountPath": WORKSPACE_DIRECTORY})
    taken = {mount["mountPath"].rstrip("/") for mount in step.kubernetes.mounts}
    mounts = [mount for mount in mounts if mount["mountPath"] not in taken]
    mounts += step.kubernetes.mounts
    used = {mount["name"] for mount in mounts}
    volumes = [volume for volume in volumes if volume["name"] in used] + step.kubernetes.volumes
    spec: Manifest = {
        "restartPolicy": "Never",
        "serviceAccountName": step.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": (
            SIDECAR_GRACE_SECONDS if step.mode == "sidecar" else GRACE_SECONDS
        ),
        # Names with dots are looked up as they are, without a round through the search domains.
        "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
        "securityContext": _pod_security(step, settings),
        "containers": [_main_container(step, settings, mounts, trusted_ca)],
        "volumes": volumes,
    }
    if step.mode == "sidecar":
        spec["initContainers"] = _helpers(step, settings, mounts)
    options = step.kubernetes
    for key, value in (
        ("nodeSelector", options.node_selector),
        ("tolerations", options.tolerations),
        ("affinity", options.affinity),
        ("imagePullSecrets", [{"name": name} for name in options.pull_secrets]),
        ("activeDeadlineSeconds", options.deadline_seconds),
    ):
        if value:
            spec[key] = value
    metadata: Manifest = {
        "name": step.name,
        "namespace": settings.namespace,
        "labels": {**options.labels, **_labels(step, settings)},
        "annotations": {
            **options.annotations,
            "pipelines.kubeflow.org/run-name": step.run_name,
            "pipelines.kubeflow.org/task-path": step.task_name,
        },
    }
    if settings.owner_uid:
        metadata["ownerReferences"] = [owner_reference(settings)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def owner_reference(settings: Settings) -> Manifest:
    """The pipeline server that a step belongs to: with it, its pods go."""
    return {
        "apiVersion": settings.owner_api_version,
        "kind": "DataSciencePipelinesApplication",
        "name": settings.name,
        "uid": settings.owner_uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _labels(step: StepPod, settings: Settings) -> dict[str, str]:
    return {
        names.RUN_LABEL: step.run_id,
        names.RUN_ID_LABEL: step.run_id,
        names.TASK_ID_LABEL: step.task_id,
        names.TASK_NAME_LABEL: names.label_value(step.task_name),
        names.ATTEMPT_LABEL: str(step.number),
        names.SERVER_LABEL: names.label_value(settings.name),
        names.COMPONENT_LABEL: "data-science-pipelines",
        "pipelines.kubeflow.org/v2_component": "true",
        "app.kubernetes.io/managed-by": "lab-platform",
    }


def _pod_security(step: StepPod, settings: Settings) -> Manifest:
    context: Manifest = {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        "fsGroupChangePolicy": "OnRootMismatch",
    }
    if settings.step_user is not None:
        context |= {
            "runAsUser": settings.step_user,
            "runAsGroup": 0,
            "fsGroup": settings.step_user,
        }
    return context | step.kubernetes.security_context


def _container_security() -> Manifest:
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def _own_volumes(settings: Settings, trusted_ca: bool) -> tuple[list[Manifest], list[Manifest]]:
    volumes: list[Manifest] = [
        {
            "name": "lab-launcher",
            "configMap": {"name": settings.launcher_config_map, "defaultMode": 0o444},
        },
        {"name": "lab-scratch", "emptyDir": {}},
        {"name": "lab-tmp", "emptyDir": {}},
        {"name": "lab-artifacts", "emptyDir": {}},
    ]
    mounts: list[Manifest] = [
        {"name": "lab-launcher", "mountPath": LAUNCHER_DIRECTORY, "readOnly": True},
        {"name": "lab-scratch", "mountPath": SCRATCH_DIRECTORY},
        {"name": "lab-tmp", "mountPath": "/tmp"},  # noqa: S108 - in the step's container
        *({"name": "lab-artifacts", "mountPath": path} for path in STORE_DIRECTORIES),
    ]
    if trusted_ca:
        volumes.append(
            {
                "name": "lab-trusted-ca",
                "configMap": {"name": settings.trusted_ca_config_map, "optional": True},
            }
        )
        mounts.append({"name": "lab-trusted-ca", "mountPath": CA_DIRECTORY, "readOnly": True})
    return volumes, mounts


def _step_environment(step: StepPod, settings: Settings) -> list[Manifest]:
    return [
        {"name": "LAB_STEP_URL", "value": f"{settings.step_url}/internal/steps/{step.attempt_id}"},
        {"name": "LAB_STEP_TOKEN", "value": step.token},
    ]


def _user_environment(step: StepPod, settings: Settings, trusted_ca: bool) -> list[Manifest]:
    fixed = {
        "KFP_POD_NAME": step.name,
        "KFP_POD_UID": step.task_id,
        "KFP_RUN_ID": step.run_id,
        "NAMESPACE": settings.namespace,
    }
    if trusted_ca:
        fixed |= dict.fromkeys(("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), CA_FILE)
    fixed |= step.work.environment
    chosen = {item["name"] for item in step.kubernetes.environment}
    return [
        *({"name": key, "value": value} for key, value in fixed.items() if key not in chosen),
        *step.kubernetes.environment,
    ]


def _main_container(
    step: StepPod, settings: Settings, mounts: list[Manifest], trusted_ca: bool
) -> Manifest:
    environment = _user_environment(step, settings, trusted_ca)
    container: Manifest = {
        "name": MAIN,
        "image": step.work.image,
        "imagePullPolicy": step.kubernetes.pull_policy or settings.image_pull_policy,
        "securityContext": _container_security(),
        "volumeMounts": mounts,
    }
    if step.work.resources:
        container["resources"] = step.work.resources
    if step.mode == "sidecar":
        if step.work.command:
            container["command"] = _literal(step.work.command)
        if step.work.arguments:
            container["args"] = _literal(step.work.arguments)
        container["env"] = environment
        return container
    container["envFrom"] = [
        {"secretRef": {"name": settings.package_index_secret, "optional": True}}
    ]
    container["command"] = ["python3", f"{LAUNCHER_DIRECTORY}/launcher.py", "run"]
    container["env"] = [*environment, *_step_environment(step, settings)]
    return container


def _literal(words: list[str]) -> list[str]:
    """Words that Kubernetes shall not expand."""
    return [word.replace("$(", "$$(") for word in words]


def _helpers(step: StepPod, settings: Settings, mounts: list[Manifest]) -> list[Manifest]:
    """For an image without Python: one container fetches before, one uploads after."""
    own = [mount for mount in mounts if mount["name"].startswith("lab-")]
    shared: Manifest = {
        "image": settings.platform_image,
        "imagePullPolicy": settings.image_pull_policy,
        "securityContext": _container_security(),
        "env": _step_environment(step, settings),
        "volumeMounts": own,
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"cpu": "1", "memory": "128Mi"},
        },
    }
    launcher = ["python3", f"{LAUNCHER_DIRECTORY}/launcher.py"]
    return [
        {"name": "fetch", "command": [*launcher, "fetch"], **shared},
        {"name": "finish", "command": [*launcher, "finish"], "restartPolicy": "Always", **shared},
    ]
