"""OCI config, manifest and index as canonical JSON; I/O is not handled here.

https://github.com/opencontainers/image-spec: config.md, manifest.md, image-index.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from neurocaas_ci.build.cache import Blob
from neurocaas_ci.build.constants import BUILDER, CREATED, NOBODY
from neurocaas_ci.errors import IntegrityError
from neurocaas_ci.model.digest import Sha256, canonical_json, oci_digest, parse_sha256
from neurocaas_ci.named import NamedTuple

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
TAR_LAYER = "application/vnd.oci.image.layer.v1.tar"


class StoredLayer(NamedTuple):
    """A layer blob, the digest of its uncompressed content, and what it holds in one word."""

    blob: Blob
    diff_id: Sha256
    media_type: str = TAR_LAYER
    title: str = "base"


class Image(NamedTuple):
    """An image as its manifest and config describe it."""

    digest: Sha256
    config: Sha256
    layers: tuple[StoredLayer, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]


def config_document(
    layers: Sequence[StoredLayer],
    architecture: str,
    command: Sequence[str],
    environment: Mapping[str, str],
) -> bytes:
    """Return the config blob; all times are the fixed epoch."""
    return canonical_json(
        {
            "architecture": architecture,
            "os": "linux",
            "created": CREATED,
            "config": {
                "Entrypoint": list(command),
                "Env": [f"{key}={value}" for key, value in environment.items()],
                "User": f"{NOBODY}:{NOBODY}",
                "WorkingDir": "/tmp",  # noqa: S108 - the private /tmp of the sandbox
            },
            "rootfs": {"type": "layers", "diff_ids": [oci_digest(la.diff_id) for la in layers]},
            "history": [
                {"created": CREATED, "created_by": f"{BUILDER} {layer.title}"} for layer in layers
            ],
        }
    )


def manifest_document(layers: Sequence[StoredLayer], config: Blob, name: str) -> bytes:
    """Return the manifest blob, whose digest is the identity of the image."""
    return canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor(_CONFIG_TYPE, config),
            "layers": [_descriptor(layer.media_type, layer.blob) for layer in layers],
            "annotations": {"org.opencontainers.image.title": name},
        }
    )


def index_document(manifest: Blob, name: str, architecture: str) -> bytes:
    """Return the index.json of an image layout folder that holds one image."""
    return canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": [
                {
                    **_descriptor(MANIFEST_TYPE, manifest),
                    "annotations": {"org.opencontainers.image.ref.name": name},
                    "platform": {"architecture": architecture, "os": "linux"},
                }
            ],
        }
    )


def _descriptor(media_type: str, blob: Blob) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": oci_digest(blob.digest), "size": blob.size}


def read_manifest(data: bytes) -> tuple[Blob, list[tuple[Blob, str]]]:
    """Return the config blob and the (layer blob, media type) of a manifest.

    Raise IntegrityError when it is not an image manifest.
    """
    try:
        document = json.loads(data)
        config = _blob(document["config"])
        return config, [(_blob(layer), str(layer["mediaType"])) for layer in document["layers"]]
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"not an image manifest: {error}") from error


def read_image(digest: Sha256, manifest: bytes, config: bytes) -> Image:
    """Join manifest and config, both already verified; raise IntegrityError when they disagree."""
    config_blob, layers = read_manifest(manifest)
    try:
        document = json.loads(config)
        diff_ids = [parse_sha256(text) for text in document["rootfs"]["diff_ids"]]
        running = document.get("config") or {}
        command = (*(running.get("Entrypoint") or ()), *(running.get("Cmd") or ()))
        environment = dict(item.partition("=")[::2] for item in running.get("Env") or ())
        titles = [
            str(h.get("created_by", "")).rpartition(" ")[2] or "base"
            for h in document.get("history") or ()
            if not h.get("empty_layer")
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(f"not an image config: {error}") from error
    if len(diff_ids) != len(layers):
        raise IntegrityError("manifest and config name different numbers of layers")
    if len(titles) != len(layers):
        titles = ["base"] * len(layers)
    stored = tuple(
        StoredLayer(blob, diff_id, media_type, title)
        for (blob, media_type), diff_id, title in zip(layers, diff_ids, titles, strict=True)
    )
    return Image(digest, config_blob.digest, stored, tuple(map(str, command)), environment)


def _blob(descriptor: Mapping[str, Any]) -> Blob:
    size = descriptor["size"]
    if not isinstance(size, int) or size < 0:
        raise ValueError("a size is not a number of bytes")
    return Blob(parse_sha256(descriptor["digest"]), size)
