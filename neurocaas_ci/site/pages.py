"""All files of the website, one after the other; I/O is not handled here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import resources

from neurocaas_ci.site.analyses import analysis, analysis_path, catalogue
from neurocaas_ci.site.certificates import bundle_path, job_page
from neurocaas_ci.site.facts import JobFacts, JobRow, Site
from neurocaas_ci.site.jobs import job_pages, job_path
from neurocaas_ci.site.start import start
from neurocaas_ci.site.usage import usage_page

SCHEMA = "neurocaas/site/v1"
MARK = "site.json"
"""The file that says what a folder is: a website that was made here, and may be made again."""


def pages(site: Site, job_of: Callable[[JobRow], JobFacts]) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file; equal registries give equal bytes.

    `job_of` is asked for one job after the other, none of which is kept.
    """
    yield MARK, _mark(site)
    yield "style.css", resources.files(__package__).joinpath("style.css").read_bytes()
    # The host's own processing of pages is not wanted.
    yield ".nojekyll", b""
    yield "index.html", start(site)
    yield "analyses.html", catalogue(site)
    for one in site.analyses:
        yield analysis_path(one.blueprint.name), analysis(site, one)
    yield from job_pages(site)
    for row in site.jobs:
        facts = job_of(row)
        yield job_path(row.id), job_page(site, facts)
        if facts.bundle is not None:
            yield bundle_path(row.id), facts.bundle
    yield "usage.html", usage_page(site)


def _mark(site: Site) -> bytes:
    document = {"schema": SCHEMA, "commit": site.commit, "jobs": len(site.jobs)}
    return (json.dumps(document, indent=2) + "\n").encode()
