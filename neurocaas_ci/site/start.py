"""The first page: what this place is, and where to go on; I/O is not handled here."""

from __future__ import annotations

from neurocaas_ci.report.usage import counted, hours
from neurocaas_ci.site.facts import Site
from neurocaas_ci.site.frame import note, page, section, tiles
from neurocaas_ci.site.jobs import job_table
from neurocaas_ci.site.markup import Content, Markup, el, outside

_NEWEST = 10


def start(site: Site) -> bytes:
    """Return the first page."""
    ready = [a for a in site.analyses if a.blueprint.stage == "open"]
    certified = sum(row.state in {"certified", "failed", "cancelled"} for row in site.jobs)
    return page(
        site,
        "index.html",
        site.title,
        el(
            "p",
            "Analyses of neuroscience data as a service. Each analysis is pinned down to the last byte of its software; ",
            "each result comes with a signed certificate that says how it came about, ",
            "and anybody can run it again and compare.",
            class_="lead",
        ),
        tiles(
            (
                (f"{len(site.analyses):,}", f"analyses, {len(ready):,} open to everybody"),
                (f"{certified:,}", "jobs with a certificate"),
                (f"{site.count('waiting'):,}", "jobs that wait"),
                (hours([site.usage.total.compute])[0], "compute hours"),
            )
        ),
        section(
            "How it works",
            el(
                "ol",
                el("li", "Choose ", el("a", "an analysis", href="analyses.html"), " and read what it takes and what it gives."),
                el("li", "Write down a job: which analysis in which version, which data by their digests, which parameters. You see at once what it can cost at most."),
                el("li", "Propose it by a pull request", _form(site), ". It is judged, and merged if it is yours, valid and within your budget."),
                el("li", "It runs on a machine of its own, without network, and leaves nothing there."),
                el("li", "You get results and a ", el("a", "certificate", href="jobs.html"), ". Whoever doubts them verifies it, and replays the job."),
                class_="steps",
            ),
        ),
        section(
            "Newest jobs",
            job_table(site.jobs[:_NEWEST], "") if site.jobs else el("p", "No job has been merged yet.", class_="soft"),
            el("p", el("a", f"All {counted(len(site.jobs), 'job')}", href="jobs.html")) if len(site.jobs) > _NEWEST else None,
        ),
        section("Where it lies", _where(site)),
        _unreadable(site),
    )  # fmt: skip


def _form(site: Site) -> Content:
    if not (site.repository and site.form):
        return None
    return [", or by ", outside(f"{site.repository}/issues/new?template=job.yml", "a form")]


def _where(site: Site) -> Markup:
    if site.repository is None:
        return el(
            "p", "The registry is a git repository; this copy of it has no address on the web."
        )
    return el(
        "p",
        "Everything on these pages is derived from files in one git repository: ",
        outside(site.repository, site.repository),
        ". Whatever changes there is proposed, judged and recorded as a pull request.",
    )


def _unreadable(site: Site) -> Content:
    """Say what is left out, so that a gap is no secret."""
    if not site.unreadable:
        return None
    return section(
        "Left out",
        note(f"{counted(len(site.unreadable), 'file')} of the registry could not be read."),
        el("ul", [el("li", el("code", path), f": {why}") for path, why in site.unreadable[:100]]),
    )
