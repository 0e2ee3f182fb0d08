"""``platforms.kubernetes``: what of it can be checked before there are values."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2 as kpb
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from pipeline_server.ir.errors import PipelineError

# What Kubernetes takes for a pod's activeDeadlineSeconds.
MAXIMUM_SECONDS = 2**31 - 1


def read_config(config: dict[str, Any], what: str = "platforms.kubernetes") -> Any:
    """An executor's config as upstream's message; fields of newer SDKs are left alone."""
    try:
        return json_format.ParseDict(
            config, kpb.KubernetesExecutorConfig(), ignore_unknown_fields=True
        )
    except (json_format.Error, TypeError, ValueError, AttributeError) as error:
        raise PipelineError(f"{what} cannot be read: {error}") from None


def check(platform: pb.SinglePlatformSpec) -> None:
    """Raise for what no pod could be made of, naming the executor."""
    for label, config in platform.deployment_spec.executors.items():
        what = f"platforms.kubernetes of executor {label!r}"
        found = read_config(json_format.MessageToDict(config), what)
        _check_seconds(found.active_deadline_seconds, what)
    _check_seconds(platform.pipelineConfig.active_deadline_seconds, "platforms.kubernetes")


def _check_seconds(seconds: int, what: str) -> None:
    if not 0 <= seconds <= MAXIMUM_SECONDS:
        raise PipelineError(
            f"{what}: activeDeadlineSeconds {seconds} must be 0 to {MAXIMUM_SECONDS}"
        )
