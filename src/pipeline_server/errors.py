"""What a request can fail with: gRPC's codes, which the clients of the API know."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar


class ServiceError(Exception):
    """Base: a code of gRPC, the HTTP status that goes with it, a message for people."""

    code: ClassVar[int] = 13
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidArgumentError(ServiceError):
    """The request itself is wrong; again will not help."""

    code = 3
    status = HTTPStatus.BAD_REQUEST


class NotFoundError(ServiceError):
    """There is no such thing."""

    code = 5
    status = HTTPStatus.NOT_FOUND


class AlreadyExistsError(ServiceError):
    """There is one already."""

    code = 6
    status = HTTPStatus.CONFLICT


class PermissionDeniedError(ServiceError):
    """The caller may not."""

    code = 7
    status = HTTPStatus.FORBIDDEN


class TooLargeError(ServiceError):
    """The request is larger than the server takes."""

    code = 8
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class FailedPreconditionError(ServiceError):
    """The thing is in a state that does not allow this."""

    code = 9
    status = HTTPStatus.BAD_REQUEST


class UnauthenticatedError(ServiceError):
    """No or a wrong token."""

    code = 16
    status = HTTPStatus.UNAUTHORIZED


class UnavailableError(ServiceError):
    """Something the server needs does not answer; again may help."""

    code = 14
    status = HTTPStatus.SERVICE_UNAVAILABLE
