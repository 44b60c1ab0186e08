"""A certificate on one screen in plain words, or as JSON; I/O is not handled here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from neurocaas_ci.model.certificate import Certificate
from neurocaas_ci.model.results import JOB_RECORD
from neurocaas_ci.report.plain import printable

SCHEMA = "neurocaas/certificate/v1"
_MOST = 8
_FEW_RUNS = 3
_CAUTION = "Nothing here has been verified: `neurocaas verify` does that."


def as_text(certificate: Certificate, logged: str) -> str:
    """Return the certificate in words; `logged` says when and where its signature was logged."""
    lines = [*_lines(certificate, logged), "", _CAUTION]
    return "\n".join(printable(line) for line in lines) + "\n"


def as_json(certificate: Certificate, logged: str) -> str:
    """Return all that `as_text` shows, and the lists whole, under a schema id."""
    document = {
        "schema": SCHEMA,
        "verified": False,
        "sha256": certificate.sha256,
        "job": certificate.job,
        "status": certificate.status,
        "blueprint": certificate.reference,
        "parameters": dict(certificate.parameters),
        "registry": {
            "repository": certificate.repository,
            "ref": certificate.ref,
            "commit": certificate.registry_commit,
            "main": certificate.main_commit,
            "version": certificate.version_commit,
        },
        "images": {
            name: {"recipe": image.recipe, "image": image.image, "config": image.config}
            for name, image in certificate.images.items()
        },
        "inputs": [
            {"uri": d.uri, "sha256": d.sha256, "size": d.size} for d in certificate.datasets
        ],
        "subjects": dict(certificate.subjects),
        "byproducts": dict(certificate.byproducts),
        "notes": {name: dict(note) for name, note in certificate.notes.items()},
        "machine": dict(certificate.internal),
        "builder": {"id": certificate.builder, "version": certificate.builder_version},
        "invocation": certificate.invocation,
        "started": certificate.started,
        "finished": certificate.finished,
        "logged": logged,
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _lines(c: Certificate, logged: str) -> Iterator[str]:
    yield f"Certificate sha256:{c.sha256}"
    yield ""
    yield _row("job", f"{c.job}: {c.status}")
    note = c.notes.get(JOB_RECORD, {})
    if note.get("message"):
        yield _row("", str(note["message"]))
    yield _row("analysis", f"{c.reference}{_at(c.version_commit)}")
    yield _row("parameters", ", ".join(f"{k}={json.dumps(v)}" for k, v in c.parameters.items()))
    yield _row("registry", f"{c.repository} {c.ref}{_at(c.registry_commit)}")
    for name, image in c.images.items():
        yield _row("environment", f"{name}, image sha256:{image.image}")
    yield from _rows("input", [f"{d.uri}  {d.size:,} bytes  sha256:{d.sha256}" for d in c.datasets])
    yield from _rows("output", [f"{name}  sha256:{digest}" for name, digest in c.subjects.items()])
    yield _row("runs", _runs(c))
    yield _row("machine", machine(c.internal))
    yield from _rows("instance", list(_instances(c)))
    yield _row("isolation", isolation(c.internal))
    yield _row("cost", f"{_number(note.get('cost_usd'))} USD, {_number(note.get('cpu_s'))} CPU s")
    yield _row("run by", f"{c.builder} {c.builder_version}, {c.invocation}")
    yield _row("time", f"{c.started} to {c.finished}")
    yield _row("signature", logged)


def _row(name: str, text: str) -> str:
    return f"  {name:<12} {text}"


def _rows(name: str, texts: list[str]) -> Iterator[str]:
    for position, text in enumerate(texts[:_MOST]):
        yield _row(name if position == 0 else "", text)
    if len(texts) > _MOST:
        yield _row("", f"and {len(texts) - _MOST} more (--format json has all)")


def _at(commit: str | None) -> str:
    return f", commit {commit}" if commit else ""


def _runs(c: Certificate) -> str:
    states = [str(note.get("status")) for note in c.runs.values()]
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    taken = sum(note.get("taken_from") is not None for note in c.runs.values())
    reused = f"; {taken} taken from identical earlier runs" if taken else ""
    return f"{len(states)} ({counts}){reused}" if states else "none"


def machine(internal: Any) -> str:
    """Return on what a certificate says that a job ran; no word of it is relied on."""
    try:
        got = internal["hardware"]["got"]
        asked = ", ".join(f"{step}: {kind}" for step, kind in internal["hardware"]["asked"].items())
        return f"{got['cpu_model']}, {got['cpus']} processors, {got['kernel']} (asked: {asked})"
    except (KeyError, TypeError, AttributeError):
        return "not stated"


def _instances(c: Certificate) -> Iterator[str]:
    """Yield one line per machine of a provider, with what shows that it was fresh or was not."""
    lines: dict[str, list[str]] = {}
    for run, note in c.runs.items():
        instance, found = note.get("instance"), note.get("machine")
        use = found.get("first_use") if isinstance(found, dict) else None
        if not isinstance(instance, dict) and not isinstance(use, dict):
            continue
        facts = instance if isinstance(instance, dict) else {}
        named = (facts.get(name) for name in ("id", "type", "zone", "ami", "lifecycle"))
        words = " ".join(str(word) for word in named if word) or "not named"
        since = f", launched {facts['launched']}" if facts.get("launched") else ""
        lines.setdefault(f"{words}{since}", []).append(f"{run}: {_use(use)}")
    for words, runs in lines.items():
        more = f" and {len(runs) - _FEW_RUNS} more" if len(runs) > _FEW_RUNS else ""
        yield f"{words}; {', '.join(runs[:_FEW_RUNS])}{more}"


def _use(use: Any) -> str:
    if not isinstance(use, dict) or not isinstance(use.get("first"), bool):
        return "nothing shows whether it was used before"
    if use["first"]:
        return f"first use (booted {use.get('booted')})"
    return f"used before, {_number(use.get('before'))} times, {_number(use.get('others'))} by other runs"


def isolation(internal: Any) -> str:
    """Return how runs were kept apart, as a certificate says."""
    try:
        kinds = [
            f"{kind['runs']} runs: {kind['level']}, {'with' if kind['network'] else 'no'} network, "
            f"bounded: {', '.join(kind['enforced'])}"
            for kind in internal["isolation"]
        ]
    except (KeyError, TypeError):
        return "not stated"
    return "; ".join(kinds) or "nothing ran"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else "?"
