"""Requests' bodies; both spellings of the protobuf JSON mapping are read.

Values are checked by the services; here only what kind of thing a field is.
"""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, AliasGenerator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Message(BaseModel):
    """Base: ``snake_case`` and ``camelCase``; what else a message may hold says the contract."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(
            validation_alias=lambda name: AliasChoices(name, to_camel(name))
        ),
        extra="ignore",
    )


class ExperimentMessage(Message):
    """An experiment to make."""

    display_name: str | None = None
    description: str | None = None
    namespace: str | None = None


class PipelineMessage(Message):
    """A pipeline to make or to change."""

    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    namespace: str | None = None
    tags: dict[str, Any] | None = None


class UrlMessage(Message):
    """Where a package lies."""

    pipeline_url: str | None = None


class PipelineVersionMessage(Message):
    """A pipeline version to make or to change."""

    pipeline_id: str | None = None
    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    code_source_url: str | None = None
    package_url: UrlMessage | None = None
    pipeline_spec: dict[str, Any] | None = None
    tags: dict[str, Any] | None = None


class PipelineAndVersionMessage(Message):
    """A pipeline with its first version."""

    pipeline: PipelineMessage
    pipeline_version: PipelineVersionMessage


class VersionReference(Message):
    """Which stored version to run."""

    pipeline_id: str | None = None
    pipeline_version_id: str | None = None


class RunMessage(Message):
    """A run to start."""

    display_name: str | None = None
    description: str | None = None
    experiment_id: str | None = None
    pipeline_spec: Any = None
    pipeline_version_reference: VersionReference | None = None
    pipeline_version_id: str | None = None
    runtime_config: dict[str, Any] | None = None
    service_account: str | None = None


class CronSchedule(Message):
    """A cron."""

    cron: str | None = None
    start_time: str | None = None
    end_time: str | None = None


class PeriodicSchedule(Message):
    """A period."""

    interval_second: int | None = None
    start_time: str | None = None
    end_time: str | None = None


class Trigger(Message):
    """When runs are started."""

    cron_schedule: CronSchedule | None = None
    periodic_schedule: PeriodicSchedule | None = None


class RecurringRunMessage(RunMessage):
    """A recurring run to make."""

    trigger: Trigger | None = None
    mode: str | int | None = None
    max_concurrency: int | None = None
    no_catchup: bool | None = None


class StepStart(Message):
    """A step's launcher says that it is there."""

    host: str = ""
    again: bool = False


class StepUpload(Message):
    """Files of one artifact to upload."""

    uri: str
    files: list[str]


class StepUploads(Message):
    """Files to upload."""

    artifacts: list[StepUpload]


class StepReport(Message):
    """How a step's command went."""

    exit_code: int | None = Field(default=None, ge=0, le=255)
    message: str = ""
    seconds: float | None = Field(default=None, allow_inf_nan=False)
    log_stored: bool = False
    outputs: dict[str, Any] | None = None
