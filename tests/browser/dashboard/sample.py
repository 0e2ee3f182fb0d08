"""A project as a learner has it in the middle of the lab, in the interface's own shapes."""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]
THEN = "2026-01-01T09:00:00Z"

SESSION: Json = {
    "user": "system:serviceaccount:mnist:learner",
    "namespace": "redhat-ods-applications",
    "baseDomain": "apps.mnist-lab.localhost",
    "column": "2.25",
    "instructor": False,
    "canCreateProject": True,
    "signIn": "/oauth/login",
    "signOut": "/oauth/logout",
    "loginCommand": "https://login-lab-platform.apps.mnist-lab.localhost/token",
}


def _size(name: str, requests: tuple[str, str], limits: tuple[str, str]) -> Json:
    return {
        "name": name,
        "requests": {"cpu": requests[0], "memory": requests[1]},
        "limits": {"cpu": limits[0], "memory": limits[1]},
    }


SIZES = [
    _size("Small", ("1", "8Gi"), ("2", "8Gi")),
    _size("Medium", ("3", "24Gi"), ("6", "24Gi")),
]
FORMATS = [{"name": "onnx", "version": "1"}, {"name": "openvino_ir", "version": "opset1"}]
SOFTWARE = [{"name": "Python", "version": "3.11"}, {"name": "Elyra", "version": "4.3"}]
PACKAGES = [{"name": "tensorflow", "version": "2.20"}, {"name": "onnx", "version": "1.20"}]


def _version(tag: str, *, recommended: bool = False, available: bool = True) -> Json:
    return {
        "tag": tag,
        "image": f"registry/notebook:{tag}",
        "recommended": recommended,
        "available": available,
        "message": None if available else "The image was not built.",
        "software": SOFTWARE,
        "packages": PACKAGES,
    }


def _image(stream: str, name: str, order: int, versions: list[Json], *, gpu: bool = False) -> Json:
    text = "JupyterLab with TensorFlow, Elyra and the lab's libraries."
    return {
        "stream": stream,
        "displayName": name,
        "description": text,
        "order": order,
        "gpu": gpu,
        "versions": versions,
    }


CATALOGUE: Json = {
    "images": [
        _image("cuda", "Custom Datascience Notebook Cuda 11.4", 2, [_version("1.0")], gpu=True),
        _image(
            "plain",
            "Custom Datascience Notebook",
            1,
            [_version("1.1"), _version("1.0", recommended=True), _version("0.9", available=False)],
        ),
        _image("broken", "Notebook without a build", 3, [_version("1.0", available=False)]),
    ],
    "sizes": SIZES,
    "modelSizes": [_size("Small", ("1", "4Gi"), ("2", "8Gi"))],
    "runtimes": [
        {
            "template": "ovms",
            "name": "ovms",
            "displayName": "OpenVINO Model Server",
            "platforms": ["multi", "single"],
            "protocol": "REST",
            "formats": FORMATS,
            "default": True,
        }
    ],
    "storageClasses": [
        {
            "name": "local-path",
            "displayName": "local-path",
            "description": "",
            "enabled": True,
            "default": True,
            "canGrow": False,
        }
    ],
    "accelerators": [],
    "defaultStorageGiB": 20,
    "serverReplicas": {"minimum": 0, "default": 1},
}

STEPS = [
    {"label": "Workbench requested", "state": "done"},
    {"label": "Pod created", "state": "done"},
    {"label": "Pod assigned", "state": "done"},
    {"label": "Notebook image pulled", "state": "progress"},
    {"label": "Workbench started", "state": "pending"},
]
EVENTS = [
    {"time": THEN, "type": "Normal", "reason": "SuccessfulCreate", "message": "Pod created"},
    {"time": THEN, "type": "Normal", "reason": "Scheduled", "message": "Pod assigned"},
    {"time": THEN, "type": "Normal", "reason": "Pulling", "message": "Pulling notebook image"},
]


