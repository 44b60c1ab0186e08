"""NC-C003: a certificate lies where its job does; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.registry.tree import EXECUTABLE, REGULAR
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import files, looks_at_all

_PLACE = re.compile(
    r"certificates/([^/]+/[^/]+/[^/]+?)(?:\.replays/[A-Za-z0-9][A-Za-z0-9._-]*)?\.sigstore\.json"
)


class CertificatesHaveJobs(Rule):
    """A certificate, or the verdict of a replay, lies where a job of the registry says.

    It is `certificates/<login>/<yyyy-mm>/<job>.sigstore.json`, or a file in `<job>.replays/`, of a
    manifest `registry/jobs/<login>/<yyyy-mm>/<job>.yaml`. Elsewhere nobody finds it, and a
    certificate of no job would be taken for one.

    README.md and names that start with a dot are ignored.

    Fix: move the file to its place, or remove it.
    """

    id = "NC-C003"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per stray file, and per certificate of no job."""
        every = set(context.head.jobs()) if looks_at_all(context) else None
        for entry in files(context, "certificates"):
            name = entry.path.rpartition("/")[2]
            if entry.mode not in {REGULAR, EXECUTABLE} or name == "README.md" or name[0] == ".":
                continue
            match = _PLACE.fullmatch(entry.path)
            fix = "put it where its job says: certificates/<login>/<yyyy-mm>/<job>.sigstore.json"
            if match is None:
                yield self.finding(Location(entry.path), "certificates do not lie here", fix)
            elif not _is_there(context, f"registry/jobs/{match[1]}.yaml", every):
                yield self.finding(Location(entry.path), f"there is no job `{match[1]}`", fix)


def _is_there(context: Context, path: str, every: set[str] | None) -> bool:
    # Of many certificates each would ask for its job by itself.
    if every is not None:
        return path in every
    return context.head.tree.read(path, 0) is not None
