"""The base of all rules; I/O is not handled here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from neurocaas_ci.model.finding import Finding, Location, Repair, Severity
from neurocaas_ci.registry.document import Document, Step
from neurocaas_ci.schemas.check import nearest
from neurocaas_ci.validate.context import Context


class Rule(ABC):
    """One thing that can be wrong with a registry.

    The docstring of a subclass is its page: what is asked, why, and how to fix it.
    """

    id: ClassVar[str]
    severity: ClassVar[Severity] = "error"

    @abstractmethod
    def check(self, context: Context) -> Iterator[Finding]:
        """Yield what is wrong; only values that their schemas accept need to be looked at."""

    def finding(
        self, place: Location, message: str, fix: str, repair: Repair | None = None
    ) -> Finding:
        """Return a finding of this rule."""
        return Finding(self.id, self.severity, place, message, fix, repair)

    def missing(
        self,
        document: Document,
        pointer: Sequence[Step],
        wanted: str,
        known: Iterable[str],
        kind: str,
    ) -> Iterator[Finding]:
        """Yield a finding when `wanted`, which stands at `pointer`, is not among the known names."""
        names = list(known)
        if wanted not in names:
            shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")  # noqa: PLR2004 - names shown
            fix = nearest(wanted, names) or f"known: {shown or 'none yet'}"
            yield self.finding(document.locate(pointer), f"there is no {kind} `{wanted}`", fix)
