"""Claims that pipelines make: ``CreatePVC``, ``DeletePVC`` and the workspace of a run."""

from __future__ import annotations

import re

from google.protobuf import json_format

from lab_ground.kubernetes.manifest import Manifest
from pipeline_server.database.models import Run, Task
from pipeline_server.execution import names
from pipeline_server.execution.pods import owner_reference
from pipeline_server.ir import values
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.pipeline import PipelineIR
from pipeline_server.settings import Settings

_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")


def build(task: Task, settings: Settings) -> Manifest:
    """The claim that a ``CreatePVC`` asks for."""
    given = task.inputs.get("parameters", {})
    name = str(given.get("pvc_name") or "")
    suffix = str(given.get("pvc_name_suffix") or "")
    if bool(name) == bool(suffix):
        raise PipelineError("CreatePVC needs either pvc_name or pvc_name_suffix")
    if not name:
        name = f"{names.slug(task.id, 8)}{suffix}"
    modes = given.get("access_modes")
    size = given.get("size")
    if not modes or not size:
        raise PipelineError("CreatePVC needs access_modes and size")
    spec: Manifest = {
        "accessModes": modes,
        "resources": {"requests": {"storage": str(size)}},
    }
    if given.get("storage_class_name"):
        spec["storageClassName"] = given["storage_class_name"]
    if given.get("volume_name"):
        spec["volumeName"] = given["volume_name"]
    if given.get("data_source"):
        spec["dataSource"] = given["data_source"]
    metadata: Manifest = {
        "name": name,
        "namespace": settings.namespace,
        "labels": {names.SERVER_LABEL: names.label_value(settings.name)},
        "annotations": {
            str(key): values.to_text(value)
            for key, value in (given.get("annotations") or {}).items()
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": spec,
    }


def name_to_delete(task: Task) -> str:
    """The claim that a ``DeletePVC`` names."""
    name = task.inputs.get("parameters", {}).get("pvc_name")
    if not isinstance(name, str) or not name:
        raise PipelineError("DeletePVC needs pvc_name")
    if not _NAME.fullmatch(name):
        raise PipelineError(f"DeletePVC: {name[:80]!r} is no name of a claim")
    return name


def workspace(run: Run, pipeline: PipelineIR, settings: Settings) -> Manifest | None:
    """The claim that all steps of a run share, if the pipeline asks for one."""
    platform = pipeline.kubernetes
    if platform is None or not platform.pipelineConfig.HasField("workspace"):
        return None
    wanted = platform.pipelineConfig.workspace
    spec: Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": wanted.size or "1Gi"}},
        **json_format.MessageToDict(wanted.kubernetes.pvc_spec_patch),
    }
    metadata: Manifest = {
        "name": names.claim_name(run.id),
        "namespace": settings.namespace,
        "labels": {
            names.SERVER_LABEL: names.label_value(settings.name),
            names.RUN_ID_LABEL: run.id,
        },
    }
    if settings.owner_uid:
        metadata["ownerReferences"] = [owner_reference(settings)]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": spec,
    }
