"""What submitting a pipeline takes of the cluster: pure, from an order to manifests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lab_ground.kubernetes.manifest import Manifest
from lab_playbook.models import StoredModel
from lab_playbook.outcome import Arguments

LABELS = {
    "app.kubernetes.io/part-of": "mnist-lab",
    "app.kubernetes.io/component": "training",
}
# Seconds after which a submission that has not ended is ended, and for which its Job stays.
SUBMISSION, KEPT = 170, 86400
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
QUICK = """
python3 - <<'EDIT'
import json, pathlib
path = pathlib.Path("{pipeline}")
pipeline = json.loads(path.read_text())
for node in pipeline["pipelines"][0]["nodes"]:
    node["app_data"]["component_parameters"].setdefault("env_vars", []).append(
        {{"env_var": "MNIST_PROFILE", "value": "{profile}"}})
path.write_text(json.dumps(pipeline))
EDIT
"""
# The address of a run as Elyra prints it; its second group is the run's identifier.
RUN = ".*/runs?/(details/|view/)?([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}).*"
# The run's identifier becomes the container's own last word, which its pod's status shows.
SCRIPT = """
runtimes="$(jupyter --data-dir)/metadata/runtimes"
mkdir -p "$runtimes" "$HOME/pipeline" "$(jupyter --runtime-dir)"
cp -L /opt/app-root/runtimes/*.json "$runtimes/"
cp -L /opt/model-repo/* "$HOME/pipeline/"
cd "$HOME/pipeline"
{edit}
elyra-pipeline submit {pipeline} --runtime-config odh_dsp >"$HOME/said" 2>&1 ||
    {{ cat "$HOME/said"; exit 1; }}
cat "$HOME/said"
run="$(sed -nE 's,{run},\\2,p' "$HOME/said" | tail -n 1)"
[ -n "$run" ] || {{ echo "it names no run"; exit 1; }}
printf %s "$run" >/dev/termination-log
"""


def job_name(fingerprint: str) -> str:
    """The name of the Job that submits what has this fingerprint, and of its files."""
    return f"submit-pipeline-{fingerprint[:10]}"


def pipeline_files(arguments: Arguments) -> list[Path]:
    """The files beside the pipeline, itself among them, which is what it is submitted from."""
    folder = Path(arguments["repository"]) / PurePosixPath(arguments["pipeline"]).parent
    return sorted(path for path in folder.iterdir() if path.is_file())


def build_files(name: str, namespace: str, files: Iterable[Path]) -> Manifest:
    """The ConfigMap with a pipeline and its notebooks."""
    data = {path.name: path.read_text(encoding="utf-8") for path in files}
    return _config_map(name, namespace, data)


def build_record(
    arguments: Arguments, namespace: str, fingerprint: str, model: StoredModel
) -> Manifest:
    """The ConfigMap that says what a model was made from."""
    accuracy = str(model.sidecar.get("accuracy"))
    data = {"fingerprint": fingerprint, "sha256": model.sha256, "accuracy": accuracy}
    return _config_map(arguments["record"], namespace, data)


def _config_map(name: str, namespace: str, data: Mapping[str, str]) -> Manifest:
    metadata = {"name": name, "namespace": namespace, "labels": dict(LABELS)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def build_script(pipeline: str, profile: str) -> str:
    """What the Job runs: Elyra's own command, as a learner's workbench would."""
    name = PurePosixPath(pipeline).name
    edit = "" if profile == "default" else QUICK.format(pipeline=name, profile=profile)
    return SCRIPT.format(pipeline=name, edit=edit, run=RUN).lstrip()


def build_job(arguments: Arguments, namespace: str, name: str) -> Manifest:
    """The Job that submits the pipeline from the workbench's image, as its service account."""
    # The last label lets the pod through the pipeline server's NetworkPolicy, as a workbench.
    labels = {**LABELS, "opendatahub.io/workbenches": "true"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(LABELS)},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": SUBMISSION,
            "ttlSecondsAfterFinished": KEPT,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "enableServiceLinks": False,
                    "serviceAccountName": arguments["workbench"],
                    "securityContext": {
                        "runAsNonRoot": True,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [_container(arguments)],
                    "volumes": _volumes(arguments, name),
                },
            },
        },
    }


def _container(arguments: Arguments) -> dict[str, Any]:
    script = build_script(arguments["pipeline"], arguments["profile"])
    mounts = {
        "tmp": "/tmp",  # noqa: S108 - the pod's own volume
        "model-repo": "/opt/model-repo",
        "runtimes": "/opt/app-root/runtimes",
        "ca": "/opt/app-root/ca",
    }
    environment = {
        "HOME": "/tmp/home",  # noqa: S108
        "KF_PIPELINES_SA_TOKEN_PATH": f"{ACCOUNT}/token",
        "KF_PIPELINES_SSL_SA_CERTS": "/opt/app-root/ca/service-ca.crt",
    }
    return {
        "name": "submit",
        "image": arguments["image"],
        "imagePullPolicy": arguments["image_pull_policy"],
        "command": ["sh", "-euc"],
        "args": [script],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": {
            "requests": {"cpu": "50m", "memory": "256Mi"},
            "limits": {"cpu": "2", "memory": "2Gi"},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in mounts.items()],
    }


def _volumes(arguments: Arguments, name: str) -> list[dict[str, Any]]:
    return [
        {"name": "tmp", "emptyDir": {}},
        {"name": "model-repo", "configMap": {"name": name}},
        {"name": "runtimes", "secret": {"secretName": arguments["runtime_secret"]}},
        {"name": "ca", "configMap": {"name": f"{arguments['pipelines_client']}-ca"}},
    ]
