"""A checked pipeline: what can be asked of one that is known to be well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline_server.ir import checks, values
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.messages import PipelineMessages

IMAGE = "oci://"


def not_pulled(uri: str) -> str:
    """Why a model in an image cannot be imported."""
    return (
        f"the importer's {uri} is a model in an image (a model car), which this server does not "
        "pull; copy the model into the bucket and import it by its s3:// address"
    )


class PipelineIR(PipelineMessages):
    """A pipeline's IR. Making one does all the checks that need no parameters."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(document)
        checks.check(self)

    def parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The run's parameters: checked, with defaults; optional ones may be absent."""
        known = self.root.input_definitions.parameters
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise PipelineError(
                f"unknown parameters: {', '.join(unknown)}; "
                f"the pipeline knows: {', '.join(sorted(known)) or 'none'}"
            )
        return fill(known, given)

    def check_runnable(self) -> None:
        """Raise for what may be kept and shown, but not run here."""
        for executor in self.deployment.executors.values():
            uri = executor.importer.artifact_uri.constant.string_value
            if uri.startswith(IMAGE):
                raise PipelineError(not_pulled(uri))


def fill(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by their definitions: checked, defaults in place, required ones there."""
    filled: dict[str, Any] = {}
    for name, spec in known.items():
        value = given.get(name)
        if value is None:
            if spec.HasField("default_value"):
                filled[name] = values.convert(
                    name, values.plain(spec.default_value), values.kind_of(spec)
                )
            elif not spec.is_optional:
                raise PipelineError(f"parameter {name!r} is required and was not given")
            continue
        value = values.check(name, value, values.kind_of(spec))
        allowed = [values.plain(item) for item in spec.literals]
        if allowed and value not in allowed:
            raise PipelineError(f"parameter {name!r} must be one of {allowed}, got {value!r}")
        filled[name] = value
    return filled
