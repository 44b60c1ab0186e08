"""Write an image as an OCI image layout folder, which podman, skopeo and other tools read; take it back.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from neurocaas_ci.build.cache import Blob, Cache, disk_errors, remove_tree
from neurocaas_ci.build.documents import Image, index_document, read_manifest
from neurocaas_ci.errors import BackendUnavailableError, IntegrityError, UsageError
from neurocaas_ci.model.digest import Sha256, canonical_json, sha256_bytes

_CHUNK = 1 << 20
_MOST_MANIFEST = 4 << 20


def write_layout(cache: Cache, image: Image, name: str, architecture: str, target: Path) -> None:
    """Write the image below `target`, which must not exist or be empty; all blobs are verified.

    The folder appears complete or not at all. Raise IntegrityError when the cache is damaged.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            "the output folder is not empty", where=str(target), hint="name a new folder"
        )
    manifest = Blob(image.digest, cache.blob_path(image.digest).stat().st_size)
    config = Blob(image.config, cache.blob_path(image.config).stat().st_size)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    with disk_errors(target):
        try:
            blobs = temporary / "blobs" / "sha256"
            blobs.mkdir(parents=True)
            for blob in (manifest, config, *(layer.blob for layer in image.layers)):
                if not cache.intact(blob):
                    raise IntegrityError(
                        "a blob of the image is damaged in the cache",
                        where=str(cache.blob_path(blob.digest)),
                        hint="remove that file and build again",
                    )
                shutil.copyfile(cache.blob_path(blob.digest), blobs / blob.digest)
            (temporary / "index.json").write_bytes(index_document(manifest, name, architecture))
            (temporary / "oci-layout").write_bytes(canonical_json({"imageLayoutVersion": "1.0.0"}))
            if target.exists():
                target.rmdir()
            temporary.rename(target)
        finally:
            if temporary.exists():
                remove_tree(temporary)


def take_layout(cache: Cache, image: Sha256, source: Path) -> None:
    """Bring an image of a layout folder into the cache, every part held against its digest.

    Whoever wrote the folder is not believed. Raise BackendUnavailableError when the image is not
    there, IntegrityError when a part of it is missing or is another.
    """
    blobs = source / "blobs" / "sha256"
    try:
        with (blobs / image).open("rb") as file:
            manifest = file.read(_MOST_MANIFEST)
    except FileNotFoundError:
        raise BackendUnavailableError(
            "nothing is built here, and this image was not prepared",
            where=str(source),
            hint="`neurocaas prepare --images FOLDER` builds it, unless main has moved since",
        ) from None
    if sha256_bytes(manifest) != image:
        raise _damaged(blobs / image)
    config, layers = read_manifest(manifest)
    with cache.workspace() as workspace:
        for blob in (*(layer for layer, _ in layers), config, Blob(image, len(manifest))):
            if not cache.intact(blob):
                part = workspace / blob.digest
                _copy(blobs / blob.digest, part, blob)
                cache.adopt(part, blob)


def _copy(source: Path, target: Path, blob: Blob) -> None:
    hasher, left = hashlib.sha256(), blob.size
    try:
        with source.open("rb") as file, disk_errors(target), target.open("wb") as out:
            while left and (data := file.read(min(_CHUNK, left))):
                hasher.update(data)
                left -= out.write(data)
            complete = not left and not file.read(1)
            out.flush()
            os.fsync(out.fileno())
    except FileNotFoundError:
        raise _damaged(source) from None
    if not complete or hasher.hexdigest() != blob.digest:
        raise _damaged(source)


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(
        "a part of a prepared image is missing, or is not what its name says",
        where=str(path),
        hint="prepare it again: neurocaas prepare --images FOLDER",
    )
