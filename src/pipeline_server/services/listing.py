"""Paging, sorting and filtering as the clients of the API send them."""

from __future__ import annotations

import base64
import binascii
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from pipeline_server.database.types import UtcDateTime
from pipeline_server.errors import InvalidArgumentError
from pipeline_server.services import checks

Row = TypeVar("Row")
Column = InstrumentedAttribute[Any]

DEFAULT_PAGE_SIZE = 20
MAXIMUM_PAGE_SIZE = 200
MAXIMUM_PREDICATES = 20

OPERATIONS = {
    1: "EQUALS",
    2: "NOT_EQUALS",
    3: "GREATER_THAN",
    5: "GREATER_THAN_EQUALS",
    6: "LESS_THAN",
    7: "LESS_THAN_EQUALS",
    8: "IN",
    9: "IS_SUBSTRING",
}
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "EQUALS": operator.eq,
    "NOT_EQUALS": operator.ne,
    "GREATER_THAN": operator.gt,
    "GREATER_THAN_EQUALS": operator.ge,
    "LESS_THAN": operator.lt,
    "LESS_THAN_EQUALS": operator.le,
}
_SINGLE_VALUES = ("string_value", "int_value", "long_value", "timestamp_value")
_MANY_VALUES = ("string_values", "int_values", "long_values")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list; ``next_token`` is empty on the last."""

    items: list[Row]
    next_token: str = ""
    total: int = 0


@dataclass(frozen=True, slots=True)
class ListRequest:
    """How a list is wanted; all as the client wrote it."""

    page_token: str = ""
    page_size: int = 0
    sort_by: str = ""
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """What of a table can be sorted and filtered, by the API's names."""

    model: type[Row]
    columns: Mapping[str, Column]
    identity: Column
    default_sort: str = "created_at"

    def page(
        self,
        session: Session,
        request: ListRequest,
        *conditions: sa.ColumnElement[bool],
        options: Sequence[Any] = (),
    ) -> Page[Row]:
        """Answer the request; conditions always hold."""
        size = page_size(request.page_size)
        column, descending = self._sort(request.sort_by)
        clauses = [*conditions, *self._filter(request.filter)]
        statement = sa.select(self.model).where(*clauses)
        total = session.scalar(sa.select(sa.func.count()).select_from(self.model).where(*clauses))
        if request.page_token:
            statement = statement.where(self._after(request.page_token, column, descending))
        order = (column.desc(), self.identity.desc()) if descending else (column, self.identity)
        rows = list(session.scalars(statement.order_by(*order).limit(size + 1).options(*options)))
        token = ""
        if len(rows) > size:
            rows = rows[:size]
            last = rows[-1]
            token = _write_token(getattr(last, column.key), getattr(last, self.identity.key))
        return Page(items=rows, next_token=token, total=total or 0)

    def _sort(self, text: str) -> tuple[Column, bool]:
        words = unquote(text).split()
        if not words:
            return self.columns[self.default_sort], False
        if len(words) > 2 or (len(words) == 2 and words[1].lower() not in {"asc", "desc"}):
            raise InvalidArgumentError(
                f"sort_by {text!r} must read 'field', 'field asc' or 'field desc'"
            )
        descending = len(words) == 2 and words[1].lower() == "desc"
        return self._column(words[0], "sort_by"), descending

    def _column(self, key: str, what: str) -> Column:
        try:
            return self.columns[key]
        except KeyError:
            known = ", ".join(sorted(self.columns))
            raise InvalidArgumentError(f"{what}: unknown field {key!r}; known: {known}") from None

    def _filter(self, text: str) -> list[sa.ColumnElement[bool]]:
        return [_predicate(self._column(item.key, "filter"), item) for item in parse_filter(text)]

    def _after(self, token: str, column: Column, descending: bool) -> sa.ColumnElement[bool]:
        value, identity = _read_token(token)
        further = self.identity < identity if descending else self.identity > identity
        if value is None:
            here = sa.and_(column.is_(None), further)
            return here if descending else sa.or_(here, column.is_not(None))
        typed = _convert(column, value, "page_token")
        here = sa.and_(column == typed, further)
        if not descending:
            return sa.or_(column > typed, here)
        beyond = sa.or_(column < typed, here)
        return sa.or_(beyond, column.is_(None)) if _is_nullable(column) else beyond


