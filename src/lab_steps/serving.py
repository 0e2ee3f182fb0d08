"""The served model and its token. Every function returns what is wrong, or ""."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INPUT = ("input_1", "FP32")
# A picture of nothing, as the model is asked.
EMPTY_REQUEST: Mapping[str, Any] = {
    "inputs": [
        {"name": "input_1", "shape": [1, 28, 28, 1], "datatype": "FP32", "data": [0.0] * 784}
    ]
}


def ready_fault(model: Mapping[str, Any]) -> str:
    """An InferenceService says that its model is loaded and ready."""
    status = model.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    told = status.get("modelStatus") or {}
    failure = told.get("lastFailureInfo") or {}
    ready = conditions.get("Ready") or {}
    why = failure.get("message") or ready.get("message") or "no reason given"
    # A model that is loaded stays ready while what it should become cannot be loaded.
    if told.get("transitionStatus", "UpToDate") != "UpToDate":
        return f"the model that the InferenceService names cannot be loaded: {why}"
    return "" if ready.get("status") == "True" else f"the model is not ready: {why}"


def described_fault(status: int, body: Mapping[str, Any]) -> str:
    """The answer to the call for metadata names the input, FP32, [*, 28, 28, 1]."""
    if status != 200:
        return f"the metadata call answered {status}"
    tensors = body.get("inputs") or [{}]
    found = (tensors[0].get("name"), tensors[0].get("datatype"))
    if len(tensors) != 1 or found != INPUT:
        return f"the model's input is {found}, not {INPUT}"
    shape = tensors[0].get("shape") or []
    return "" if shape[1:] == [28, 28, 1] else f"the model's input has the shape {shape}"


def answered_fault(status: int, text: str, body: Mapping[str, Any]) -> str:
    """With the right token the model answers ten probabilities."""
    if status != 200:
        return f"it answered {status}: {text[:200]}"
    outputs = body.get("outputs") or [{}]
    data = outputs[0].get("data") or []
    if len(data) != 10:
        return f"it answered {len(data)} numbers, not ten"
    total = sum(data)
    return "" if abs(total - 1) <= 1e-4 else f"its probabilities are {total} together, not 1"


def status_fault(status: int, wanted: int) -> str:
    """A door answers with the status that it should."""
    return "" if status == wanted else f"it answered {status}"
