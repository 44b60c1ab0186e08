"""Delete the datasets of jobs that do not keep them, once their certificates are on main.

What is going to be deleted is written down before, and what was done afterwards; a pass that was
cut off is finished by the next one.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from neurocaas_ci.errors import FindingsError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.places import FOLDER, certificate_path, manifest_path
from neurocaas_ci.model.registry import Dataset, Job
from neurocaas_ci.plan.inputs import Decision, Holder, decide
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.pending import manifests
from neurocaas_ci.run.resolve import load_job, parse_job
from neurocaas_ci.stores.interface import StateStore
from neurocaas_ci.stores.names import all_names, forget

_SCHEMA = "neurocaas/inputs-removed/v1"
_PENDING = "removals"
_DIGEST = re.compile(rb"[0-9a-f]{64}")


class Removal(NamedTuple):
    """What a pass did for one job."""

    job: str
    removed: int
    kept: tuple[Decision, ...]


def ask_removal(state: StateStore, job: Job) -> None:
    """Note that the datasets of a job shall go when its certificate is on main."""
    if not job.keep_inputs and state.read(removal_key(job.id)) is None:
        state.write(f"{_PENDING}/{job.id}", b"asked\n", durable=True)


def removal_key(job: str) -> str:
    """Return where it is kept which inputs of a job were deleted."""
    return f"jobs/{job}/inputs-removed.json"


def removed_inputs(state: StateStore, job: str) -> dict[str, str]:
    """Return when inputs of a job were deleted from this store, by digest."""
    data = state.read(removal_key(job))
    rows = [] if data is None else json.loads(data)["inputs"]
    return {row["sha256"]: row["time"] for row in rows if row["state"] == "removed"}


def why_gone(state: StateStore, job: Job | None) -> str:
    """Say that the user of a job wanted its inputs to be deleted, and when that was done here."""
    if job is None or job.keep_inputs:
        return ""
    times = removed_inputs(state, job.id).values()
    done = f", which was done here on {min(times)[:10]}" if times else ""
    return (
        f"; the job asks for them to be deleted after success (keep_inputs: false){done}, so it takes"
        " the original files to run it again"
    )


def remove_inputs(home: Home, head: GitTree) -> list[Removal]:
    """Delete what is due, as `head` (main) has jobs and certificates now.

    Raise BackendUnavailableError when the store refuses; what was not deleted is tried again.
    """
    state = home.state
    if not state.keys(_PENDING):
        return []
    with state.claim(_PENDING, wait=True):
        asked = [key.removeprefix(f"{_PENDING}/") for key in state.keys(_PENDING)]
        certified = {entry.path for entry in head.entries(FOLDER)}
        due = [job for job in asked if certificate_path(job) in certified]
        if not due:
            return []
        jobs = [load_job(head, manifest_path(job)) for job in due]
        wanted = {dataset.sha256 for job in jobs for dataset in job.datasets}
        holders, uris = _holders(home, head, wanted, certified)
        results = _results(head)
        names: dict[str, list[str]] = {}
        for entry in all_names(state):
            names.setdefault(entry.sha256, []).append(entry.name)
        done: list[Removal] = []
        for job in jobs:
            decisions = [
                decide(
                    dataset,
                    holders[dataset.sha256].values(),
                    names.get(dataset.sha256, ()),
                    uris[dataset.sha256],
                    results,
                )
                for dataset in job.datasets
            ]
            done.append(_carry_out(home, job, decisions, names))
        return done


def _carry_out(
    home: Home, job: Job, decisions: list[Decision], names: Mapping[str, list[str]]
) -> Removal:
    state = home.state
    before = removed_inputs(state, job.id)
    going = [d.dataset for d in decisions if not d.why and d.dataset.sha256 not in before]
    kept = tuple(d for d in decisions if d.why and d.dataset.sha256 not in before)
    _note(state, job, kept, before, {dataset.sha256 for dataset in going})
    for dataset in going:
        for name in names.get(dataset.sha256, ()):
            forget(state, name)
        home.blobs.erase(dataset.sha256)
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    after = before | {str(dataset.sha256): now for dataset in going}
    _note(state, job, kept, after, set())
    if not any(decision.later for decision in kept):
        state.erase(f"{_PENDING}/{job.id}")
    return Removal(job.id, len(going), kept)


def _note(
    state: StateStore,
    job: Job,
    kept: tuple[Decision, ...],
    removed: Mapping[str, str],
    under_way: set[Sha256],
) -> None:
    reasons = {decision.dataset.sha256: decision.why for decision in kept}

    def row(dataset: Dataset) -> dict[str, Any]:
        known = {"uri": dataset.uri, "sha256": dataset.sha256, "size": dataset.size}
        if dataset.sha256 in removed:
            return {**known, "state": "removed", "time": removed[dataset.sha256]}
        if dataset.sha256 in under_way:
            return {**known, "state": "removing"}
        return {**known, "state": "kept", "why": reasons.get(dataset.sha256, "")}

    document = {"schema": _SCHEMA, "job": job.id, "inputs": [row(d) for d in job.datasets]}
    state.write(removal_key(job.id), json.dumps(document, indent=1).encode(), durable=True)


def _holders(
    home: Home, head: GitTree, wanted: set[Sha256], certified: set[str]
) -> tuple[dict[str, dict[str, Holder]], dict[str, set[str]]]:
    """Return by digest the jobs that name it, and the addresses under which those that let it go do."""
    holders: dict[str, dict[str, Holder]] = {digest: {} for digest in wanted}
    uris: dict[str, set[str]] = {digest: set() for digest in wanted}
    for path in manifests(head):
        content = head.read(path) or b""
        named = wanted.intersection(m.decode() for m in _DIGEST.findall(content))
        if not named:
            continue
        try:
            job = parse_job(path, content)
        except FindingsError:
            # Who cannot be understood is believed to need what it names.
            for digest in named:
                holders[digest][path] = Holder(path, certified=False, keeps=True)
            continue
        if home.group not in {None, job.group}:
            # Another group has a part of the store, and a copy, of its own.
            continue
        is_certified = certificate_path(job.id) in certified
        for dataset in job.datasets:
            if dataset.sha256 in wanted:
                holder = Holder(job.id, is_certified, job.keep_inputs)
                holders[dataset.sha256][job.id] = holder
                if not job.keep_inputs:
                    uris[dataset.sha256].add(dataset.uri)
    return holders, uris


def _results(head: GitTree) -> set[Sha256]:
    """Return the digests of all outputs that certificates of main name."""
    found: set[Sha256] = set()
    for entry in head.entries(FOLDER):
        found.update(_subjects(head.read(entry.path) or b""))
    return found


def _subjects(bundle: bytes) -> Iterator[Sha256]:
    try:
        payload = json.loads(bundle)["dsseEnvelope"]["payload"]
        for subject in json.loads(binascii.a2b_base64(payload))["subject"]:
            yield Sha256(subject["digest"]["sha256"])
    except (ValueError, KeyError, TypeError):
        # Judging certificates is the business of `verify`; this one names no output of ours.
        return
