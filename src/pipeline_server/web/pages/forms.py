"""Reads posted forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from pipeline_server.errors import InvalidArgumentError, TooLargeError

LARGEST_UPLOAD = 32 * 1024 * 1024
MOST_FIELDS = 500


class PostedForm:
    """Text fields and at most one file."""

    def __init__(self, fields: Mapping[str, str], file_name: str, file: bytes) -> None:
        self.fields = fields
        self.file_name = file_name
        self.file = file

    def text(self, name: str) -> str:
        """A field without the spaces around it; "" when it was not sent."""
        return self.fields.get(name, "").strip()


async def _read_form(request: Request) -> PostedForm:
    fields: dict[str, str] = {}
    file_name, file = "", b""
    try:
        async with request.form(
            max_files=1, max_fields=MOST_FIELDS, max_part_size=1024 * 1024
        ) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    file = await value.read(LARGEST_UPLOAD + 1)
                    file_name = value.filename or ""
                else:
                    fields[name] = value
    except MultiPartException as error:
        raise InvalidArgumentError(f"The form cannot be read: {error.message}") from error
    if len(file) > LARGEST_UPLOAD:
        raise TooLargeError("The file is larger than 32 MiB.")
    return PostedForm(fields, file_name, file)


Posted = Annotated[PostedForm, Depends(_read_form)]
