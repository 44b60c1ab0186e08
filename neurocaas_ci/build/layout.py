"""Write an image as an OCI image layout folder, which podman, skopeo and other tools read.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from neurocaas_ci.build.cache import Blob, Cache, disk_errors, remove_tree
from neurocaas_ci.build.documents import Image, index_document
from neurocaas_ci.errors import IntegrityError, UsageError
from neurocaas_ci.model.digest import canonical_json


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
