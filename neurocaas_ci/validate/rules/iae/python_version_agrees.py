"""NC-I014: the interpreter is the Python that wheels are chosen for; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule

_INTERPRETER = re.compile(r"(?:.*/)?python(3\.[0-9]{1,2})")
_PACKAGE = re.compile(r"python(3\.[0-9]{1,2})(?:-minimal)?")


class PythonVersionAgrees(Rule):
    """The interpreter of the entrypoint and of the base is the version that `python` names.

    Wheels are chosen for `python` and put where that version looks for them; another interpreter
    finds none of them, or loads extensions that were built for another one.

    Fix: write the same version in `python`, `entrypoint` and `base.packages`.
    """

    id = "NC-I014"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per entrypoint and per base with other versions only."""
        for _, iae in context.iaes():
            value, document = iae.value, iae.document
            started = _INTERPRETER.fullmatch(value.entrypoint[0])
            if started and started[1] != value.python:
                yield self.finding(
                    document.locate(["entrypoint", 0]),
                    f"this starts Python {started[1]}, but `python` is {value.python}",
                    f"start python{value.python}, or correct `python`",
                )
            packages = value.base.get("packages", ())
            installed = {match[1] for name in packages if (match := _PACKAGE.fullmatch(name))}
            if installed and value.python not in installed:
                yield self.finding(
                    document.locate(["base", "packages"]),
                    f"the base brings Python {', '.join(sorted(installed))}, "
                    f"but `python` is {value.python}",
                    f"install python{value.python}, or correct `python`",
                )
