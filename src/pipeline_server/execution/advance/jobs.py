"""What a pass wants done in the cluster, once it has been committed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do in the cluster, and what to write when it is done or was refused."""

    key: str
    what: str
    action: Callable[[], None]
    done: Callable[[Session, str], None] | None = None
    refused: Callable[[Session, str], None] | None = None
