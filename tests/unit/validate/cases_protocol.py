"""Cases of the rules on protocol modules: registries that break one, and ones near by that do not."""

from __future__ import annotations

from pathlib import Path

from builder import LINK, put
from cases_support import Table, bad, good

from neurocaas_ci import protocols

FOLDER = "neurocaas_ci/protocols"
NEW = f"{FOLDER}/fan.py"

EXPAND = "def expand(blueprint, job):\n    return ()\n"
_SHIPPED = {path.name: path.read_text() for path in Path(protocols.__path__[0]).glob("*.py")}
_SOUND = (
    "from __future__ import annotations\n\nimport itertools\nfrom collections.abc import Sequence\n"
    "from neurocaas_ci.model.planned_run import PlannedRun, run_id\n\n\n"
    "def expand(blueprint, job):\n    return tuple(itertools.chain([]))\n"
)

_NOT_PYTHON = (
    (2, 1, "this is not Python", "def expand(:\n"),
    (1, 1, "null byte", "x = '\0'\n"),
    (1, 21, "nested more than 20", "(" * 30_000),
    (1, 1, "larger than 64000", "#" * 64_001),
    (1, 1003, "more than 1000 parts", "x = " + "-" * 20_000 + "1\n"),
    (2, 1, "not UTF-8", "# x\n\udcff\n"),
    (1, 1, "declares the encoding utf-7", "# coding: utf-7\n" + EXPAND),
    (1, 1, "can be parsed", "if a: pass\n" + "elif a: pass\n" * 4_000),
)
_IMPORTS = (
    (1, 1, "must not import `os`", "import os\n"),
    (1, 1, "must not import `os`", "import math, os as math\n"),
    (1, 1, "must not import `subprocess`", "from subprocess import run\n"),
    (1, 1, "must not import `.`", "from . import parallel\n"),
    (1, 1, "must not import `neurocaas_ci.run.worker`", "from neurocaas_ci.run.worker import x\n"),
    (1, 1, "must not import `neurocaas_ci.model.units` as a module", "import neurocaas_ci.model.units\n"),
    (1, 1, "must not import `neurocaas_ci.model.digest.hashlib`", "from neurocaas_ci.model.digest import hashlib\n"),
    (1, 1, "must not import `typing.sys`", "from typing import sys\n"),
    (1, 1, "must not import `typing.get_type_hints`", "from typing import get_type_hints\n"),
    (1, 1, "must not import `math.*`", "from math import *\n"),
    (3, 5, "`typing.sys` is not public", "import typing\nif 1:\n    typing.sys.exit\n"),
)  # fmt: skip
_CALLS = (
    (1, 1, "`open`", "open('x')\n"),
    (1, 6, "`eval`", "x = [eval]\n"),
    (1, 1, "`__import__`", "__import__('os')\n"),
    (1, 1, "`getattr`", "getattr((), 'x')\n"),
    (1, 1, "`__class__`", "().__class__\n"),
    (2, 5, "keep values between calls", "def f():\n    global x\n"),
)

CASES: Table = {
    "NC-P001": (
        (
            *(
                bad(f"{NEW}:{line}:{column}", says, put(NEW, text), alone=False)
                for line, column, says, text in _NOT_PYTHON
            ),
            bad(f"{FOLDER}/fan/out.py:1:1", "not a folder", put(f"{FOLDER}/fan/out.py", EXPAND)),
        ),
        (
            *(good(put(f"{FOLDER}/{name}", text)) for name, text in _SHIPPED.items()),
            good(put(NEW, f"# -*- coding: utf-8 -*-\nX = '\\d'\n{EXPAND}")),
            good(put(NEW, f"{LINK}parallel.py")),
        ),
    ),
    "NC-P002": (
        (
            bad(f"{NEW}:1:1", "no function `expand`", put(NEW, "def expands(a, b): ...\n")),
            bad(f"{NEW}:1:1", "does not take", put(NEW, "def expand(blueprint): ...\n")),
            bad(f"{NEW}:1:1", "does not take", put(NEW, "async def expand(a, b): ...\n")),
            bad(f"{NEW}:1:1", "does not take", put(NEW, "def expand(a, b, *, c): ...\n")),
        ),
        (
            *(good(put(f"{FOLDER}/{name}", text)) for name, text in _SHIPPED.items()),
            good(put(NEW, "def expand(a, b, c=1, *, d=2): ...\n")),
        ),
    ),
    "NC-P003": (
        tuple(
            bad(f"{NEW}:{line}:{column}", says, put(NEW, f"{text}{EXPAND}"))
            for line, column, says, text in _IMPORTS
        ),
        (
            *(good(put(f"{FOLDER}/{name}", text)) for name, text in _SHIPPED.items()),
            good(put(NEW, _SOUND)),
        ),
    ),
    "NC-P004": (
        tuple(
            bad(f"{NEW}:{line}:{column}", says, put(NEW, f"{text}{EXPAND}"))
            for line, column, says, text in _CALLS
        ),
        (
            *(good(put(f"{FOLDER}/{name}", text)) for name, text in _SHIPPED.items()),
            good(put(NEW, _SOUND)),
        ),
    ),
}
