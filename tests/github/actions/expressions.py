"""The few expressions that GitHub evaluates before a job runs: groups and environments; pure.

act evaluates all others. https://docs.github.com/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .errors import HarnessError

_HOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+)|(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)"
    r"|(?P<operator>\|\||&&|==|!=|!|\(|\)))"
)
_CONSTANTS = {"true": True, "false": False, "null": None}


def evaluate(template: Any, contexts: Mapping[str, Any]) -> Any:
    """Return the value of one expression, or the text with all of its expressions filled in."""
    if not isinstance(template, str):
        return template
    whole = _HOLE.fullmatch(template.strip())
    if whole:
        return _Parser(whole[1], contexts).value()
    return _HOLE.sub(lambda hole: _text(_Parser(hole[1], contexts).value()), template)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Parser:
    def __init__(self, source: str, contexts: Mapping[str, Any]) -> None:
        self._source, self._contexts = source, contexts
        self._tokens: list[tuple[str, str]] = []
        at, end = 0, len(source.rstrip())
        while at < end:
            found = _TOKEN.match(source, at)
            if found is None or found.lastgroup is None:
                raise HarnessError(f"an expression that is not understood here: {source.strip()}")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()

    def value(self) -> Any:
        value = self._either()
        if self._tokens:
            raise HarnessError(f"an expression that is not understood here: {self._source.strip()}")
        return value

    def _take(self, *operators: str) -> str | None:
        if self._tokens and self._tokens[0] in [("operator", name) for name in operators]:
            return self._tokens.pop(0)[1]
        return None

    def _either(self) -> Any:
        value = self._both()
        while self._take("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> Any:
        value = self._equal()
        while self._take("&&"):
            other = self._equal()
            value = value and other
        return value

    def _equal(self) -> Any:
        value = self._single()
        while operator := self._take("==", "!="):
            other = self._single()
            value = (_folded(value) == _folded(other)) == (operator == "==")
        return value

    def _single(self) -> Any:
        if self._take("!"):
            return not self._single()
        if self._take("("):
            value = self._either()
            self._take(")")
            return value
        if not self._tokens:
            raise HarnessError(f"an expression that ends too early: {self._source.strip()}")
        kind, word = self._tokens.pop(0)
        if kind == "text":
            return word[1:-1].replace("''", "'")
        if kind == "number":
            return int(word)
        return _CONSTANTS[word] if word in _CONSTANTS else self._look_up(word)

    def _look_up(self, path: str) -> Any:
        value: Any = self._contexts
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return value


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
