"""Read what finished jobs used from the certificates of one commit, without a checkout.

Signatures are not verified. Certificates are read one by one and forgotten: memory does not grow
with their number, except for their paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from neurocaas_ci.audit.certificate import NotACertificateError, read_certificate
from neurocaas_ci.audit.signature import read_payload
from neurocaas_ci.audit.usage import finished_job
from neurocaas_ci.certify import layout
from neurocaas_ci.errors import VerificationError
from neurocaas_ci.model.places import MAX_BUNDLE
from neurocaas_ci.model.usage import FinishedJob
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.tree import EXECUTABLE, REGULAR, TreeEntry


def certificates(tree: GitTree) -> list[tuple[str, TreeEntry]]:
    """Return the jobs that have a certificate, with its file, in the order of their ids."""
    found = ((layout.job_of(entry.path), entry) for entry in tree.entries(layout.FOLDER))
    return [(job, entry) for job, entry in found if job is not None]


def first_months(jobs: Iterable[str]) -> dict[str, str]:
    """Return in which month (yyyy-mm) each user had the first one of these jobs."""
    first: dict[str, str] = {}
    for job in jobs:
        user, month, _ = job.split("/")
        first[user] = min(month, first.get(user, month))
    return first


def finished_jobs(
    tree: GitTree,
    files: Iterable[tuple[str, TreeEntry]],
    *,
    unreadable: Callable[[str, str], None],
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[FinishedJob]:
    """Yield what each certificate says of usage.

    `unreadable` hears the path of each that says nothing, and why; `progress` how many were read.
    """
    for count, (job, entry) in enumerate(files, 1):
        try:
            yield _read(tree, job, entry)
        except (NotACertificateError, VerificationError) as error:
            unreadable(entry.path, str(error))
        progress(count)


def _read(tree: GitTree, job: str, entry: TreeEntry) -> FinishedJob:
    if entry.mode not in {REGULAR, EXECUTABLE}:
        raise VerificationError("it is not a regular file")
    # By the id that the listing gave: no second walk through the folders.
    found = tree.objects.object(entry.blob, MAX_BUNDLE)
    if found is None:
        raise VerificationError("git does not have its content, or that is damaged")
    certificate = read_certificate(read_payload(found[1]))
    if certificate.job != job:
        raise VerificationError(f"it is the certificate of {certificate.job}")
    return finished_job(certificate)
