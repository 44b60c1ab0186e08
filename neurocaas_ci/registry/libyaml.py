"""PyYAML's binding to libyaml, loaded in a third of the time; I/O is not handled here.

Importing PyYAML compiles the patterns of its reader and resolver that are written in Python. With
libyaml nothing ever asks for them, and one alone, over all of Unicode, takes longer to compile than
all modules of the package to load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurocaas_ci.patterns import load

if TYPE_CHECKING:
    import yaml
else:
    yaml = load("yaml")

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads YAML with libyaml where PyYAML was built with it."""

__all__ = ["Loader", "yaml"]
