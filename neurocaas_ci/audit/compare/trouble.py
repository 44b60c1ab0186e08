"""Why a comparison stops: one side is not what it should be, or comparing is not possible."""

from __future__ import annotations

import csv
import importlib.util
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from tokenize import TokenError
from typing import Literal
from xml.parsers.expat import ExpatError

Side = Literal["original", "replay"]

# What the parsers of the standard library, numpy and h5py raise on bytes that somebody chose.
_PARSER_ERRORS = (
    ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, SyntaxError,
    TypeError, ValueError, csv.Error, struct.error, tarfile.TarError, zipfile.BadZipFile,
    zlib.error, ExpatError, TokenError,
)  # fmt: skip


class UnreadableError(Exception):
    """One side is not a sound file of its format."""

    def __init__(self, side: Side, reason: str) -> None:
        super().__init__(f"the {side} {reason}")
        self.side = side
        self.reason = reason


class ImpossibleError(Exception):
    """The two cannot be compared here, whatever they hold."""


def require(*libraries: str) -> None:
    """Raise ImpossibleError when a library that is not part of the base install is missing."""
    for name in libraries:
        if importlib.util.find_spec(name) is None:
            raise ImpossibleError(f"{name} is not installed: pip install 'neurocaas-ci[compare]'")


@contextmanager
def reading(side: Side, what: str) -> Iterator[None]:
    """Turn what a parser raises on damaged or hostile bytes into UnreadableError.

    `what` is the format. Running out of memory becomes ImpossibleError, because it says nothing
    about the file.
    """
    try:
        yield
    except MemoryError as error:
        raise ImpossibleError(f"reading the {side} as {what} needs too much memory") from error
    except _PARSER_ERRORS as error:
        said = " ".join(str(error).split())[:120] or type(error).__name__
        raise UnreadableError(side, f"is not sound {what} ({said})") from error
