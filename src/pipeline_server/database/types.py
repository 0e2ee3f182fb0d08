"""Column types that mean the same on MariaDB and on SQLite."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class LongText(TypeDecorator[str]):
    """Text without MariaDB's limit of 64 KiB."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """LONGTEXT where the database knows it."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.LONGTEXT())
        return dialect.type_descriptor(Text())


class Json(TypeDecorator[Any]):
    """A JSON document, kept as text with its numbers and the order of its keys as they came."""

    impl = LongText
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        """Write as compact JSON."""
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: Any, _dialect: Dialect) -> Any:
        """Read back."""
        return None if value is None else json.loads(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with microseconds, always UTC, aware in Python."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """DATETIME(6) where seconds would otherwise be cut."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Store naive UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Give back aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class JsonText(FunctionElement[str]):
    """The text under a key of a JSON object; null where there is none.

    ``JsonText(column, key, written)``: the key as it is, and as JSON has it between its quotes.
    """

    type = String()
    inherit_cache = True


@compiles(JsonText)
def _json_extract(element: Any, compiler: Any, **options: Any) -> str:
    # SQLite compares keys as they are written in the document, with its escapes.
    column, _, written = (compiler.process(item, **options) for item in element.clauses)
    return f"""json_extract({column}, '$."' || {written} || '"')"""


@compiles(JsonText, "mysql")
@compiles(JsonText, "mariadb")
def _json_value(element: Any, compiler: Any, **options: Any) -> str:
    # MariaDB compares what the escapes mean; its JSON_EXTRACT would leave the text's quotes.
    column, key, _ = (compiler.process(item, **options) for item in element.clauses)
    return f"""json_value({column}, concat('$."', {key}, '"'))"""
