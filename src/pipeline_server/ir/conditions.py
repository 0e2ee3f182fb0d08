"""Conditions of ``dsl.If``: the part of CEL that the SDK's compiler writes.

Values come from steps, so nothing is ever evaluated as code: the text is parsed, then compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.plain import check as check_plain

_TOKENS = re.compile(
    r"""\s*(?:
    (?P<input>inputs\.(?:parameter_values|parameters)\[\s*(?:'(?P<q1>[^']*)'|"(?P<q2>[^"]*)")\s*\]
      (?:\.(?:string_value|int_value|double_value))?)
    |(?P<number>-?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)
    |(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<operator>==|!=|<=|>=|<|>|&&|\|\||!|\(|\)|,)
    |(?P<word>[A-Za-z_][A-Za-z_0-9]*)
    )""",
    re.VERBOSE,
)
_COMPARISONS = {"==", "!=", "<", "<=", ">", ">="}
_FUNCTIONS = {"int", "double", "float", "string", "bool", "size"}
_CONSTANTS = {"true": True, "false": False, "null": None, "True": True, "False": False}

Tree = tuple[Any, ...]


def check(text: str, where: str) -> None:
    """Raise if the condition cannot be read."""
    try:
        _Parser(text).parse()
    except PipelineError as error:
        raise PipelineError(f"{where}: {error}") from None


def evaluate(text: str, parameters: Mapping[str, Any]) -> bool:
    """Whether the condition holds for these inputs."""
    if not text.strip():
        return True
    result = _value(_Parser(text).parse(), parameters)
    if not isinstance(result, bool):
        raise PipelineError(f"condition {text!r} gives {result!r}, not true or false")
    return result


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, Any]] = []
        position = 0
        while text[position:].strip():
            match = _TOKENS.match(text, position)
            if match is None:
                raise PipelineError(f"condition {text!r} cannot be read at {text[position:]!r}")
            position = match.end()
            kind = str(match.lastgroup) if match.lastgroup not in {"q1", "q2"} else "input"
            if match.group("input"):
                name = match.group("q1") if match.group("q1") is not None else match.group("q2")
                self.tokens.append(("input", name))
            else:
                self.tokens.append((kind, match.group(kind)))
        self.index = 0

    def parse(self) -> Tree:
        tree = self.either()
        if self.index != len(self.tokens):
            raise PipelineError(f"condition {self.text!r} goes on after its end")
        return tree

    def peek(self) -> tuple[str, Any]:
        return self.tokens[self.index] if self.index < len(self.tokens) else ("end", "")

    def take(self, *wanted: str) -> str | None:
        kind, value = self.peek()
        if kind == "operator" and value in wanted:
            self.index += 1
            return str(value)
        return None

    def either(self) -> Tree:
        tree = self.both()
        while self.take("||"):
            tree = ("||", tree, self.both())
        return tree

    def both(self) -> Tree:
        tree = self.comparison()
        while self.take("&&"):
            tree = ("&&", tree, self.comparison())
        return tree

    def comparison(self) -> Tree:
        tree = self.operand()
        while operator := self.take(*_COMPARISONS):
            tree = (operator, tree, self.operand())
        return tree

    def operand(self) -> Tree:
        if self.take("!"):
            return ("!", self.operand())
        if self.take("("):
            tree = self.either()
            if not self.take(")"):
                raise PipelineError(f"condition {self.text!r} lacks a ')'")
            return tree
        kind, value = self.peek()
        self.index += 1
        match kind:
            case "input":
                return ("input", value)
            case "number":
                number = float(value)
                check_plain(number, f"{value[:40]} in condition {self.text[:80]!r}")
                return ("constant", int(number) if value.lstrip("-").isdigit() else number)
            case "string":
                return ("constant", re.sub(r"\\(.)", r"\1", value[1:-1]))
            case "word" if value in _CONSTANTS:
                return ("constant", _CONSTANTS[value])
            case "word" if value in _FUNCTIONS and self.take("("):
                argument = self.either()
                if not self.take(")"):
                    raise PipelineError(f"condition {self.text!r} lacks a ')'")
                return ("call", value, argument)
        raise PipelineError(f"condition {self.text!r} cannot be read at {value!r}")


def _value(tree: Tree, parameters: Mapping[str, Any]) -> Any:
    match tree:
        case ("constant", value):
            return value
        case ("input", name):
            if name not in parameters:
                raise PipelineError(f"the condition asks for {name!r}, which has no value")
            return parameters[name]
        case ("!", inner):
            return not _truth(_value(inner, parameters))
        case ("&&", left, right):
            return _truth(_value(left, parameters)) and _truth(_value(right, parameters))
        case ("||", left, right):
            return _truth(_value(left, parameters)) or _truth(_value(right, parameters))
        case ("call", function, argument):
            return _call(function, _value(argument, parameters))
        case (operator, left, right):
            return _compare(operator, _value(left, parameters), _value(right, parameters))
    raise AssertionError(tree)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise PipelineError(f"the condition needs true or false, got {value!r}")
    return value


def _call(function: str, value: Any) -> Any:
    try:
        match function:
            case "int":
                return int(float(value)) if isinstance(value, str) else int(value)
            case "double" | "float":
                return float(value)
            case "bool":
                return value.lower() == "true" if isinstance(value, str) else bool(value)
            case "size":
                return len(value)
    except (TypeError, ValueError, OverflowError):
        raise PipelineError(
            f"the condition asks for {function}({str(value)[:80]!r}), which has no value"
        ) from None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _compare(operator: str, left: Any, right: Any) -> bool:
    if operator == "==":
        return bool(_kind(left) == _kind(right) and left == right)
    if operator == "!=":
        return not _compare("==", left, right)
    if _kind(left) != _kind(right) or _kind(left) not in {"number", "text"}:
        raise PipelineError(f"the condition cannot order {left!r} and {right!r}")
    match operator:
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case _:
            return bool(left >= right)


def _kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(type(value).__name__)
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else type(value).__name__
