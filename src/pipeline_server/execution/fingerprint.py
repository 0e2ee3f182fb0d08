"""The fingerprint of a step: the same one means the same outputs.

As upstream's: names and values of the inputs, the specs of the outputs, image, command and
arguments as they were compiled, environment, the claims that are mounted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format

from pipeline_server.database.models import Artifact
from pipeline_server.ir.pipeline import PipelineIR


def fingerprint(
    pipeline: PipelineIR,
    component_name: str,
    inputs: Mapping[str, Any],
    artifacts: Mapping[str, Artifact],
    claims: list[str],
    custom_key: str = "",
) -> str:
    """A digest over all that a step's outputs can depend on; a key of the author's own wins."""
    if custom_key:
        return hashlib.sha256(f"custom:{custom_key}".encode()).hexdigest()
    component = pipeline.component(component_name)
    container = pipeline.executor(component_name).container
    outputs = component.output_definitions
    content = {
        "inputParameters": inputs.get("parameters", {}),
        "inputArtifacts": {
            name: [[artifacts[item].name, artifacts[item].uri] for item in ids]
            for name, ids in inputs.get("artifacts", {}).items()
        },
        "outputParameters": {
            name: int(item.parameter_type) for name, item in outputs.parameters.items()
        },
        "outputArtifacts": {
            name: json_format.MessageToDict(item) for name, item in outputs.artifacts.items()
        },
        "image": container.image,
        "command": [*container.command, *container.args],
        "environment": {item.name: item.value for item in container.env},
        "claims": sorted(claims),
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
