"""Small archives made by hand, sound and hostile, for the tests of the builder."""

from __future__ import annotations

import hashlib
import io
import lzma
import stat
import tarfile
import zipfile
from pathlib import Path

from neurocaas_ci.build.cache import Blob
from neurocaas_ci.build.documents import StoredLayer


def member(name: str, content: bytes | None = None, **fields: object) -> tuple:
    """Return a tar member; a folder when it has neither content nor a type."""
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
    info.mode = 0o755 if content is None else 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    info.size = len(content or b"") if info.type == tarfile.REGTYPE else 0
    return info, content


def link(name: str, target: str, *, hard: bool = False) -> tuple:
    kind = tarfile.LNKTYPE if hard else tarfile.SYMTYPE
    return member(name, None, type=kind, linkname=target)


def tar(*members: tuple) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content) if content is not None else None)
    return out.getvalue()


def deb(path: Path, *members: tuple, pack: bool = True) -> Path:
    data = tar(*members)
    parts = [
        ("debian-binary", b"2.0\n"),
        ("control.tar", tar()),
        ("data.tar.xz", lzma.compress(data)) if pack else ("data.tar", data),
    ]
    out = b"!<arch>\n"
    for name, content in parts:
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}".encode() + b"`\n"
        out += content + b"\n" * (len(content) % 2)
    path.write_bytes(out)
    return path


def wheel(path: Path, files: dict[str, bytes], modes: dict[str, int] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            archive.writestr(info, content)
    return path


def stored(folder: Path, data: bytes, *, packed: bytes | None = None) -> StoredLayer:
    """Write a layer blob into a cache folder."""
    kept = data if packed is None else packed
    digest = hashlib.sha256(kept).hexdigest()
    blobs = folder / "oci" / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    (blobs / digest).write_bytes(kept)
    return StoredLayer(Blob(digest, len(kept)), hashlib.sha256(data).hexdigest())
