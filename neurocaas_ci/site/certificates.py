"""The page of one job: what was asked for, what its certificate pins, how to check; I/O is not handled here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from neurocaas_ci.model.certificate import Certificate
from neurocaas_ci.model.places import SUFFIX, certificate_path, manifest_path, replays_folder
from neurocaas_ci.model.registry import Dataset
from neurocaas_ci.model.results import JOB_RECORD
from neurocaas_ci.model.units import format_duration, format_size
from neurocaas_ci.report.certificate import isolation, machine
from neurocaas_ci.report.usage import counted
from neurocaas_ci.site.analyses import analysis_path
from neurocaas_ci.site.facts import JobFacts, Site
from neurocaas_ci.site.frame import badge, commit, digest, facts, note, page, section, shell, table
from neurocaas_ci.site.jobs import job_path, month_path, verdicts
from neurocaas_ci.site.markup import Content, Markup, el, join, outside

_UP = "../../../"
# A job has thousands of files at most; the certificate beside the page has all of them.
_MOST = 500


def job_page(site: Site, one: JobFacts) -> bytes:
    """Return the page of a job."""
    row, c = one.row, one.certificate
    return page(
        site,
        job_path(row.id),
        row.name,
        el("p", badge(row), " ", verdicts(row)),
        facts(
            (
                ("Job", el("code", row.id)),
                ("Of", f"{site.people[row.login]} ({row.login})" if row.login in site.people else row.login),
                ("Analysis", _analysis(one)),
                ("Merged", join(f"{row.merged} by commit ", commit(site, row.commit)) if row.commit else None),
                ("Month", el("a", row.month, href=_UP + month_path(row.month))),
                *_asked(one),
            )
        ),
        note(row.problem) if row.problem else None,
        _waiting(one) if c is None else _certified(site, one, c),
    )  # fmt: skip


def bundle_path(job: str) -> str:
    """Return where a copy of a job's certificate lies, beside its page."""
    return f"jobs/{job}{SUFFIX}"


def _analysis(one: JobFacts) -> Content:
    row = one.row
    shown = el("code", row.reference)
    return el("a", shown, href=_UP + analysis_path(row.analysis)) if row.known else shown


def _asked(one: JobFacts) -> Iterable[tuple[str, Content]]:
    job = one.job
    if job is None:
        return
    yield "Paid by", job.group or "its user"
    yield "Pricing", job.pricing
    yield (
        "Time of a run",
        f"at most {format_duration(job.max_runtime)}" if job.max_runtime else None,
    )
    yield "Hardware", ", ".join(f"{step}: {kind}" for step, kind in job.hardware.items())
    yield "Repeats", el("code", job.retry_of) if job.retry_of else None
    yield "Cancelled", job.cancelled


def _waiting(one: JobFacts) -> Markup:
    """Return what is known of a job without a certificate."""
    job = one.job
    return join(
        None if one.row.problem else note(
            "It waits: it is merged, and main has no certificate of it yet. ",
            "Where it stands just now is known where its state is kept: ",
            el("code", f"neurocaas status {one.row.id} --follow"),
        ),
        section("Inputs", _inputs(job.datasets)) if job else None,
        section("Parameters", _parameters(job.parameters)) if job else None,
    )  # fmt: skip


def _certified(site: Site, one: JobFacts, c: Certificate) -> Markup:
    message = c.notes.get(JOB_RECORD, {}).get("message")
    return join(
        el("p", str(message)) if message else None,
        section("What the certificate pins", _pins(site, c)),
        section("Inputs", _inputs(c.datasets)),
        section("Parameters", _parameters(c.parameters)),
        section("Runs", _runs(c)),
        section("Results", _results(one, c)),
        section("How it was run", _circumstances(c)),
        section("Check it yourself", _check(site, one)),
        section("Replays", _replays(one)),
    )


def _pins(site: Site, c: Certificate) -> Markup:
    images = [
        (
            f"Environment {name}",
            facts((("image", digest(f"sha256:{i.image}")), ("sources", digest(f"sha256:{i.recipe}")))),
        )
        for name, i in sorted(c.images.items())
    ]  # fmt: skip
    return facts(
        (
            ("Certificate", digest(f"sha256:{c.sha256}")),
            ("Registry", join(outside(c.repository, c.repository), " ", c.ref)),
            ("Merged by", commit(site, c.registry_commit)),
            ("Main then", commit(site, c.main_commit)),
            ("Analysis", _version(site, c)),
            ("Manifest", join(el("code", c.manifest_path), " ", digest(f"sha256:{c.manifest.sha256}"))),
            *images,
        )
    )  # fmt: skip


