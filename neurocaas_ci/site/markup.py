"""Build HTML of strangers' text without ever pasting it; I/O is not handled here.

Whatever is no `Markup` is text, and is escaped. That is all the template language this site needs.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import TypeAlias

_VOID = {"link", "meta"}
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?")


class Markup(str):
    """HTML that was built here; only this module makes it of text."""

    __slots__ = ()


Content: TypeAlias = "str | Iterable[Content] | None"


def visible(text: str) -> str:
    """Return text in which nothing is hidden: control, format and direction marks are spelt out."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c == "\n" else " " if c.isspace() else _spelt(c) for c in text
    )


def el(name: str, /, *content: Content, **attributes: str | None) -> Markup:
    """Return an element; `class_` is the attribute `class`, and what is None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(visible(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{join(*content)}</{name}>")


def join(*content: Content) -> Markup:
    """Return content one after the other, with what is text escaped."""
    return Markup("".join(_piece(one) for one in content))


def outside(address: str, *content: Content) -> Markup:
    """Return a link to another site, or only what it says when the address is none of the web."""
    if not _ADDRESS.fullmatch(address):
        return join(*content)
    return el("a", *content, href=address, rel="noopener noreferrer nofollow")


def _piece(one: Content) -> str:
    if one is None:
        return ""
    if isinstance(one, Markup):
        return one
    if isinstance(one, str):
        return html.escape(visible(one))
    return "".join(_piece(part) for part in one)


def _spelt(character: str) -> str:
    return character.encode("unicode_escape").decode()