def status(word: str, percent: int = 0, cause: str | None = None) -> Json:
    """A workbench's status."""
    return {
        "word": word,
        "percent": percent,
        "message": "Pulling notebook image" if word == "Starting" else None,
        "cause": cause,
        "steps": STEPS if word == "Starting" else [],
        "events": EVENTS,
    }


def workbench(name: str, shown: str, word: str, **more: Any) -> Json:
    """A workbench as the interface shows it."""
    return {
        "name": name,
        "displayName": shown,
        "description": "",
        "created": THEN,
        "resourceVersion": "7",
        "image": {
            "stream": "plain",
            "tag": "1.0",
            "displayName": "Custom Datascience Notebook",
            "available": True,
            "software": SOFTWARE,
            "packages": PACKAGES,
        },
        "size": SIZES[0],
        "accelerator": None,
        "status": status(word, 40 if word == "Starting" else 100),
        "url": f"https://{name}-mnist.apps.mnist-lab.localhost/notebook/mnist/{name}",
        "storages": [
            {
                "name": name,
                "displayName": shown,
                "sizeGiB": 5,
                "path": "/opt/app-root/src/",
                "root": True,
            }
        ],
        "connections": [{"name": "aws-connection-s3-creds", "displayName": "s3-creds"}],
        "variables": [],
    } | more


def storage(name: str, shown: str, connected: list[Json], **more: Any) -> Json:
    """A storage as the interface shows it."""
    return {
        "name": name,
        "displayName": shown,
        "description": "",
        "sizeGiB": 5,
        "storageClass": "local-path",
        "type": "Persistent storage",
        "phase": "Bound",
        "canGrow": False,
        "growReason": "The storage class local-path cannot make a volume larger.",
        "root": any(each["root"] for each in connected),
        "connected": connected,
        "created": THEN,
    } | more


CONNECTION: Json = {
    "name": "aws-connection-s3-creds",
    "displayName": "s3-creds",
    "type": "Object storage",
    "endpoint": "http://minio-ds-pipeline.mnist.svc.cluster.local:9000",
    "region": "us-east-1",
    "bucket": "rhods",
    "fault": None,
    "connected": [{"kind": "workbench", "name": "notebook", "displayName": "notebook"}],
    "created": THEN,
}

SERVER: Json = {
    "name": "model-server",
    "displayName": "model-server",
    "created": THEN,
    "runtime": {"template": "ovms", "displayName": "OpenVINO Model Server", "formats": FORMATS},
    "replicas": 1,
    "size": _size("Small", ("1", "4Gi"), ("2", "8Gi")),
    "route": False,
    "auth": True,
    "tokens": [{"name": "model-mesh", "secret": "model-mesh", "ready": True}],
    "models": ["mnist"],
}

MODEL: Json = {
    "name": "mnist",
    "displayName": "mnist",
    "created": THEN,
    "platform": "multi",
    "server": "model-server",
    "format": FORMATS[0],
    "connection": {"name": "aws-connection-s3-creds", "displayName": "s3-creds"},
    "path": "onnx/model-v2.onnx",
    "protocol": "REST",
    "endpoints": {
        "internal": [
            {"name": "grpcUrl", "url": "grpc://modelmesh-serving.mnist:8033"},
            {"name": "restUrl", "url": "https://modelmesh-serving.mnist:8443"},
        ],
        "external": None,
        "message": None,
    },
    "status": {"state": "Loaded", "word": "Available", "message": None, "cause": None},
}

PIPELINE: Json = {
    "id": "p1",
    "displayName": "mnist",
    "description": "Four notebooks",
    "created": THEN,
    # The pipelines API does not count them in a list.
    "versions": None,
}


def _parameter(name: str, kind: str, default: Any, text: str | None, *, optional: bool) -> Json:
    return {
        "name": name,
        "type": kind,
        "default": default,
        "optional": optional,
        "description": text,
    }


