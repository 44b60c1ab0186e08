"""Bring a dataset that lies in a file of this machine into the store."""

from __future__ import annotations

import os
import stat

from neurocaas_ci.errors import IntegrityError
from neurocaas_ci.model.registry import Dataset
from neurocaas_ci.stores.interface import BlobStore


def import_file(blobs: BlobStore, dataset: Dataset) -> None:
    """Copy a `file:` dataset into the store, unless its content is there or it is no `file:`.

    The manifest is a stranger's: only a regular file of exactly the stated size is read. Raise
    IntegrityError when it cannot be read or is not what the manifest names.
    """
    scheme, _, path = dataset.uri.partition(":")
    if scheme != "file" or _is_there(blobs, dataset):
        return
    try:
        # Without O_NONBLOCK a named pipe would hold us up for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise IntegrityError(
            f"the dataset cannot be read: {error.strerror}",
            where=dataset.uri,
            hint="put it into the store with `neurocaas data put FILE`, then reconcile again",
        ) from error
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size != dataset.size:
        os.close(descriptor)
        raise IntegrityError(
            f"the dataset is not a regular file of {dataset.size:,} bytes",
            where=dataset.uri,
            hint="restore the original file, or submit a new job for the new content",
        )
    with open(descriptor, "rb") as stream:
        blob = blobs.put(stream)
    if blob.sha256 != dataset.sha256:
        raise IntegrityError(
            f"the dataset has sha256 {blob.sha256}, the job names {dataset.sha256}",
            where=dataset.uri,
            hint="restore the original file, or submit a new job for the new content",
        )


def _is_there(blobs: BlobStore, dataset: Dataset) -> bool:
    try:
        blobs.open(dataset.sha256).close()
    except IntegrityError:
        return False
    return True
