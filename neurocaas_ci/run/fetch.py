"""Copy a job's results out of the store into a folder that explains itself."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurocaas_ci.errors import IntegrityError, UsageError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.results import (
    CERTIFICATE,
    JOB_RECORD,
    PARAMETERS,
    README,
    log_file,
    record_file,
    run_file,
)
from neurocaas_ci.model.run import RunRecord
from neurocaas_ci.registry.tree import parts_of
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.scratch import Scratch
from neurocaas_ci.run.status import read_record
from neurocaas_ci.stores.disk import atomic_write

_CHUNK = 1 << 20
# Half copied files are here and nowhere else; the next fetch removes what a killed one left.
_INCOMING = ".neurocaas-incoming"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was copied: numbers of files and bytes, and the runs that have no results yet."""

    files: int
    size: int
    missing: tuple[str, ...]


def fetch(home: Home, job: str, folder: Path) -> Fetched:
    """Copy outputs to `<run>/…`, logs to `logs/<run>.log`, and write what explains them.

    A file that is there with the same content is kept; one with other content is never replaced:
    then UsageError is raised. Raise IntegrityError when a stored content is damaged.
    """
    data = home.state.read(records.plan_key(job))
    if data is None:
        raise UsageError(
            "the job has no results yet", where=job, hint="`neurocaas status` says why"
        )
    plan = records.decode_plan(data)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _require_own(folder, job)
        try:
            with Scratch(folder / _INCOMING) as scratch:
                return _copy_all(home, plan, folder, scratch.new())
        finally:
            # Another fetch into this folder may still need it.
            with contextlib.suppress(OSError):
                os.rmdir(folder / _INCOMING)
    except OSError as error:
        raise UsageError(
            f"the results cannot be written: {error.strerror}",
            where=str(error.filename or folder),
            hint="fetch into an empty folder on a disk with room; nothing was replaced",
        ) from error


def _require_own(folder: Path, job: str) -> None:
    """Refuse a folder in which the files that explain the results belong to something else."""
    readme = folder / README
    if readme.is_file():
        with readme.open("rb") as stream:
            if stream.readline() == f"{_title(job)}\n".encode():
                return
    names = (README, PARAMETERS, JOB_RECORD, CERTIFICATE)
    taken = next((folder / name for name in names if os.path.lexists(folder / name)), None)
    if taken is None:
        return
    raise UsageError(
        "a file that is not of this job is already there",
        where=str(taken),
        hint="fetch into an empty folder; nothing was replaced",
    )


def _write_record(home: Home, job: str, run: str, folder: Path) -> None:
    """Write a run's record byte for byte: the job's record names its digest."""
    document = home.state.read(records.record_key(job, run)) or b""
    target = folder / record_file(run)
    target.parent.mkdir(exist_ok=True)
    if target.is_file() and target.read_bytes() != document:
        raise UsageError(
            "another record of this run is already there",
            where=str(target),
            hint="fetch into an empty folder; nothing was replaced",
        )
    atomic_write(target, document)


def _copy_all(home: Home, plan: dict[str, Any], folder: Path, incoming: Path) -> Fetched:
    files = size = 0
    missing: list[str] = []
    rows: list[tuple[RunRecord, str]] = []
    for run, dataset in plan["runs"]:
        record = read_record(home, plan["job"], run)
        if record is None:
            missing.append(run)
            continue
        rows.append((record, dataset))
        for path, digest, length in _contents(record):
            _copy(home, digest, folder / path, incoming / "content")
            files += 1
            size += length
        _write_record(home, plan["job"], run, folder)
    certificate = home.state.read(records.certificate_key(plan["job"]))
    # First, for it marks the folder as this job's.
    text = _readme(plan, rows, missing, certified=certificate is not None)
    atomic_write(folder / README, text.encode())
    parameters = json.dumps(plan["parameters"], indent=2, sort_keys=True) + "\n"
    atomic_write(folder / PARAMETERS, parameters.encode())
    done = home.state.read(records.job_key(plan["job"]))
    if done is not None:
        # Byte for byte: the job's certificate names its digest.
        atomic_write(folder / JOB_RECORD, done)
    if certificate is not None:
        atomic_write(folder / CERTIFICATE, certificate)
    return Fetched(files, size, tuple(missing))


def _contents(record: RunRecord) -> Iterator[tuple[str, Sha256, int]]:
    if "/" in record.run or parts_of(record.run) is None:
        raise IntegrityError("a record names a run outside its folder", where=repr(record.run))
    for output in record.outputs:
        if parts_of(output.path) is None:
            raise IntegrityError(
                "a record names an output outside its folder", where=repr(output.path)
            )
        yield run_file(record.run, output.path), output.sha256, output.size
    if record.log is not None:
        yield log_file(record.run), record.log.sha256, record.log.size


def _copy(home: Home, digest: Sha256, target: Path, temporary: Path) -> None:
    if os.path.lexists(target):
        # A pipe would block, and whatever else is there is not ours.
        if stat.S_ISREG(os.lstat(target).st_mode):
            with target.open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() == digest:
                    return
        raise UsageError(
            "a file with other content is already there",
            where=str(target),
            hint="fetch into an empty folder; nothing was replaced",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    hasher = hashlib.sha256()
    with home.blobs.open(digest) as source, temporary.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            hasher.update(chunk)
            copy.write(chunk)
    if hasher.hexdigest() != digest:
        raise IntegrityError(
            "the stored output no longer has its digest",
            where=f"sha256:{digest}",
            hint="`neurocaas reconcile --verify` computes damaged runs again",
        )
    os.rename(temporary, target)


def _title(job: str) -> str:
    return f"# Results of job {job}"


def _readme(
    plan: dict[str, Any],
    rows: list[tuple[RunRecord, str]],
    missing: list[str],
    *,
    certified: bool,
) -> str:
    check = f"`neurocaas verify {CERTIFICATE} .`"
    lines = [
        _title(plan["job"]),
        "",
        f"Analysis: {plan['blueprint']} {plan['version']},",
        f"published by commit `{plan['blueprint_commit'][:12]}`.",
        f"Registry commit of the job: `{plan['registry_commit'][:12]}`.",
        "",
        "* `<run>/…`: the output files of each run",
        "* `logs/<run>.log`: what the workflow wrote, with UTC times",
        f"* `{PARAMETERS}`: the effective parameters, defaults included",
        f"* `{JOB_RECORD}`: commits, environment, machine, times, cost; the digest of each record",
        "* `records/<run>.json`: every input and output by digest, limits and isolation, usage",
        *(
            [f"* `{CERTIFICATE}`: signed; {check} compares all of this with it"]
            if certified
            else []
        ),
        "",
        "| run | dataset | status | files | seconds | note |",
        "|---|---|---|---|---|---|",
    ]
    for record, dataset in rows:
        note = f"same as {record.taken_from}" if record.taken_from else record.message
        note = " ".join(note.split()).replace("|", "\\|")
        lines.append(
            f"| {record.run} | {dataset} | {record.status} | {len(record.outputs)} "
            f"| {record.usage.wall_s:.1f} | {note} |"
        )
    lines += [f"| {run} | | not ended yet | | | |" for run in missing]
    lines += ["", "Environments (an OCI image each, built from the registry, bit for bit):", ""]
    lines += [
        f"* step `{step}`: IAE `{image['iae']}`, image `sha256:{image['image']}`"
        for step, image in plan["images"].items()
    ]
    return "\n".join(lines) + "\n"
