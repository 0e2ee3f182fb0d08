"""What the dashboard answers where it cannot do what it is asked: one shape for all of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Kubernetes' own words where RBAC says no; a quota or an admission has others.
_MISSING_RIGHT = re.compile(r" cannot \w+ resource ")


@dataclass(frozen=True)
class Right:
    """What one must be allowed to do."""

    verb: str
    group: str
    resource: str
    name: str = ""
    namespace: str = ""

    def as_dict(self) -> dict[str, str]:
        """For an answer, and for an access review's attributes."""
        return {
            "verb": self.verb,
            "group": self.group,
            "resource": self.resource,
            "name": self.name,
            "namespace": self.namespace,
        }

    @property
    def sentence(self) -> str:
        """Which right is missing, for somebody who reads it."""
        full = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f" in project {self.namespace}" if self.namespace else ""
        return f"You have no right to {self.verb} {full}{where}."


@dataclass(eq=False)
class RefusalError(Exception):
    """An answer from 400 on: the message is a whole sentence."""

    status: int
    reason: str
    message: str
    fields: Mapping[str, str] = field(default_factory=dict)
    right: Right | None = None

    def __str__(self) -> str:
        return self.message

    def as_dict(self) -> dict[str, Any]:
        """The body of the answer."""
        return {
            "message": self.message,
            "field": next(iter(self.fields), None),
            "fields": dict(self.fields),
            "reason": self.reason,
            "right": self.right.as_dict() if self.right else None,
        }


def sign_in() -> RefusalError:
    """Nobody is signed in, or not any more."""
    return RefusalError(401, "SignIn", "Your session has ended: sign in again.")


def unavailable(why: str = "") -> RefusalError:
    """The API server cannot be asked."""
    told = f" ({why})" if why else ""
    return RefusalError(
        503, "Unavailable", f"The cluster does not answer{told}; it is tried again."
    )


def not_found(what: str, namespace: str = "") -> RefusalError:
    """There is no such thing."""
    where = f" in project {namespace}" if namespace else ""
    return RefusalError(404, "NotFound", f"There is no {what}{where}.")


def forbidden(right: Right) -> RefusalError:
    """A right is missing."""
    return RefusalError(403, "Forbidden", right.sentence, right=right)


def invalid(fields: Mapping[str, str]) -> RefusalError:
    """One field or more is wrong; at least one is given."""
    first = next(iter(fields.values()))
    more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
    return RefusalError(422, "Invalid", f"{first}{more}", fields=dict(fields))


def exists(kind: str, name: str, field_name: str) -> RefusalError:
    """The name is taken."""
    message = f"There is a {kind} named {name} in this project already: choose another name."
    return RefusalError(409, "Exists", message, fields={field_name: message})


def from_api(status: int, body: Mapping[str, Any], right: Right) -> RefusalError:
    """What the API server said, in the dashboard's shape; ``right`` is what was tried."""
    message = str(body.get("message") or f"the cluster answered {status}")
    reason = str(body.get("reason") or "")
    if status == 401:
        return sign_in()
    if status == 403:
        if _MISSING_RIGHT.search(message):
            return forbidden(right)
        return RefusalError(403, "Forbidden", _sentence(message))
    if status == 404:
        return not_found(f"{right.resource} {right.name}".strip(), right.namespace)
    if status == 409:
        told = "Exists" if reason == "AlreadyExists" else "Conflict"
        return RefusalError(409, told, _sentence(message))
    if status in (400, 422):
        return RefusalError(422, "Invalid", _sentence(message))
    if status in (429, 500, 502, 503, 504):
        return unavailable(message[:200])
    return RefusalError(status, reason or "Other", _sentence(message))


def _sentence(message: str) -> str:
    text = " ".join(message.split())
    text = text[:1].upper() + text[1:500]
    return text if text.endswith((".", "!", "?")) else f"{text}."
