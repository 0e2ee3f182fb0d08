"""Renders the lab's manifests for an inventory, with Ansible's own variables and templates."""

from __future__ import annotations

import copy
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template
from ansible.vars.manager import VariableManager

from lab_ground.kubernetes.manifest import Manifest
from lab_playbook.models import StoredModel
from lab_playbook.training import manifests as training

ROOT = Path(__file__).resolve().parents[3]
INVENTORIES = ("embedded", "kubernetes", "openshift")
TEMPLATES = {
    "lab_project": (
        "namespaces.yml.j2",
        "objects.yml.j2",
        "route.yml.j2",
        "limits.yml.j2",
        "terminal.yml.j2",
    ),
    "lab_pipeline_server": ("server.yml.j2", "route.yml.j2", "client.yml.j2"),
    "lab_data": ("connection.yml.j2",),
    "lab_image_streams": ("image_streams.yml.j2",),
    "lab_workbench": ("runtime.yml.j2", "notebook.yml.j2"),
    "lab_training": (),
    "lab_serving": ("server.yml.j2", "model.yml.j2"),
}
MODES = ("modelmesh", "raw")
# What OpenShift AI's templates of model servers say, which the dashboard copies.
OPENVINO = {
    "modelmesh": {
        "multiModel": True,
        "replicas": 1,
        "protocolVersions": ["grpc-v1"],
        "supportedModelFormats": [{"name": "onnx", "version": "1"}],
        "grpcDataEndpoint": "port:8001",
        "grpcEndpoint": "port:8085",
        "builtInAdapter": {
            "serverType": "ovms",
            "runtimeManagementPort": 8888,
            "memBufferBytes": 134217728,
            "modelLoadingTimeoutMillis": 90000,
            "env": [{"name": "OVMS_FORCE_TARGET_DEVICE", "value": "AUTO"}],
        },
        "containers": [{"name": "ovms", "image": "ovms", "args": ["--port=8001"]}],
    },
    "raw": {
        "multiModel": False,
        "annotations": {"prometheus.io/path": "/metrics", "prometheus.io/port": "8888"},
        "protocolVersions": ["v2", "grpc-v2"],
        "supportedModelFormats": [{"name": "onnx", "version": "1", "autoSelect": True}],
        "containers": [{"name": "kserve-container", "image": "ovms", "args": ["--port=8001"]}],
    },
}


def secret(name: str, namespace: str, **data: str) -> Manifest:
    """Return a Secret as a cluster shows it, its values being base64 of "value"."""
    return {
        "metadata": {"name": name, "namespace": namespace},
        "data": dict.fromkeys(data, "dmFsdWU="),
    }


