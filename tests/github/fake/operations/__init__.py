"""The operations of the REST API that the fake answers."""

import importlib

_MODULES = (
    "actions",
    "apps",
    "checks",
    "comments",
    "contents",
    "git",
    "issues",
    "meta",
    "pages",
    "provisions",
    "pulls",
    "repos",
)


def load() -> None:
    """Fill the table of operations."""
    for name in _MODULES:
        importlib.import_module(f"{__name__}.{name}")