DETAILS: dict[str, Json] = {
    "workbenches/notebook": {
        "form": {
            "displayName": "notebook",
            "description": "",
            "image": {"stream": "plain", "tag": "1.0"},
            "size": "Small",
            "accelerator": None,
            "variables": [],
            "storage": {"mode": "existing", "name": "notebook"},
            "connection": {"mode": "existing", "name": "aws-connection-s3-creds"},
        }
    },
    "connections/aws-connection-s3-creds": {
        "form": {
            "displayName": "s3-creds",
            "accessKey": "minio",
            "secretKey": "minio-secret",
            "endpoint": CONNECTION["endpoint"],
            "region": "us-east-1",
            "bucket": "rhods",
            "workbenches": ["notebook"],
        }
    },
    "pipelines/p1": {
        "versions": [
            {
                "id": "v1",
                "displayName": "mnist",
                "created": THEN,
                "parameters": [
                    _parameter("epochs", "NUMBER_INTEGER", 2, "How often.", optional=True),
                    _parameter("layers", "LIST", [32, 64], None, optional=True),
                    _parameter("title", "STRING", None, None, optional=False),
                ],
            }
        ]
    },
}

FOLDERS: dict[str, Json] = {
    "": {"path": "", "folders": ["data/", "onnx/"], "files": [], "more": False},
    "onnx/": {
        "path": "onnx/",
        "folders": [],
        "files": [{"name": "model-v2.onnx", "size": 4_812_345}],
        "more": False,
    },
}


def _project(name: str, shown: str, platform: str | None, **more: Any) -> Json:
    abilities = ("edit", "delete", "share", "write", "serve", "bind")
    return {
        "name": name,
        "displayName": shown,
        "description": "",
        "owner": "learner",
        "created": THEN,
        "platform": platform,
        "counts": {},
        "can": dict.fromkeys(abilities, True),
        "reasons": dict.fromkeys(abilities),
    } | more


def empty(name: str, shown: str, platform: str | None = "multi", **more: Any) -> Json:
    """A project with nothing in it."""
    return {
        "project": _project(name, shown, platform, **more),
        "workbenches": [],
        "storages": [],
        "connections": [],
        "servers": [],
        "models": [],
        "server": None,
        "pipelines": [],
        "runs": [],
        "schedules": [],
        "permissions": [],
    }


_REASON = "You may not do this in this project: you lack create notebooks.kubeflow.org."
PROJECTS: dict[str, Json] = {
    "mnist": empty("mnist", "mnist", description="The lab")
    | {
        "workbenches": [
            workbench("notebook", "notebook", "Running"),
            workbench("second", "Second one", "Starting"),
            workbench("third", "Third", "Stopped"),
        ],
        "storages": [
            storage(
                "notebook",
                "notebook",
                [
                    {
                        "kind": "workbench",
                        "name": "notebook",
                        "displayName": "notebook",
                        "path": "/opt/app-root/src/",
                        "root": True,
                        "running": True,
                    }
                ],
            ),
            storage("ml-pipeline", "ml-pipeline", [], description="Shared by the steps"),
        ],
        "connections": [CONNECTION],
        "servers": [SERVER],
        "models": [MODEL],
        "server": {
            "name": "ds-pipeline",
            "state": "ready",
            "message": None,
            "cause": None,
            "url": "https://ds-pipeline-mnist.apps.mnist-lab.localhost/runs",
            "bucket": "rhods",
            "endpoint": "http://minio-ds-pipeline.mnist.svc.cluster.local:9000",
        },
        "pipelines": [PIPELINE],
        "runs": [
            {
                "id": "r1",
                "displayName": "mnist-1127",
                "state": "SUCCEEDED",
                "created": THEN,
                "finished": "2026-01-01T09:04:30Z",
                "url": "https://ds-pipeline-mnist.apps.mnist-lab.localhost/runs/r1",
            }
        ],
        "permissions": [
            {
                "name": "dashboard-permissions-abc123",
                "kind": "User",
                "subject": "ada",
                "role": "edit",
                "created": THEN,
                "fixed": False,
            }
        ],
    },
    "fresh": empty("fresh", "Fresh start", None),
    "shared": empty(
        "shared",
        "Shared with me",
        can={"edit": False, "delete": False, "share": False, "write": False}
        | {"serve": False, "bind": False},
        reasons=dict.fromkeys(("edit", "delete", "share", "write", "serve", "bind"), _REASON),
    ),
}