def registered_variables(namespaces: list[str], template: str, mode: str) -> dict[str, Any]:
    """Return what tasks before the templates read from the cluster."""
    aws = dict.fromkeys(
        ("AWS_S3_ENDPOINT", "AWS_S3_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ""
    )
    return {
        "__lab_data_stores": [
            secret("ds-pipeline-s3-ds-pipeline", name, accesskey="", secretkey="")
            for name in namespaces
        ],
        "__lab_workbench_connections": [
            secret("aws-connection-s3-creds", name, **aws) for name in namespaces
        ],
        "__lab_workbench_stopped": [],
        "__lab_project_present": {"resources": []},
        "__lab_image_streams_present": {"resources": []},
        "__lab_serving_stored": {"checksums": dict.fromkeys(namespaces, "0" * 64)},
        **({"__lab_serving_template_spec": OPENVINO[mode]} if template else {}),
    }


@cache
def load_plugins() -> None:
    """Let Ansible find its collections, once."""
    init_plugin_loader()


@cache
def load_inventory(name: str) -> tuple[DataLoader, dict[str, Any]]:
    """Return the inventory's variables as plays on localhost see them."""
    load_plugins()
    os.environ.setdefault("KUBECONFIG", "/nonexistent")
    loader = DataLoader()
    loader.set_basedir(str(ROOT))
    inventory = InventoryManager(loader, sources=[str(ROOT / "inventories" / name)])
    variables = VariableManager(loader, inventory).get_vars(host=inventory.get_host("localhost"))
    return loader, variables


def render(inventory: str, **overrides: Any) -> list[Manifest]:
    """Return the manifests of all the lab's roles, and of the kustomize directory."""
    return copy.deepcopy(render_once(inventory, json.dumps(overrides, sort_keys=True)))


@cache
def render_once(inventory: str, overrides_as_json: str) -> list[Manifest]:
    """Return them, rendered the first time that they are asked for."""
    made = render_roles(inventory, overrides_as_json)
    return [manifest for manifests in made.values() for manifest in manifests]


@cache
def render_roles(inventory: str, overrides_as_json: str) -> dict[str, list[Manifest]]:
    """Return what each role makes; of lab_inference without what kustomize adds."""
    overrides = json.loads(overrides_as_json)
    loader, variables = load_inventory(inventory)
    made: dict[str, list[Manifest]] = {}
    for role, templates in TEMPLATES.items():
        manifests = made.setdefault(role, [])
        role_path = ROOT / "roles" / role
        defaults = loader.load_from_file(
            str(role_path / "defaults" / "main.yml"), trusted_as_template=True
        )
        own = role_path / "vars" / "main.yml"
        constants = (
            loader.load_from_file(str(own), trusted_as_template=True) if own.exists() else {}
        )
        merged = {**defaults, **constants, **variables, "role_path": str(role_path), **overrides}
        seats = overrides.get("lab_seats", ["mnist"])
        template, mode = (
            str(Templar(loader=loader, variables=merged).template(trust_as_template(text)))
            for text in ("{{ lab_serving_template | default('') }}", "{{ lab_serving_mode }}")
        )
        merged = {**merged, **registered_variables(seats, template, mode)}
        templar = Templar(loader=loader, variables=merged)
        for name in templates:
            text = (role_path / "templates" / name).read_text(encoding="utf-8")
            rendered = templar.template(trust_as_template(text))
            manifests += [part for part in yaml.safe_load_all(str(rendered)) if part]
        if role == "lab_training":
            manifests += submission(role_path, templar, seats[0])
    for path in sorted((ROOT / "inference" / "base").glob("*.yaml")):
        if path.name != "kustomization.yaml":
            made.setdefault("lab_inference", []).extend(
                yaml.safe_load_all(path.read_text(encoding="utf-8"))
            )
    return made


def submission(role_path: Path, templar: Templar, namespace: str) -> list[Manifest]:
    """Return what the action lab_training makes in a seat, with the role's arguments."""
    task = yaml.safe_load((role_path / "tasks" / "main.yml").read_text(encoding="utf-8"))[0]
    arguments = {
        name: templar.template(trust_as_template(value) if isinstance(value, str) else value)
        for name, value in task["lab_training"].items()
    }
    name = training.job_name("0123456789abcdef")
    files = training.build_files(name, namespace, training.pipeline_files(arguments))
    job = training.build_job(arguments, namespace, name)
    model = StoredModel("0" * 64, 1, {"accuracy": 0.995})
    return [files, job, training.build_record(arguments, namespace, "0" * 64, model)]


def render_text(inventory: str, role: str, template: str, **overrides: Any) -> str:
    """Return what one template of a role makes, with the role's own variables."""
    loader, variables = load_inventory(inventory)
    role_path = ROOT / "roles" / role
    merged: dict[str, Any] = {}
    for part in ("defaults", "vars"):
        path = role_path / part / "main.yml"
        if path.exists():
            merged |= loader.load_from_file(str(path), trusted_as_template=True)
        if part == "defaults":
            merged |= variables
    merged |= {"role_path": str(role_path), **overrides}
    text = (role_path / "templates" / template).read_text(encoding="utf-8")
    return str(Templar(loader=loader, variables=merged).template(trust_as_template(text)))


def identify(manifest: Manifest) -> tuple[str, str, str, str]:
    """Return group, kind, namespace and name: what must be the same on every cluster."""
    metadata = manifest["metadata"]
    group = manifest["apiVersion"].rpartition("/")[0]
    return group, manifest["kind"], metadata.get("namespace", ""), metadata["name"]


def flatten(value: Any, path: str = "") -> dict[str, Any]:
    """Return the leaves of a manifest by their paths."""
    if isinstance(value, dict) and value:
        items = value.items()
    elif isinstance(value, list) and value:
        items = enumerate(value)
    else:
        return {path: value}
    leaves: dict[str, Any] = {}
    for key, part in items:
        leaves |= flatten(part, f"{path}/{key}")
    return leaves
