"""Compare a folder of results with a certificate, in both directions, every byte read once."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from neurocaas_ci.audit.certificate import read_json
from neurocaas_ci.audit.signature import read_payload
from neurocaas_ci.errors import UsageError, VerificationError
from neurocaas_ci.model.certificate import Certificate
from neurocaas_ci.model.digest import canonical_json, sha256_bytes
from neurocaas_ci.model.results import CERTIFICATE, PARAMETERS, README
from neurocaas_ci.model.verification import Check, failed, listing, ok, unchecked

_MAX_DEPTH = 64
_MAX_FILES = 2_000_000
_MAX_PARAMETERS = 16 << 20


def judge_files(certificate: Certificate, folder: Path) -> Iterator[Check]:
    """Yield what of a folder is certified, what is missing, and what nobody certified.

    Raise UsageError when there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(
            "there is no such folder of results",
            where=str(folder),
            hint="`neurocaas fetch JOB DIR` makes one",
        )
    present, odd = _walk(folder)
    known = {**certificate.byproducts, **certificate.subjects}
    wanted = sorted(name for name in known if name in present)
    with ThreadPoolExecutor(min(8, len(os.sched_getaffinity(0)))) as pool:
        digests = dict(zip(wanted, pool.map(lambda n: file_digest(folder, n), wanted), strict=True))
    yield _subjects(certificate, digests)
    yield from _byproducts(certificate, digests)
    yield from _parameters(certificate, folder, present)
    yield _others(certificate, folder, present - known.keys(), odd)


def _subjects(certificate: Certificate, digests: dict[str, str | None]) -> Check:
    missing = [name for name in certificate.subjects if name not in digests]
    changed = [
        n for n, digest in certificate.subjects.items() if n in digests and digests[n] != digest
    ]
    if missing or changed:
        parts = [f"changed: {listing(changed)}"] if changed else []
        parts += [f"missing: {listing(missing)}"] if missing else []
        return failed("outputs", "; ".join(parts))
    count = len(certificate.subjects)
    return ok("outputs", f"all {count} certified files are there, byte for byte")


def _byproducts(certificate: Certificate, digests: dict[str, str | None]) -> Iterator[Check]:
    names = [name for name in certificate.byproducts if name not in certificate.subjects]
    changed = [n for n in names if n in digests and digests[n] != certificate.byproducts[n]]
    there = sum(name in digests for name in names)
    if changed:
        yield failed("records", f"changed: {listing(changed)}")
    elif there:
        yield ok("records", f"{there} records and logs are the certified ones")
    if there < len(names):
        yield unchecked("records", f"{len(names) - there} records and logs are not in this folder")


def _parameters(certificate: Certificate, folder: Path, present: set[str]) -> Iterator[Check]:
    if PARAMETERS not in present:
        return
    path = folder / PARAMETERS
    try:
        content = path.read_bytes() if path.stat().st_size <= _MAX_PARAMETERS else b""
        # As JSON: to Python, true and 1 are equal.
        same = canonical_json(read_json(content)) == canonical_json(dict(certificate.parameters))
    except (OSError, ValueError, RecursionError):
        same = False
    if same:
        yield ok("parameters", f"{PARAMETERS} says what the certificate says")
    else:
        yield failed("parameters", f"{PARAMETERS} is not what the certificate says")


def _others(certificate: Certificate, folder: Path, extra: set[str], odd: list[str]) -> Check:
    extra -= {PARAMETERS, README}
    if CERTIFICATE in extra and _same_certificate(certificate, folder / CERTIFICATE):
        extra.discard(CERTIFICATE)
    if odd or extra:
        return failed("nothing else", f"not certified: {listing([*odd, *sorted(extra)])}")
    return ok("nothing else", f"no other file lies there but an explaining {README}")


def _same_certificate(certificate: Certificate, path: Path) -> bool:
    try:
        return sha256_bytes(read_payload(path.read_bytes())) == certificate.sha256
    except (OSError, VerificationError):
        return False


def _walk(folder: Path) -> tuple[set[str], list[str]]:
    """Return the regular files below a folder, and whatever else lies there; links are not followed."""
    found: set[str] = set()
    odd: list[str] = []
    pending = [("", 0)]
    while pending:
        below, depth = pending.pop()
        try:
            with os.scandir(folder / below) as entries:
                here = list(entries)
        except OSError:
            odd.append(f"{below} (cannot be read)")
            continue
        for entry in here:
            name = f"{below}{entry.name}"
            if entry.is_dir(follow_symlinks=False) and depth < _MAX_DEPTH:
                pending.append((f"{name}/", depth + 1))
            elif entry.is_file(follow_symlinks=False):
                found.add(name)
            else:
                odd.append(f"{name} (not a regular file)")
        if len(found) + len(odd) > _MAX_FILES:
            raise UsageError(
                f"the folder has more than {_MAX_FILES:,} files", where=str(folder),
                hint="name the folder that `neurocaas fetch` wrote",
            )  # fmt: skip
    return found, odd


def file_digest(folder: Path, name: str) -> str | None:
    """Return the SHA-256 of a regular file, or None when it cannot be read as one."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with open(os.open(folder / name, flags), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return None
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
