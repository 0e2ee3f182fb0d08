"""A message to a seat: a ConfigMap in it, which its learner may read, and take away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from class_board.asking import Ask, AskError
from lab_ground.kubernetes.manifest import Manifest

NAME = "lab-message"
LONGEST = 500
LABEL = ("lab.opendatahub.io/message", "true")
EVERYWHERE = "/api/v1/configmaps"


def fault_of(text: str) -> str:
    """Why a text cannot be a message, as a sentence; empty where it can."""
    if not text.strip():
        return "The message is empty."
    if len(text) > LONGEST:
        return f"The message has {len(text)} characters; {LONGEST} are the most."
    return ""


def build(namespace: str, text: str, sent: str) -> Manifest:
    """A seat's message; ``sent`` is when, as the API writes times."""
    key, value = LABEL
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": NAME,
            "namespace": namespace,
            "labels": {key: value, "app.kubernetes.io/part-of": "mnist-lab"},
        },
        "data": {"text": " ".join(text.split()), "sent": sent},
    }


def text_of(found: Mapping[str, Any] | None) -> dict[str, str] | None:
    """A message as it is shown, or None."""
    data = (found or {}).get("data") or {}
    if not data.get("text"):
        return None
    return {"text": str(data["text"])[:LONGEST], "sent": str(data.get("sent") or "")}


async def read_messages(ask: Ask) -> dict[str, dict[str, str]]:
    """The messages of all seats, by namespace."""
    key, value = LABEL
    try:
        answer = await ask(EVERYWHERE, {"labelSelector": f"{key}={value}"})
    except AskError as error:
        if error.status == 404:
            return {}
        raise
    return {
        item["metadata"]["namespace"]: told
        for item in answer.get("items") or ()
        if item["metadata"]["name"] == NAME and (told := text_of(item))
    }
