"""What a page says when its server refuses: a status, a sentence, and the field it is about."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import InterfaceError, OperationalError

from pipeline_server.errors import AlreadyExistsError, ServiceError

NO_ANSWER = (OperationalError, InterfaceError)
REFUSALS = (ServiceError, *NO_ANSWER)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A failed request as a person reads it; ``field`` is the form's field, "" for none."""

    status: int
    message: str
    field: str = ""

    @classmethod
    def of(cls, error: Exception) -> Refusal:
        """Of one of ``REFUSALS``."""
        if not isinstance(error, ServiceError):
            message = "The database does not answer. It may be starting; try again in a moment."
            return cls(503, message)
        text = error.message[:1].upper() + error.message[1:]
        sentence = text if text.endswith((".", "!", "?", "…")) else f"{text}."
        return cls(error.status, sentence, "name" if isinstance(error, AlreadyExistsError) else "")
