"""The forms as the page sends them: shapes and types only; what their values may be says
`validation`. Names are written in camel case outside."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

Text = Annotated[str, StringConstraints(max_length=6000)]
Name = Annotated[str, StringConstraints(max_length=300)]


class Form(BaseModel):
    """What all have: fields that nobody knows are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def without_nulls(cls, given: Any) -> Any:
        """A field that is null was not filled in."""
        if isinstance(given, dict):
            return {key: value for key, value in given.items() if value is not None}
        return given


class ProjectForm(Form):
    """A project."""

    display_name: Name
    name: Name | None = None
    description: Text = ""


class PlatformForm(Form):
    """Which platform a project's models are served on."""

    platform: Literal["multi", "single"]


class ImageChoice(Form):
    """A workbench image."""

    stream: Name
    tag: Name


class Accelerator(Form):
    """A number of accelerators of a kind."""

    identifier: Name
    count: Annotated[int, Field(ge=1, le=64)]


class Variables(Form):
    """One group of variables, which becomes a Secret or a ConfigMap."""

    kind: Literal["secret", "configmap"]
    name: Name | None = None
    values: dict[str, Annotated[str, StringConstraints(max_length=1_000_000)]]


class ConnectionForm(Form):
    """A data connection to S3."""

    display_name: Name = ""
    access_key: Text = ""
    secret_key: Text = ""
    endpoint: Text = ""
    region: Text = ""
    bucket: Text = ""
    workbenches: list[Name] = Field(default_factory=list, max_length=100)


class NewConnection(ConnectionForm):
    """A connection that a form makes beside what it is about."""

    mode: Literal["new"]


class ExistingObject(Form):
    """One that is there."""

    mode: Literal["existing"]
    name: Name


ConnectionChoice = Annotated[NewConnection | ExistingObject, Field(discriminator="mode")]


class NewStorage(Form):
    """A storage that the workbench's form makes."""

    mode: Literal["new"]
    display_name: Name = ""
    description: Text = ""
    size_gib: int = Field(alias="sizeGiB")
    storage_class: Name | None = None


StorageChoice = Annotated[NewStorage | ExistingObject, Field(discriminator="mode")]


class WorkbenchForm(Form):
    """A workbench."""

    display_name: Name
    name: Name | None = None
    description: Text = ""
    image: ImageChoice
    size: Name
    accelerator: Accelerator | None = None
    variables: list[Variables] = Field(default_factory=list, max_length=50)
    storage: StorageChoice
    connection: ConnectionChoice | None = None
    resource_version: Name | None = None


class MountForm(Form):
    """Where a storage is mounted in a workbench."""

    name: Name
    folder: Name


class StorageForm(Form):
    """A cluster storage."""

    display_name: Name
    name: Name | None = None
    description: Text = ""
    size_gib: int = Field(alias="sizeGiB")
    storage_class: Name | None = None
    workbenches: list[MountForm] = Field(default_factory=list, max_length=100)


class Resources(Form):
    """A custom size."""

    requests: dict[Literal["cpu", "memory"], Name]
    limits: dict[Literal["cpu", "memory"], Name]


class ServingForm(Form):
    """What a model server, or a model with a server of its own, has."""

    template: Name | None = None
    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    size: Name = ""
    custom: Resources | None = None
    route: bool = False
    auth: bool = False
    tokens: list[Name] = Field(default_factory=list, max_length=50)


class ServerForm(ServingForm):
    """A model server."""

    display_name: Name = ""
    name: Name | None = None


class Format(Form):
    """A model's format."""

    name: Name
    version: Name | None = None


class ModelForm(ServingForm):
    """A model."""

    display_name: Name
    name: Name | None = None
    server: Name | None = None
    format: Format
    connection: ConnectionChoice
    path: Text


class DatabaseForm(Form):
    """A database of one's own for pipelines."""

    host: Name
    port: Annotated[int, Field(ge=1, le=65535)] = 3306
    username: Name
    password: Text
    name: Name


class PipelineServerForm(Form):
    """A pipeline server."""

    connection: ConnectionChoice
    database: DatabaseForm | None = None


class PipelineForm(Form):
    """A pipeline that is imported by its address."""

    display_name: Name
    description: Text = ""
    url: Text


class RunForm(Form):
    """A run."""

    display_name: Name
    description: Text = ""
    pipeline: Name
    version: Name
    parameters: dict[str, Any] = Field(default_factory=dict)


class TriggerForm(Form):
    """When a schedule runs."""

    kind: Literal["periodic", "cron"]
    seconds: Annotated[int, Field(ge=1)] | None = None
    cron: Name | None = None


class ScheduleForm(RunForm):
    """A schedule."""

    trigger: TriggerForm
    maximum_concurrent: Annotated[int, Field(ge=1, le=10)] = 10
    start: Name | None = None
    end: Name | None = None
    catch_up: bool = True


class PermissionForm(Form):
    """A user's or a group's part in a project."""

    kind: Literal["User", "Group"]
    subject: Name
    role: Literal["admin", "edit"]


class RoleForm(Form):
    """Another role for somebody."""

    role: Literal["admin", "edit"]


class Nothing(Form):
    """A body without anything in it."""


class MessageForm(Form):
    """A message to seats, to all without any named; an empty text takes it away."""

    text: Text
    seats: Annotated[list[Name], Field(max_length=500)] = Field(default_factory=list)


class StopForm(Form):
    """Which workbenches are stopped: those idle for so many minutes, of these seats or of all."""

    idle_minutes: Annotated[int, Field(ge=0, le=10080)] = 20
    seats: Annotated[list[Name], Field(max_length=500)] = Field(default_factory=list)
