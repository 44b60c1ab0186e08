"""Patterns that are compiled when they are used: most commands use few of those that they load."""

from __future__ import annotations

import importlib
import re
import sys
from types import ModuleType
from typing import Any, cast


class _Late:
    """Compiles its pattern on first use, and then hands out the methods of what that gave."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._given = pattern, flags

    def __getattr__(self, name: str) -> Any:
        # `re` remembers what it has compiled. Found here from now on, so this is not called again.
        method = self.__dict__[name] = getattr(re.compile(*self._given), name)
        return method


def late(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return a stand-in for the compiled pattern; a wrong pattern is an error of its first use.

    Call its methods; the functions of `re` do not take it.
    """
    return cast("re.Pattern[str]", _Late(pattern, flags))


def load(name: str) -> ModuleType:
    """Import a module of somebody else whose patterns compile late; one that is loaded stays as it is.

    It has to be one that calls the methods of its patterns, which most do. No other thread may
    compile patterns meanwhile.
    """
    if name not in sys.modules:
        compile_now, re.compile = re.compile, late  # type: ignore[assignment]
        try:
            importlib.import_module(name)
        finally:
            re.compile = compile_now
    return sys.modules[name]