def _named(form: Json, fallback: str) -> tuple[str, str]:
    shown = form.get("displayName") or fallback
    return form.get("name") or re.sub(r"[^a-z0-9]+", "-", shown.lower()).strip("-"), shown


def _made(section: str, form: Json) -> Json:
    """What a form of a section becomes."""
    name, shown = _named(form, "model-server")
    if section == "workbenches":
        return workbench(name, shown, "Starting")
    if section == "storages":
        return storage(name, shown, [], sizeGiB=form["sizeGiB"], phase="Pending")
    if section == "connections":
        more = {"name": f"aws-connection-{name}", "displayName": shown, "connected": []}
        return CONNECTION | more
    if section == "servers":
        tokens = [{"name": each, "secret": each, "ready": True} for each in form["tokens"]]
        more = {"name": name, "displayName": shown, "tokens": tokens, "models": []}
        return SERVER | more | {"route": form["route"], "auth": form["auth"]}
    if section == "models":
        loading = {"state": "Loading", "word": "In Progress", "message": None, "cause": None}
        return MODEL | {"name": name, "displayName": shown, "status": loading}
    if section == "permissions":
        kept = {key: form[key] for key in ("kind", "subject", "role")}
        return kept | {"name": f"dashboard-permissions-{name}", "created": THEN, "fixed": False}
    return PIPELINE | {"id": name, "displayName": shown, "state": "PENDING", "url": None}


def written(data: dict[str, Json], method: str, parts: list[str], form: Json) -> Json:
    """Change the state as a form asks for; the answer."""
    if parts == [""]:
        name, shown = _named(form, "project")
        data[name] = empty(name, shown)
        return data[name]["project"]
    project = data[parts[0]]
    if len(parts) == 1:
        if method == "DELETE":
            del data[parts[0]]
            return {}
        project["project"].update(form)
        return project["project"]
    section = parts[1]
    if section == "platform":
        project["project"]["platform"] = form["platform"]
        return project["project"]
    if section == "pipeline-server":
        ready = PROJECTS["mnist"]["server"]
        project["server"] = None if method == "DELETE" else ready | {"state": "starting"}
        return {}
    entries = project[section]
    if method == "POST" and len(parts) == 2:
        entries.append(_made(section, form))
        return entries[-1]
    entry = next(each for each in entries if each.get("name", each.get("id")) == parts[2])
    if method == "DELETE":
        entries.remove(entry)
        return {}
    if len(parts) == 4:
        entry["status"] = status("Starting" if parts[3] == "start" else "Stopping")
        return entry
    shown = ("displayName", "description", "sizeGiB", "role", "replicas")
    entry.update({key: form[key] for key in shown if key in form})
    return entry


GUIDE: Json = {
    "namespace": "mnist",
    "baseDomain": "apps.mnist-lab.localhost",
    "addresses": {
        "dashboard": "https://dashboard.apps.mnist-lab.localhost/projects/mnist",
        "workbench": "https://notebook-mnist.apps.mnist-lab.localhost/notebook/mnist/notebook",
        "pipelines": "https://ds-pipeline-ds-pipeline-mnist.apps.mnist-lab.localhost/",
        "store": None,
        "page": None,
    },
}


def checked(part: int, cause: str | None = None) -> Json:
    """What a check of a part answers; with a cause one thing is not there."""
    remedy = "Start it on the tab Workbenches." if cause else None
    items = [
        {"title": "The data connection s3-creds is whole", "ok": True, "cause": None,
         "remedy": None},
        {"title": "The workbench runs", "ok": cause is None, "cause": cause, "remedy": remedy},
    ]  # fmt: skip
    left = ["that JupyterLab opens and a cell runs in it"]
    return {"part": part, "ok": cause is None, "seconds": 0.42, "items": items, "leftOut": left}
