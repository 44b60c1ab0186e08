"""NC-C001: jobs are append-only; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.registry.document import Document
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule

_GONE = object()


class JobsAppendOnly(Rule):
    """A merged job never changes, but for `cancelled` being added.

    The manifest is what a certificate certifies, and what the budget was reserved from.

    Fix: restore the file; submit a new job (`neurocaas job retry`) for something else.
    """

    id = "NC-C001"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per job that was removed, moved, or changed otherwise."""
        if context.base is None or context.changes is None:
            return
        for change in context.changes:
            before = change.old_path or change.path
            if not before.startswith("registry/jobs/") or change.status == "added":
                continue
            if not context.base.is_job(before):
                continue
            fix = "restore it; to change something, submit a new job"
            if change.status in {"deleted", "renamed"}:
                yield self.finding(Location(before), "a merged job was removed", fix)
                continue
            old, new = context.base.job(before), context.head.job(before)
            if not isinstance(old.document.data, dict) or not isinstance(new.document.data, dict):
                yield self.finding(Location(before), "a merged job was changed", fix)
                continue
            yield from self._compare(old.document, new.document, fix)

    def _compare(self, old: Document, new: Document, fix: str) -> Iterator[Finding]:
        changed = [key for key in old.data if new.data.get(key, _GONE) != old.data[key]]
        changed += [key for key in new.data if key not in old.data and key != "cancelled"]
        for key in changed:
            what = "changed" if key in old.data and key in new.data else "removed"
            what = "added" if key not in old.data else what
            place = new.locate([key], key=True)
            yield self.finding(place, f"`{key}` of a merged job was {what}", fix)
