"""PyYAML's binding to libyaml, loaded in a third of the time; I/O is not handled here.

Importing PyYAML compiles the patterns of its reader and resolver that are written in Python. With
libyaml nothing ever asks for them, and one alone, over all of Unicode, takes longer to compile than
all modules of the package to load.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from neurocaas_ci.patterns import late

if TYPE_CHECKING:
    import yaml
elif "yaml" in sys.modules:
    yaml = sys.modules["yaml"]
else:
    _compile, re.compile = re.compile, late
    try:
        import yaml
    finally:
        re.compile = _compile

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads YAML with libyaml where PyYAML was built with it."""

__all__ = ["Loader", "yaml"]
