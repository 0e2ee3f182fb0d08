"""A pipeline as its protobuf messages, with what is asked of them most; nothing is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.graph import ROOT


class PipelineMessages:
    """A pipeline's IR as it was written, as far as it is one."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.spec: pb.PipelineSpec = _parse(
            document.get("pipeline_spec"), pb.PipelineSpec(), "pipeline"
        )
        self.deployment: pb.PipelineDeploymentConfig = _parse(
            json_format.MessageToDict(self.spec.deployment_spec),
            pb.PipelineDeploymentConfig(),
            "deploymentSpec",
        )
        self.platform: pb.PlatformSpec = _parse(
            document.get("platform_spec") or {}, pb.PlatformSpec(), "platforms"
        )

    @property
    def name(self) -> str:
        """The pipeline's own name."""
        return str(self.spec.pipeline_info.name)

    @property
    def root(self) -> pb.ComponentSpec:
        """The outermost graph."""
        return self.spec.root

    def component(self, name: str) -> pb.ComponentSpec:
        """A component; ``root`` is the outermost graph."""
        return self.spec.root if name == ROOT else self.spec.components[name]

    def executor(self, component: str) -> pb.PipelineDeploymentConfig.ExecutorSpec:
        """What runs a component that is not a graph."""
        return self.deployment.executors[self.component(component).executor_label]

    def is_dag(self, component: str) -> bool:
        """Whether a component is a graph."""
        return bool(self.component(component).WhichOneof("implementation") == "dag")

    @cached_property
    def kubernetes(self) -> pb.SinglePlatformSpec | None:
        """What the pipeline asks of Kubernetes."""
        return self.platform.platforms.get("kubernetes", None)

    def keep_seconds(self, succeeded: bool) -> int:
        """How long the author wants a finished run's pods to be kept; 0 is not said."""
        if self.kubernetes is None:
            return 0
        config = self.kubernetes.pipelineConfig
        own = config.resource_ttl_on_success if succeeded else config.resource_ttl_on_failure
        return int(own or config.resource_ttl_on_completion)

    def kubernetes_config(self, component: str) -> dict[str, Any]:
        """What a component's executor asks of Kubernetes, as it was written."""
        if self.kubernetes is None:
            return {}
        label = self.component(component).executor_label
        executors = self.kubernetes.deployment_spec.executors
        return json_format.MessageToDict(executors[label]) if label in executors else {}


def _parse(content: Any, message: Any, what: str) -> Any:
    if not isinstance(content, dict):
        raise PipelineError(f"the {what} must be an object")
    try:
        return json_format.ParseDict(content, message, max_recursion_depth=100)
    except (json_format.Error, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise PipelineError(f"the {what} is not a KFP 2 IR: {error}") from None
