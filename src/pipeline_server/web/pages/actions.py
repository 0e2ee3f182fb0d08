"""What is done to a thing at the last part of its address: archive, retry, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline_server.errors import NotFoundError

Actions = Mapping[str, tuple[Callable[[str], None], str]]


def perform(actions: Actions, action: str, identifier: str) -> str:
    """Do it; returns the name of the notice that says so."""
    if action not in actions:
        raise NotFoundError("There is no such action.")
    change, notice = actions[action]
    change(identifier)
    return notice
