"""NC-R005: no two names differ only in case; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import FOLDERS, Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import added, looks_at_all

# The folder around an added file that is looked at: as much as can hold a twin, and never all jobs.
_AROUND = re.compile(
    r"registry/(?:blueprints|hardware|users|groups|jobs/[^/]+/[^/]+)(?=/)"
    r"|iae/[^/]+(?=/)|certificates/[^/]+/[^/]+(?=/)"
)


class NoCaseTwins(Rule):
    """No two paths of the registry differ only in upper and lower case.

    On macOS and Windows `Ada.yaml` and `ada.yaml` are one file: a clone shows one of them with the
    content of the other. A forge does not tell such logins apart either.

    Fix: use the spelling that is there already, or another name.
    """

    id = "NC-R005"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per path that has a twin."""
        tree = context.head.tree
        if looks_at_all(context):
            every = (entry.path for folder in FOLDERS for entry in tree.entries(folder))
            yield from self._twins(every, None)
            return
        new = {change.path for change in added(context, *FOLDERS)}
        around = {match[0] for path in new if (match := _AROUND.match(path))}
        for folder in sorted(around):
            yield from self._twins((entry.path for entry in tree.entries(folder)), new)

    def _twins(self, paths: Iterable[str], new: set[str] | None) -> Iterator[Finding]:
        """Yield the second of two spellings, or the new one."""
        known: dict[str, tuple[str, str]] = {}
        for path in paths:
            name = ""
            for part in path.split("/"):
                name = f"{name}/{part}" if name else part
                twin, of = known.setdefault(name.casefold(), (name, path))
                if twin == name:
                    continue
                place, other = (path, twin) if new is None or path in new else (of, name)
                if new is None or place in new:
                    yield self.finding(
                        Location(place),
                        f"`{other}` differs from this only in upper and lower case",
                        "use the spelling that is there already, or another name",
                    )
                break