@dataclass(frozen=True, slots=True)
class Predicate:
    """One condition of a filter."""

    operation: str
    key: str
    value: Any


def page_size(wanted: int) -> int:
    """The size to use for the wanted one; 0 is the default."""
    if wanted < 0:
        raise InvalidArgumentError(f"page_size {wanted} must not be negative")
    return min(wanted or DEFAULT_PAGE_SIZE, MAXIMUM_PAGE_SIZE)


def parse_filter(text: str) -> list[Predicate]:
    """Read a filter: JSON, plain or URL-encoded, operations by number or by name."""
    if not text.strip():
        return []
    try:
        document = json.loads(text if text.lstrip().startswith("{") else unquote(text))
    except ValueError as error:
        raise InvalidArgumentError(f"filter is not JSON: {error}") from None
    checks.plain(document, "filter")
    predicates = document.get("predicates", []) if isinstance(document, dict) else None
    if not isinstance(predicates, list):
        raise InvalidArgumentError("filter must be an object with a list 'predicates'")
    if len(predicates) > MAXIMUM_PREDICATES:
        raise InvalidArgumentError(f"filter has more than {MAXIMUM_PREDICATES} predicates")
    return [_read_predicate(item) for item in predicates]


def _read_predicate(item: Any) -> Predicate:
    if not isinstance(item, dict):
        raise InvalidArgumentError(f"filter predicate {item!r} must be an object")
    fields = {_snake_case(str(key)): value for key, value in item.items()}
    operation = fields.get("operation", fields.get("op"))
    if isinstance(operation, int) and not isinstance(operation, bool):
        operation = OPERATIONS.get(operation, operation)
    if operation not in OPERATIONS.values():
        raise InvalidArgumentError(f"filter operation {operation!r} is unknown")
    key = fields.get("key")
    if not isinstance(key, str) or not key:
        raise InvalidArgumentError("filter predicate has no key")
    if operation == "IN":
        for name in _MANY_VALUES:
            if name in fields:
                values = fields[name]
                values = values.get("values") if isinstance(values, dict) else values
                if not isinstance(values, list):
                    raise InvalidArgumentError(f"filter predicate on {key}: {name} has no values")
                return Predicate(str(operation), key, values)
        raise InvalidArgumentError(f"filter predicate on {key}: IN needs a list of values")
    for name in _SINGLE_VALUES:
        if name in fields:
            return Predicate(str(operation), key, fields[name])
    raise InvalidArgumentError(f"filter predicate on {key} has no value")


def _predicate(column: Column, item: Predicate) -> sa.ColumnElement[bool]:
    if item.operation == "IN":
        return column.in_([_convert(column, value, item.key) for value in item.value])
    if item.operation == "IS_SUBSTRING":
        return column.contains(str(item.value), autoescape=True)
    value = _convert(column, item.value, item.key)
    compare: Callable[[Any, Any], sa.ColumnElement[bool]] = COMPARISONS[item.operation]
    return compare(column, value)


def _is_nullable(column: Column) -> bool:
    return bool(getattr(column.property.columns[0], "nullable", False))


def _convert(column: Column, value: Any, what: str) -> Any:
    """The value in the column's type."""
    if isinstance(column.type, UtcDateTime):
        return parse_time(str(value))
    if isinstance(column.type, sa.Boolean):
        return str(value).lower() in {"true", "1"}
    if isinstance(column.type, sa.Integer):
        try:
            return int(value)
        except (TypeError, ValueError):
            raise InvalidArgumentError(f"{what}: {value!r} is not an integer") from None
    return str(value)


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidArgumentError(f"{text[:80]!r} is not an RFC 3339 time") from None


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _write_token(value: Any, identity: str) -> str:
    plain = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(json.dumps([plain, identity]).encode()).decode()


def _read_token(token: str) -> tuple[Any, str]:
    try:
        value, identity = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error, TypeError):
        raise InvalidArgumentError(f"page_token {token[:80]!r} is not one of this list") from None
    checks.plain([value, identity], "page_token")
    return value, str(identity)
