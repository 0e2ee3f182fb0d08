"""The action ``lab_objects``: what kubernetes.core.k8s says, as sentences and as the truth.

In check mode kubernetes.core.k8s fails on an object whose namespace or kind an earlier task would
have created. Such an object would be created: that is a change, and no failure.
"""

from __future__ import annotations

import json
import re

from lab_playbook.outcome import Arguments, Result

NOT_YET = (
    re.compile(r'namespaces \\*"[^"\\]+\\*" not found'),
    re.compile(r"Failed to find exact match for"),
    re.compile(r"no matches for kind"),
)
STATUS = re.compile(r"b'(\{.*\})\\n'", re.DOTALL)


def prepare(arguments: Arguments, check_mode: bool) -> dict[str, object]:
    """Return the arguments for kubernetes.core.k8s; nothing is waited for in check mode."""
    waiting = {"wait": False} if check_mode else {}
    return {"state": "present", **arguments, **waiting}


def tell(result: Result, check_mode: bool) -> Result:
    """Return the result of kubernetes.core.k8s as this suite tells it."""
    if not result.get("failed"):
        return result
    message = str(result.get("msg", ""))
    if check_mode and is_not_yet(message):
        return {
            "changed": True,
            "msg": "The objects would be created; their namespace or kind is not there yet.",
        }
    return {**result, "msg": explain_refusal(message)}


def is_not_yet(message: str) -> bool:
    """Say whether a failure only tells that an earlier task has not created something yet."""
    return any(pattern.search(message) for pattern in NOT_YET)


def explain_refusal(message: str) -> str:
    """Return what the API server said of an object, without the JSON around it."""
    match = STATUS.search(message)
    if not match:
        return message
    try:
        status = json.loads(match.group(1).replace('\\\\"', '\\"').replace("\\'", "'"))
    except ValueError:
        return message
    said = status.get("message")
    return f"The API server refused: {said}" if said else message
