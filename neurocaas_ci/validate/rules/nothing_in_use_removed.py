"""NC-R004: nothing that an unfinished job needs is removed; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.model.registry import Job
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import removed

_NEEDED = re.compile(
    r"registry/(?P<kind>users|groups|hardware|blueprints)/(?P<name>[^/]+)\.yaml"
    r"|iae/(?P<iae>[^/]+)/iae\.yaml"
)
_CERTIFICATE = re.compile(r"certificates/([^/]+/[^/]+/[^/]+)\.sigstore\.json")


class NothingInUseRemoved(Rule):
    """A user, group, hardware type, blueprint or environment stays while an unfinished job needs it.

    Unfinished is a job without a certificate that is not cancelled. It runs as it was merged, but
    whoever watches it, pays for it or repairs it looks the names up today. (What other files refer
    to is asked by the rules on those files.)

    Fix: wait until the job is finished, or cancel it first.
    """

    id = "NC-R004"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per removed file; jobs are looked at only when there is one."""
        gone: dict[tuple[str, str], str] = {}
        for path, _ in removed(context, "registry", "iae"):
            match = _NEEDED.fullmatch(path)
            if match:
                kind = match["kind"] or "iae"
                gone[kind, match["name"] or match["iae"]] = path
        if not gone:
            return
        using: dict[str, list[str]] = {}
        for job in _unfinished(context):
            for need in _needs(context, job):
                if need in gone:
                    using.setdefault(gone[need], []).append(job.id)
        for path, jobs in sorted(using.items()):
            more = f" and {len(jobs) - 1} more" if len(jobs) > 1 else ""
            yield self.finding(
                Location(path),
                f"the unfinished job {jobs[0]}{more} needs this file",
                "restore it until the job has its certificate, or cancel the job first",
            )


def _unfinished(context: Context) -> Iterator[Job]:
    """Yield the jobs that were merged before the change and have not ended."""
    head = context.head
    done = {
        m[1] for e in head.tree.entries("certificates") if (m := _CERTIFICATE.fullmatch(e.path))
    }
    new = {change.path for change in context.changes or () if change.status == "added"}
    for path in head.jobs():
        if path in new or path.removeprefix("registry/jobs/").removesuffix(".yaml") in done:
            continue
        job = head.job(path).value
        if job is not None and job.cancelled is None:
            yield job


def _needs(context: Context, job: Job) -> Iterator[tuple[str, str]]:
    yield "users", job.user
    yield "blueprints", job.blueprint
    if job.group is not None:
        yield "groups", job.group
    blueprint = context.blueprint_of(job)
    for step in blueprint.steps if blueprint else ():
        yield "iae", step.iae
        yield "hardware", job.hardware.get(step.id, step.hardware)
