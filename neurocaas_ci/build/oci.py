"""`base: oci`: an image by digest, its blobs kept byte for byte, our layers put on top.

The image is looked for in the cache, then in the OCI layout folders that
`NEUROCAAS_OCI_LAYOUTS` lists (separated by `:`), then in the registry that its name begins with.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from neurocaas_ci.build.base import Base, Say, layers_root
from neurocaas_ci.build.cache import Blob, Cache
from neurocaas_ci.build.constants import architecture
from neurocaas_ci.build.documents import StoredLayer, read_image, read_manifest
from neurocaas_ci.build.pull import RemoteImage
from neurocaas_ci.errors import BackendUnavailableError, BuildError, IntegrityError
from neurocaas_ci.model.digest import Sha256, parse_sha256
from neurocaas_ci.model.registry import Iae

_LAYOUTS = "NEUROCAAS_OCI_LAYOUTS"
_MAX_DOCUMENT = 4 << 20
_CHUNK = 1 << 20
# Docker's names for the same bytes; an OCI manifest must not mix the two families.
_OCI_NAMES = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
}


def oci_base(iae: Iae, cache: Cache, say: Say) -> Base:
    """Return the pinned image as a base, fetched where the cache does not have it.

    Raise BuildError when it does not fit the platform or the Python of iae.yaml, and
    BackendUnavailableError when it cannot be had from anywhere.
    """
    name, _, text = str(iae.base["image"]).rpartition("@")
    try:
        digest = parse_sha256(text)
    except ValueError as error:
        raise BuildError(
            f"the base image is not pinned by digest: {iae.base['image']}",
            where=f"iae/{iae.name}/iae.yaml",
            hint="write name@sha256:<digest>",
        ) from error
    source = _Source(cache, RemoteImage(name), say)
    digest, manifest = source.manifest(digest, architecture(iae)[0])
    config_blob, layers = read_manifest(manifest)
    config = source.document(config_blob.digest)
    for blob, _ in layers:
        source.layer(blob)
    image = read_image(digest, manifest, config)
    stored = tuple(
        StoredLayer(la.blob, la.diff_id, _OCI_NAMES.get(la.media_type, la.media_type), "base")
        for la in image.layers
    )
    return _with_python(iae, cache, stored, dict(image.environment))


def _with_python(
    iae: Iae, cache: Cache, layers: tuple[StoredLayer, ...], environment: dict[str, str]
) -> Base:
    from neurocaas_ci.build.bytecode import Interpreter, describe

    root = layers_root(cache, layers)
    usual = (f"/usr/local/bin/python{iae.python}", f"/usr/bin/python{iae.python}")
    named = (iae.entrypoint[0],) if "python" in iae.entrypoint[0] else ()
    for interpreter in (*named, *usual):
        # lexists: a link inside the image may be absolute, and must not be followed out here
        if not os.path.lexists(f"{root}{interpreter}"):
            continue
        told = describe(Interpreter(root, interpreter, environment))
        if told.python != iae.python:
            raise BuildError(
                f"{interpreter} of the base image is Python {told.python}, not {iae.python}",
                where=f"iae/{iae.name}/iae.yaml",
                hint="correct `python`, or pin another image",
            )
        return Base(layers, interpreter, told.site, told.glibc, environment=environment)
    return Base(layers, "", "", (0, 0), environment=environment)


class _Source:
    """Where blobs come from; everything that is returned or kept has its digest."""

    def __init__(self, cache: Cache, remote: RemoteImage, say: Say) -> None:
        self._cache = cache
        self._remote = remote
        self._say = say
        listed = os.environ.get(_LAYOUTS, "")
        # A rebuild from nothing may take the base, which is a download, from the usual cache.
        self._layouts = [cache.downloads / "oci", *(Path(p) for p in listed.split(":") if p)]

    def manifest(self, digest: Sha256, processor: str) -> tuple[Sha256, bytes]:
        """Return digest and bytes of the image manifest that an image or index digest means."""
        data = self.document(digest, manifest=True)
        try:
            document: Any = json.loads(data)
            members = document.get("manifests")
        except (ValueError, AttributeError) as error:
            raise IntegrityError(f"not an image manifest: {error}", where=digest) from error
        if members is None:
            return digest, data
        for member in members:
            platform = member.get("platform") or {}
            if (platform.get("os"), platform.get("architecture")) == ("linux", processor):
                chosen = parse_sha256(member["digest"])
                return chosen, self.document(chosen, manifest=True)
        raise BuildError(
            f"the image is not there for linux/{processor}",
            where=self._remote.name,
            hint="pin an image that is published for this platform",
        )

    def document(self, digest: Sha256, *, manifest: bool = False) -> bytes:
        """Return a small blob."""
        known = self._cache.read_blob(digest)
        if known is not None:
            return known
        with self._open(digest, manifest=manifest) as stream:
            data = stream.read(_MAX_DOCUMENT + 1)
        if hashlib.sha256(data).hexdigest() != digest:
            raise self._wrong(digest)
        self._cache.add_blob(data)
        return data

    def layer(self, blob: Blob) -> None:
        """Make a layer blob appear in the cache."""
        if self._cache.intact(blob):
            return
        self._say(f"fetching a layer of {blob.size / 1e6:.1f} MB")
        hasher = hashlib.sha256()
        size = 0
        with self._cache.workspace() as workspace, self._open(blob.digest) as stream:
            temporary = workspace / f"layer-{secrets.token_hex(4)}"
            with temporary.open("wb") as out:
                while data := stream.read(_CHUNK):
                    size += len(data)
                    if size > blob.size:
                        raise self._wrong(blob.digest)
                    hasher.update(data)
                    out.write(data)
            if (hasher.hexdigest(), size) != (blob.digest, blob.size):
                raise self._wrong(blob.digest)
            self._cache.adopt(temporary, blob)

    @contextmanager
    def _open(self, digest: Sha256, *, manifest: bool = False) -> Iterator[BinaryIO]:
        for layout in self._layouts:
            path = layout / "blobs" / "sha256" / digest
            if path.is_file():
                with path.open("rb") as file:
                    yield file
                return
        if not self._remote.host:
            raise BackendUnavailableError(
                f"sha256:{digest[:16]}… is in no layout folder, and the name of the image names no "
                "registry",
                where=self._remote.name,
                hint=f"list the folder that holds it in {_LAYOUTS}, or write host/name@sha256:…",
            )
        with self._remote.open(digest, manifest=manifest) as answer:
            yield answer

    def _wrong(self, digest: Sha256) -> BuildError:
        return BuildError(
            f"what was found for sha256:{digest[:16]}… does not have that digest",
            where=self._remote.name,
            hint="the layout folder or the registry is damaged: try another source",
        )
