"""Checks of what stands in a request."""

from __future__ import annotations

import json
from typing import Any

from pipeline_server.database.models import NAME_LENGTH
from pipeline_server.errors import InvalidArgumentError
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.plain import check as check_plain

MAXIMUM_DESCRIPTION = 64 * 1024
MAXIMUM_PARAMETERS = 4 * 1024 * 1024
# Upstream's: backend/src/apiserver/common/tag_validation.go and validation/length.go.
MAXIMUM_TAGS = 20
MAXIMUM_TAG = 63
MAXIMUM_EXPERIMENT_NAME = 128
MAXIMUM_PIPELINE_NAME = 128
MAXIMUM_VERSION_NAME = 127


def plain(value: Any, what: str) -> None:
    """Only what JSON and the database can hold."""
    try:
        check_plain(value, what)
    except PipelineError as error:
        raise InvalidArgumentError(str(error)) from None


def name(value: Any, what: str, *, required: bool = True, limit: int = NAME_LENGTH) -> str:
    """A name for people: not blank, not too long, on one line."""
    if value is None or value == "":
        if required:
            raise InvalidArgumentError(f"{what} is required")
        return ""
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{what} must be a text, not {type(value).__name__}")
    if not value.strip():
        raise InvalidArgumentError(f"{what} must not be blank")
    if len(value) > limit:
        raise InvalidArgumentError(f"{what} has {len(value)} characters; the limit is {limit}")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        raise InvalidArgumentError(f"{what} holds a control character")
    plain(value, what)
    return value


def text(value: Any, what: str, limit: int = MAXIMUM_DESCRIPTION) -> str:
    """A longer text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{what} must be a text, not {type(value).__name__}")
    if len(value) > limit:
        raise InvalidArgumentError(f"{what} is longer than {limit} characters")
    plain(value, what)
    return value


def tags(value: Any) -> dict[str, Any]:
    """Tags: texts by text."""
    if not value:
        return {}
    if not isinstance(value, dict) or not all(
        isinstance(key, str) and isinstance(item, str) for key, item in value.items()
    ):
        raise InvalidArgumentError("tags must be an object of texts")
    if len(value) > MAXIMUM_TAGS:
        raise InvalidArgumentError(f"there are {len(value)} tags; the limit is {MAXIMUM_TAGS}")
    for key, item in value.items():
        if not key or "." in key:
            raise InvalidArgumentError(f"tag {key!r}: a key must not be empty and hold no '.'")
        longest = max(len(key), len(item))
        if longest > MAXIMUM_TAG:
            raise InvalidArgumentError(
                f"tag {key[:80]!r} has {longest} characters; the limit of key and value is "
                f"{MAXIMUM_TAG}"
            )
    plain(value, "tags")
    return dict(value)


def runtime_config(value: Any) -> dict[str, Any]:
    """``{"parameters": {…}, "pipeline_root": …}``, of which both may be missing."""
    if not value:
        return {"parameters": {}, "pipeline_root": ""}
    if not isinstance(value, dict):
        raise InvalidArgumentError("runtime_config must be an object")
    parameters = value.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InvalidArgumentError("runtime_config.parameters must be an object")
    plain(parameters, "runtime_config.parameters")
    if len(json.dumps(parameters)) > MAXIMUM_PARAMETERS:
        raise InvalidArgumentError(
            f"runtime_config.parameters is larger than {MAXIMUM_PARAMETERS} bytes"
        )
    root = text(value.get("pipeline_root", value.get("pipelineRoot")), "pipeline_root", 1024)
    if root and not root.startswith(("s3://", "minio://")):
        raise InvalidArgumentError(f"pipeline_root {root!r} must begin with s3:// or minio://")
    return {"parameters": parameters, "pipeline_root": root}
