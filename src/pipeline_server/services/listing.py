"""Paging, sorting and filtering as the clients of the API send them."""

from __future__ import annotations

import base64
import binascii
import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from pipeline_server.database.types import JsonText, LongText, UtcDateTime
from pipeline_server.errors import InvalidArgumentError
from pipeline_server.services import checks

Row = TypeVar("Row")
Column = InstrumentedAttribute[Any]
Sortable = Column | sa.ColumnElement[Any]

DEFAULT_PAGE_SIZE = 20
MAXIMUM_PAGE_SIZE = 200
MAXIMUM_PREDICATES = 20
TAGS = "tags."

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
_INTEGER = re.compile(r"-?[0-9]{1,19}")
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
    """How a list is wanted; ``predicates`` are not said (None) where the token carries them.

    ``namespace`` is the server's own, in which everything is that it lists.
    """

    page_token: str = ""
    page_size: int = 0
    sort_by: str = ""
    predicates: Sequence[Predicate] | None = None
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins, and the list that it is of: a token says all of it."""

    value: Any
    identity: str
    sort_by: str
    predicates: Sequence[Predicate]
    scope: dict[str, str]


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """What of a table can be sorted and filtered, by the API's names.

    ``tags`` is the column of tags, whose keys can be filtered by as ``tags.<key>``.
    ``columns`` are columns, or what the database makes of some; ``namespace`` is the request's.
    """

    model: type[Row]
    columns: Mapping[str, Sortable]
    identity: Column
    default_sort: str = "created_at"
    tags: Column | None = None

    def page(
        self,
        session: Session,
        request: ListRequest,
        scope: Mapping[str, str] | None = None,
        options: Sequence[Any] = (),
    ) -> Page[Row]:
        """Answer the request, within rows whose columns have the scope's values."""
        size = page_size(request.page_size)
        scope = {key: value for key, value in (scope or {}).items() if value}
        place = _read_token(request.page_token) if request.page_token else None
        if place is not None:
            request, scope = _resumed(request, scope, place)
        one = replace(self, columns={**self.columns, "namespace": sa.literal(request.namespace)})
        return one._page(session, request, scope, place, size, options)

    def _page(
        self,
        session: Session,
        request: ListRequest,
        scope: Mapping[str, str],
        place: _Place | None,
        size: int,
        options: Sequence[Any],
    ) -> Page[Row]:
        conditions = [self._column(key, "the list") == value for key, value in scope.items()]
        column, descending = self._sort(request.sort_by)
        predicates = request.predicates or ()
        clauses = [*conditions, *(self._clause(item) for item in predicates)]
        statement = sa.select(self.model, column.label("sorted_by")).where(*clauses)
        total = session.scalar(sa.select(sa.func.count()).select_from(self.model).where(*clauses))
        if place is not None:
            statement = statement.where(self._after(place, column, descending))
        order = (column.desc(), self.identity.desc()) if descending else (column, self.identity)
        rows = list(session.execute(statement.order_by(*order).limit(size + 1).options(*options)))
        token = ""
        if len(rows) > size:
            rows = rows[:size]
            last, value = rows[-1]
            token = _write_token(
                _Place(
                    value.isoformat() if isinstance(value, datetime) else value,
                    getattr(last, self.identity.key),
                    request.sort_by,
                    predicates,
                    dict(scope),
                )
            )
        return Page(items=[row for row, _ in rows], next_token=token, total=total or 0)

    def _sort(self, text: str) -> tuple[Sortable, bool]:
        words = unquote(text).split()
        if not words:
            return self.columns[self.default_sort], False
        if len(words) > 2 or (len(words) == 2 and words[1].lower() not in {"asc", "desc"}):
            raise InvalidArgumentError(
                f"sort_by {text!r} must read 'field', 'field asc' or 'field desc'"
            )
        descending = len(words) == 2 and words[1].lower() == "desc"
        return self._column(words[0], "sort_by"), descending

    def _column(self, key: str, what: str) -> Sortable:
        try:
            return self.columns[key]
        except KeyError:
            known = ", ".join(sorted(self.columns))
            raise InvalidArgumentError(f"{what}: unknown field {key!r}; known: {known}") from None

    def _clause(self, item: Predicate) -> sa.ColumnElement[bool]:
        name = item.key.removeprefix(TAGS)
        if self.tags is None or name == item.key:
            return _predicate(self._column(item.key, "filter"), item)
        if not name or "." in name:
            raise InvalidArgumentError(f"filter: {item.key!r} must read tags.<key>, without a dot")
        return _predicate(tag(self.tags, name), item)

    def _after(self, place: _Place, column: Sortable, descending: bool) -> sa.ColumnElement[bool]:
        value, identity = place.value, place.identity
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
    return _read_predicates(document.get("predicates", []) if isinstance(document, dict) else None)


