"""Bring images to machines that have none: through the store, blob by blob, by their digests."""

from __future__ import annotations

from neurocaas_ci.build.cache import Blob, Cache
from neurocaas_ci.build.documents import read_manifest
from neurocaas_ci.errors import IntegrityError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.stores.interface import BlobStore, StateStore


def publish_image(cache: Cache, image: Sha256, blobs: BlobStore, state: StateStore) -> None:
    """Put an image of this machine into the store, unless that has been done.

    Raise IntegrityError when the cache does not have it whole. Several may do it at once.
    """
    mark = f"environments/{image}"
    if state.read(mark) is not None:
        return
    for blob in _parts(cache, image):
        try:
            with cache.blob_path(blob.digest).open("rb") as stream:
                stored = blobs.put(stream)
        except FileNotFoundError:
            raise _incomplete(image) from None
        if stored.sha256 != blob.digest:
            raise _incomplete(image)
    # Written last: who sees it finds every part.
    state.write(mark, b"complete\n")


def fetch_image(cache: Cache, image: Sha256, blobs: BlobStore) -> None:
    """Bring an image from the store into the cache, every part verified.

    Raise IntegrityError when the store does not have it.
    """
    with cache.workspace() as workspace:

        def take(blob: Blob) -> None:
            if not cache.intact(blob):
                part = workspace / blob.digest
                blobs.place(blob.digest, part)
                cache.adopt(part, blob)

        manifest = blobs.open(image)
        with manifest:
            data = manifest.read()
        config, layers = read_manifest(data)
        for blob in (*(layer for layer, _ in layers), config, Blob(image, len(data))):
            take(blob)


def _parts(cache: Cache, image: Sha256) -> tuple[Blob, ...]:
    manifest = cache.read_blob(image)
    if manifest is None:
        raise _incomplete(image)
    config, layers = read_manifest(manifest)
    return (*(layer for layer, _ in layers), config, Blob(image, len(manifest)))


def _incomplete(image: Sha256) -> IntegrityError:
    return IntegrityError(
        "the image is not in the cache, or it is damaged there",
        where=image,
        hint="build it: neurocaas build NAME",
    )
