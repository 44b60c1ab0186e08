"""NC-I010: every Debian package is pinned; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.sources import lines

_PIN = re.compile(
    r"([a-z0-9][a-z0-9+.\-]+) [A-Za-z0-9.+:~\-]+ [0-9a-f]{64} [1-9][0-9]{0,10}"
    r" (?:[A-Za-z0-9_+~%:\-][A-Za-z0-9._+~%:\-]*/)+[A-Za-z0-9._+~%:\-]+\.deb"
)


class BaseLockPins(Rule):
    """Every line of base.lock pins one Debian package: name, version, SHA-256, size and path.

    A package without a digest is whatever a mirror serves. The path is relative: mirrors are the
    configuration of the machine that builds.

    Fix: run `neurocaas iae lock NAME`; the file is not written by hand.
    """

    id = "NC-I010"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per loose or repeated line, and per lock of nothing."""
        for name, iae in context.iaes():
            path = f"iae/{name}/base.lock"
            locked = lines(context, path) if iae.value.base_kind == "deb" else None
            if locked is None:
                continue
            fix = f"run `neurocaas iae lock {name}` and commit what it writes"
            seen: set[str] = set()
            number = 0
            for number, line in locked:
                match = _PIN.fullmatch(" ".join(line.split()))
                if match is None:
                    text = "this line is not `name version sha256 size path`"
                    yield self.finding(Location(path, number), text, fix)
                elif match[1] in seen:
                    text = f"the package `{match[1]}` is locked twice"
                    yield self.finding(Location(path, number), text, fix)
                else:
                    seen.add(match[1])
            if not number:
                yield self.finding(Location(path), "it locks no package", fix)