def _read_predicates(predicates: Any) -> list[Predicate]:
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
            if fields.get(name) is not None:
                values = fields[name]
                values = values.get("values") if isinstance(values, dict) else values
                if not isinstance(values, list):
                    raise InvalidArgumentError(f"filter predicate on {key}: {name} has no values")
                return Predicate(operation, key, [_text(value, name, key) for value in values])
        raise InvalidArgumentError(f"filter predicate on {key}: IN needs a list of values")
    for name in _SINGLE_VALUES:
        if fields.get(name) is not None:
            if operation == "IS_SUBSTRING" and name != "string_value":
                raise InvalidArgumentError(
                    f"filter predicate on {key}: IS_SUBSTRING needs a string_value, not {name}"
                )
            return Predicate(str(operation), key, _text(fields[name], name, key))
    raise InvalidArgumentError(f"filter predicate on {key} has no value")


def _text(value: Any, name: str, key: str) -> str:
    """A value of a predicate as the text that JSON has for it, of the kind that its name says."""
    if name.startswith(("int_", "long_")):
        whole = isinstance(value, float) and value.is_integer()
        number = int(value) if whole else value
        text = str(number) if isinstance(number, int) and not isinstance(number, bool) else value
        if isinstance(text, str) and _INTEGER.fullmatch(text):
            return text
    elif isinstance(value, str):
        return value
    kind = "an integer" if name.startswith(("int_", "long_")) else "a text"
    raise InvalidArgumentError(f"filter predicate on {key}: {name} {value!r} is not {kind}")


def _predicate(column: Any, item: Predicate) -> sa.ColumnElement[bool]:
    clause: sa.ColumnElement[bool]
    if item.operation == "IN":
        clause = column.in_([_convert(column, value, item.key) for value in item.value])
        return clause
    if item.operation == "IS_SUBSTRING":
        if not isinstance(column.type, sa.String | sa.Text | LongText):
            raise InvalidArgumentError(f"filter: {item.key} is no text, which IS_SUBSTRING is for")
        clause = column.contains(str(item.value), autoescape=True)
        return clause
    value = _convert(column, item.value, item.key)
    compare: Callable[[Any, Any], sa.ColumnElement[bool]] = COMPARISONS[item.operation]
    return compare(column, value)


def _is_nullable(column: Sortable) -> bool:
    """Whether a row may have no value there, as what is no column of the table always may."""
    if not isinstance(column, InstrumentedAttribute):
        return True
    return bool(getattr(column.property.columns[0], "nullable", False))


def _convert(column: Any, value: Any, what: str) -> Any:
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


def tag(column: Column, key: str) -> Any:
    """The value of one tag; null where it is not set."""
    if '"' in key or "\\" in key:
        raise InvalidArgumentError(f"filter: a tag's key {key!r} must hold no quotes")
    written = json.dumps(key)[1:-1]
    return JsonText(column, sa.literal(key, sa.String), sa.literal(written, sa.String))


def _resumed(
    request: ListRequest, scope: dict[str, str], place: _Place
) -> tuple[ListRequest, dict[str, str]]:
    """The list that a token goes on with; what is said again must be what was said."""
    said_otherwise = [
        what
        for what, given, same in (
            ("sort_by", request.sort_by, _same_sort(request.sort_by, place.sort_by)),
            (
                "filter",
                request.predicates is not None,
                list(request.predicates or ()) == list(place.predicates),
            ),
            *((key, value, place.scope.get(key) == value) for key, value in scope.items()),
        )
        if given and not same
    ]
    if said_otherwise:
        raise InvalidArgumentError(
            f"{' and '.join(said_otherwise)} must be as on the list's first page, or left out: "
            "the page_token carries it"
        )
    carried = replace(request, sort_by=place.sort_by, predicates=place.predicates)
    return carried, place.scope


def _same_sort(one: str, other: str) -> bool:
    """Whether two orders are one: ascending need not be said."""
    words = [unquote(text).lower().split() for text in (one, other)]
    return words[0][:1] == words[1][:1] and (words[0][1:] == ["desc"]) == (words[1][1:] == ["desc"])


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _write_token(place: _Place) -> str:
    predicates = [
        {
            "operation": item.operation,
            "key": item.key,
            "string_values" if item.operation == "IN" else "string_value": item.value,
        }
        for item in place.predicates
    ]
    content = {**asdict(place), "predicates": predicates}
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def _read_token(token: str) -> _Place:
    try:
        content = json.loads(base64.urlsafe_b64decode(token.encode()))
        place = _Place(**content)
    except (ValueError, binascii.Error, TypeError):
        raise InvalidArgumentError(f"page_token {token[:80]!r} is not one of this list") from None
    checks.plain(content, "page_token")
    texts = [place.identity, place.sort_by]
    if not isinstance(place.scope, dict):
        raise InvalidArgumentError(f"page_token {token[:80]!r} is not one of this list")
    if not all(isinstance(text, str) for text in [*texts, *place.scope.values()]):
        raise InvalidArgumentError(f"page_token {token[:80]!r} is not one of this list")
    return replace(place, predicates=_read_predicates(place.predicates))
