"""For which Python, processor and C library wheels are chosen; I/O is not handled here."""

from __future__ import annotations

import re

from neurocaas_ci.errors import BuildError

_OLDEST_GLIBC_MINOR = 5
_SERIES = re.compile(r"\d+\.\d+")


class WheelTarget:
    """For what wheels are chosen: the IAE's Python, processor and C library."""

    def __init__(self, python: str, machine: str, glibc: tuple[int, int]) -> None:
        if not _SERIES.fullmatch(python):
            raise BuildError(
                f"not a Python version: {python!r}", where="iae.yaml", hint='say "3.11"'
            )
        self.python = python
        self.machine = machine
        self.glibc = glibc

    def pip_options(self) -> list[str]:
        """Return pip's options for this target; the newest C library that fits is preferred."""
        major, minor = self.glibc
        series = range(minor, _OLDEST_GLIBC_MINOR - 1, -1)
        platforms = [f"manylinux_{major}_{m}_{self.machine}" for m in series]
        platforms += [f"manylinux2014_{self.machine}", f"linux_{self.machine}"]
        abi = f"cp{self.python.replace('.', '')}"
        options = [f"--platform={name}" for name in platforms]
        return [
            *options,
            *("--implementation=cp", f"--python-version={self.python}"),
            *(f"--abi={abi}", "--abi=abi3", "--abi=none"),
        ]
