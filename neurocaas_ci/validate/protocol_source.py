"""Parse a protocol module without importing it; I/O is not handled here.

The text may come from anybody. Python's own parser is only shown texts whose size, nesting and
statement length are bounded: beyond that it can take very long, or end the process.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.scope import PROTOCOLS
from neurocaas_ci.validate.touched import files

if TYPE_CHECKING:
    import ast


MAX_BYTES = 64_000
_MAX_DEPTH = 20
_MAX_TOKENS = 1_000
_COOKIE = re.compile(r"(?:[^\n]*\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*([-\w.]+)")  # PEP 263


class Parsed(NamedTuple):
    """A module's tree, or what is wrong and where (line and column from 1)."""

    tree: ast.Module | None
    problem: str = ""
    line: int = 1
    column: int = 1


def protocols(context: Context) -> Iterator[tuple[str, Parsed]]:
    """Yield path and content of the judged protocol modules; `__init__.py` is no protocol."""
    for entry in files(context, PROTOCOLS):
        name = entry.path.removeprefix(f"{PROTOCOLS}/")
        if "/" in name or name == "__init__.py" or not name.endswith(".py"):
            continue
        content = context.head.tree.read(entry.path, MAX_BYTES)
        if content is not None:
            yield entry.path, parse(content)


def trees(context: Context) -> Iterator[tuple[str, ast.Module]]:
    """Yield path and tree of the judged protocol modules that can be parsed."""
    for path, parsed in protocols(context):
        if parsed.tree is not None:
            yield path, parsed.tree


@functools.lru_cache(maxsize=64)
def parse(content: bytes) -> Parsed:
    """Return the tree of a module, or why there is none."""
    import ast
    import warnings

    if len(content) > MAX_BYTES:
        return Parsed(None, f"the module is larger than {MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
        bound = _text(text) or _bound(text)
        if bound is not None:
            return bound
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Parsed(ast.parse(text))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return Parsed(None, f"byte 0x{content[error.start]:02x} is not UTF-8", line)
    except SyntaxError as error:
        problem = f"this is not Python: {(error.msg or '').partition('(')[0].strip()}"
        return Parsed(None, problem, error.lineno or 1, max(error.offset or 1, 1))
    except (ValueError, RecursionError, MemoryError):
        return Parsed(None, "this is not Python that can be parsed")


def _text(text: str) -> Parsed | None:
    """Return what makes a text another one for an import than for the parser here."""
    if "\0" in text:
        return Parsed(None, "the module holds a null byte")
    cookie = _COOKIE.match(text)
    if cookie and cookie[1].lower() not in {"utf-8", "utf8"}:
        return Parsed(None, f"the module declares the encoding {cookie[1][:20]}, but must be UTF-8")
    return None


def _bound(text: str) -> Parsed | None:
    """Return what is too deep or too long for the parser, seen from the tokens alone."""
    import tokenize

    depth = count = 0
    indents = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            count = 0 if token.type == tokenize.NEWLINE else count + 1
            indents += (token.type == tokenize.INDENT) - (token.type == tokenize.DEDENT)
            if token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
            line, column = token.start[0], token.start[1] + 1
            if depth > _MAX_DEPTH or indents > _MAX_DEPTH:
                return Parsed(None, f"this is nested more than {_MAX_DEPTH} deep", line, column)
            if count > _MAX_TOKENS:
                problem = f"this statement has more than {_MAX_TOKENS} parts"
                return Parsed(None, problem, line, column)
    except tokenize.TokenError as error:
        message, (line, column) = error.args
        reason = str(message).partition("(")[0].strip()
        return Parsed(None, f"this is not Python: {reason}", line, column + 1)
    return None
