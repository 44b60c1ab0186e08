"""NC-I015: what is built from source is pinned, with its tools and its wheel; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.model.registry import Sources
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.sources import lines

_SHA256 = r"[0-9a-f]{64} [0-9]{1,12}"
_SOURCE = re.compile(
    rf"(sdist|git) ([a-z0-9]+(?:-[a-z0-9]+)*) ([A-Za-z0-9.!+_-]+) {_SHA256} ([A-Za-z0-9][A-Za-z0-9.!+_-]*)"
)
_FILE = re.compile(rf"file (?:644|755) {_SHA256} [!-~]+")
_TOOLS = {
    "build.lock": re.compile(
        r"[a-z0-9][a-z0-9+.\-]+ [A-Za-z0-9.+:~\-]+ [0-9a-f]{64} [1-9][0-9]{0,10}"
        r" (?:[A-Za-z0-9_+~%:\-][A-Za-z0-9._+~%:\-]*/)+[A-Za-z0-9._+~%:\-]+\.deb"
    ),
    "build-requirements.lock": re.compile(
        r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+_-]+ --hash=sha256:[0-9a-f]{64}"
    ),
}


class SourcesLocked(Rule):
    """What `sources` of iae.yaml names is pinned: source, build tools, and the wheel that they give.

    sources.lock holds the digest of every source archive and of every file of the wheel; build.lock and
    build-requirements.lock hold what it is built with. Without them a build is whatever a compiler of
    that day makes of whatever a server has.

    Fix: name each package once and run `neurocaas iae lock NAME`; the locks are not written by hand.
    """

    id = "NC-I015"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield findings for missing locks, locks of other sources, loose lines, and repeated names."""
        for name, iae in context.iaes():
            sources = iae.value.sources
            if sources is None:
                continue
            here = iae.document.locate(["sources"])
            fix = f"run `neurocaas iae lock {name}` and commit what it writes"
            names = [package.name for package in sources.packages]
            for twice in sorted({one for one in names if names.count(one) > 1}):
                yield self.finding(
                    here, f"`{twice}` is named twice among the sources", "remove one of the two"
                )
            for file, form in _TOOLS.items():
                yield from self._loose(context, f"iae/{name}/{file}", (form,), here, fix)
            path = f"iae/{name}/sources.lock"
            yield from self._loose(context, path, (_SOURCE, _FILE), here, fix)
            if _pinned(context, path) not in (None, _wanted(sources)):
                yield self.finding(
                    Location(path), "it is of other sources than iae.yaml names", fix
                )

    def _loose(
        self,
        context: Context,
        path: str,
        forms: tuple[re.Pattern[str], ...],
        here: Location,
        fix: str,
    ) -> Iterator[Finding]:
        locked = lines(context, path)
        if locked is None:
            yield self.finding(here, f"there is no {path}", fix)
            return
        for number, line in locked:
            if not any(form.fullmatch(line) for form in forms):
                yield self.finding(
                    Location(path, number), "this line is not one that the lock command writes", fix
                )


def _wanted(sources: Sources) -> list[tuple[str, str, str]]:
    return sorted((p.name, p.version, p.commit) for p in sources.packages)


def _pinned(context: Context, path: str) -> list[tuple[str, str, str]] | None:
    """Return what a lock pins, or None when there is none."""
    locked = lines(context, path)
    if locked is None:
        return None
    found = (_SOURCE.fullmatch(line) for _, line in locked)
    return sorted(
        (match[2], match[3], match[4] if match[1] == "git" else "") for match in found if match
    )
