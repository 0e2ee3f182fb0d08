"""Whose an object is: what somebody else made is never overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_ground.kubernetes.errors import ApiError
from lab_ground.kubernetes.metadata import is_owned_by

REASON = "BelongsToAnother"


class ForeignObjectError(ApiError):
    """An object of that name is there already, and is somebody else's."""


def refuse_foreign(
    present: Mapping[str, Any], owner: Mapping[str, Any] | None, field_manager: str
) -> None:
    """Let an object be applied only by whoever it belongs to.

    It belongs to its controlling owner. One that was made for a former object of the owner's kind
    and name goes over to its successor. Without a controlling owner it is whose field manager
    applied it. One in which nobody has written anything, as an account that is but a name, is taken
    by whoever applies it for no owner: there is nothing to overwrite.

    Raises:
        ForeignObjectError: the object belongs to another.
    """
    if owner is not None and is_owned_by(present, owner):
        return
    controller = next(
        (
            reference
            for reference in present["metadata"].get("ownerReferences") or []
            if reference.get("controller")
        ),
        None,
    )
    if controller is None:
        fields = present["metadata"].get("managedFields") or []
        if owner is None and not fields:
            return
        # A plain write has its client's name there, which several programs share.
        if any(
            (entry.get("manager"), entry.get("operation")) == (field_manager, "Apply")
            for entry in fields
        ):
            return
        managers = {entry.get("manager") for entry in fields}
        whose = f"made by {', '.join(sorted(filter(None, managers))) or 'somebody else'}"
    else:
        named = (controller["kind"], controller["name"])
        if owner is not None and named == (owner["kind"], owner["metadata"]["name"]):
            return
        whose = f"{controller['kind']} {controller['name']}'s"
    name = present["metadata"]["name"]
    wanted = f" that {owner['kind']} {owner['metadata']['name']} needs" if owner else ""
    raise ForeignObjectError(
        409,
        REASON,
        f"{present['kind']} {name}{wanted} exists already and is {whose}: it is left as it is; "
        f"delete it, or choose another name",
    )
