"""Jobs that their protocol refuses, for the rules that say why; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from neurocaas_ci.model.registry import Job
from neurocaas_ci.protocols import expand
from neurocaas_ci.validate.context import Context, Valid

_E = TypeVar("_E", bound=ValueError)


def refused(context: Context, kind: type[_E]) -> Iterator[tuple[Valid[Job], _E]]:
    """Yield the judged jobs that their protocol refuses by an error of this kind.

    What else keeps a protocol from expanding is the matter of other rules.
    """
    for job in context.jobs():
        blueprint = context.blueprint_of(job.value)
        if blueprint is None:
            continue
        try:
            expand(blueprint, job.value)
        except kind as error:
            yield job, error
        except (LookupError, ValueError, TypeError):
            continue