def _version(site: Site, c: Certificate) -> Content:
    if c.version_commit is None or c.blueprint_file is None:
        return el("code", c.reference)
    return join(
        el("code", c.reference), " of commit ", commit(site, c.version_commit), " ",
        digest(f"sha256:{c.blueprint_file.sha256}"),
    )  # fmt: skip


def _inputs(datasets: Sequence[Dataset]) -> Markup:
    rows = [(el("code", d.uri), format_size(d.size), digest(d.sha256)) for d in datasets[:_MOST]]
    return join(
        table(("Dataset", "Size", "SHA-256"), rows, numbers=(1,), stacked=True),
        _more(len(datasets)),
    )


def _parameters(values: Mapping[str, Any]) -> Markup:
    if not values:
        return el("p", "All have their defaults.")
    rows = [
        (el("code", name), el("code", json.dumps(v, ensure_ascii=False)))
        for name, v in values.items()
    ]
    return table(("Parameter", "Value"), rows)


def _runs(c: Certificate) -> Markup:
    runs = c.runs
    if not runs:
        return el("p", "Nothing was run.")
    rows = [
        (
            el("code", run),
            str(noted.get("status", "?")),
            _number(noted.get("wall_s"), " s"),
            _number(noted.get("cpu_s"), " s"),
            f"taken from {noted['taken_from']}" if noted.get("taken_from") else str(noted.get("message") or ""),
        )
        for run, noted in list(runs.items())[:_MOST]
    ]  # fmt: skip
    return join(
        table(("Run", "End", "Wall time", "CPU time", "Remark"), rows, numbers=(2, 3)),
        _more(len(runs)),
    )


def _results(one: JobFacts, c: Certificate) -> Markup:
    rows = [(el("code", name), digest(sha256)) for name, sha256 in list(c.subjects.items())[:_MOST]]
    return join(
        el(
            "p",
            "The certificate names every file by its digest; whoever has the store gets them by",
        ),
        shell(f"neurocaas fetch {one.row.id} results"),
        table(("File", "SHA-256"), rows, stacked=True),
        _more(len(c.subjects)),
    )


def _circumstances(c: Certificate) -> Markup:
    noted = c.notes.get(JOB_RECORD, {})
    return facts(
        (
            ("Time", f"{c.started} to {c.finished}"),
            ("Machine", machine(c.internal)),
            ("Isolation", isolation(c.internal)),
            ("Cost", f"{_number(noted.get('cost_usd'), ' USD')}, {_number(noted.get('cpu_s'), ' s')} of CPU time"),
            ("Run by", join(el("code", c.builder), f" {c.builder_version}")),
            ("Invocation", outside(c.invocation, c.invocation)),
        )
    )  # fmt: skip


def _check(site: Site, one: JobFacts) -> Markup:
    """Return the commands of an auditor, and the file that they judge."""
    job = one.row.id
    clone = [f"git clone {site.repository} registry && cd registry"] if site.repository else []
    return join(
        note("This page repeats what the certificate says. Nothing of it was verified to make the page."),
        el("p", "In a clone of the registry, with ", el("code", "neurocaas"), " installed:"),
        shell(
            *clone,
            f"neurocaas verify {job}      # signature, signer, log, commit, job",
            f"neurocaas inspect {job}     # what it says, in plain words",
            f"neurocaas replay {job}      # run it again from its pinned commit, and compare",
        ),
        el(
            "p",
            el("a", "The certificate itself", href=f"{job.rpartition('/')[2]}{SUFFIX}"),
            " is a Sigstore bundle: any Sigstore client verifies it. In the registry it lies at ",
            el("code", certificate_path(job)), ", the manifest at ", el("code", manifest_path(job)), ".",
        ),
    )  # fmt: skip


def _replays(one: JobFacts) -> Markup:
    folder = replays_folder(one.row.id)
    if not one.witnesses:
        return el("p", "Nobody has put the verdict of a replay beside it yet.")
    rows = [
        (el("span", w.verdict, class_=f"badge {w.verdict}"), el("code", w.file))
        for w in one.witnesses[:_MOST]
    ]
    return join(
        el(
            "p",
            "Verdicts lie in ",
            el("code", folder),
            ". They are signed too; nothing was verified here.",
        ),
        table(("Verdict", "File"), rows),
        _more(len(one.witnesses)),
    )


def _more(total: int) -> Content:
    if total <= _MOST:
        return None
    return el("p", f"These are the first {_MOST} of {counted(total, 'row')}.", class_="soft")


def _number(value: Any, unit: str) -> str:
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{value:,.6g}{unit}" if known else "not stated"
