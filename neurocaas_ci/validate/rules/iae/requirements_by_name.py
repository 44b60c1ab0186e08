"""NC-I009: packages are required by name alone; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.sources import lines, package

_VERSION = re.compile(r"(?:===|[=!~<>]=|[<>])[ \t]*[A-Za-z0-9.*+!_-]+")


class RequirementsByName(Rule):
    """requirements.in names packages of the Python index, and nothing else.

    An address, a git repository, a local or editable path, or an option such as `--index-url` brings
    in content that the lock cannot pin, or that nobody else can reach. Indexes and mirrors are the
    configuration of the machine that builds.

    Fix: write `name==version`, one a line; put code of your own into `src/`.
    """

    id = "NC-I009"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per line that is no package with versions."""
        for name in context.iae_names():
            path = f"iae/{name}/requirements.in"
            for number, line in lines(context, path) or ():
                what = _objection(line)
                if what:
                    yield self.finding(
                        Location(path, number),
                        what,
                        "write `name==version`; put code of your own into src/",
                    )


def _objection(line: str) -> str | None:
    text = re.split(r"(?:^|[ \t])#", line, maxsplit=1)[0].rstrip()
    if text.startswith("-"):
        return f"the option `{text.split()[0][:40]}` does not belong here"
    found = package(text)
    rest = found[1] if found else text
    if found is None or "://" in text or rest.startswith(("@", "/", "\\")):
        return "this names a place, not a package of the index"
    versions = rest.partition(";")[0].strip()
    if versions.startswith("(") and versions.endswith(")"):
        versions = versions[1:-1]
    if versions and not all(_VERSION.fullmatch(part.strip()) for part in versions.split(",")):
        return "this is no package name with versions"
    return None
