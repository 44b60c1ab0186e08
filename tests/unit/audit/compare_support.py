"""Build files of all formats that comparisons look into, and compare two of them."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from neurocaas_ci.audit.compare import Limits, compare_files

LIMITS = Limits()
EXACT = {"kind": "exact"}
CANONICAL = {"kind": "canonical"}


def array(rtol=1e-8, **more):
    return {"kind": "array", "rtol": rtol, **more}


def table(rtol=1e-8, **more):
    return {"kind": "table", "rtol": rtol, **more}


def compare(folder: Path, rule, expected, actual, name="out.bin", **limits):
    """Compare two contents: bytes, or functions that write to a path."""
    paths = []
    for label, content in (("expected", expected), ("actual", actual)):
        path = folder / label
        if callable(content):
            content(path)
        else:
            path.write_bytes(content)
        paths.append(path)
    found = compare_files(rule, *paths, name, limits=replace(LIMITS, **limits))
    check_shown(found)
    return found


def check_shown(found):
    """Assert what holds for every comparison: bounded, printable, and JSON without NaN."""
    for line in (found.summary, *found.details):
        assert line
        assert line.isprintable()
        assert len(line) <= 400
    assert len(found.details) <= 40
    assert len(json.dumps(found.facts, allow_nan=False)) < 100_000


def text(found) -> str:
    return "\n".join([f"{found.verdict}: {found.summary}", *found.details])


def npy(values, **more) -> bytes:
    file = io.BytesIO()
    np.save(file, values, **more)
    return file.getvalue()


def npy_header(shape: str, dtype="'<f8'", data=b"") -> bytes:
    head = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


def npz(*, packed=True, **arrays) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **arrays)
    return file.getvalue()


def gz(data: bytes, mtime=0, name="", level=9) -> bytes:
    file = io.BytesIO()
    with gzip.GzipFile(name, "wb", level, file, mtime) as out:
        out.write(data)
    return file.getvalue()


def zipped(members: dict[str, bytes], year=2000, method=zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0))
            archive.writestr(info, data, method)
    return file.getvalue()


def tarred(members: dict[str, bytes], mtime=0, mode=0o644, owner=0) -> bytes:
    """Return a tar file; a member whose name ends with @ is a link to its content."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name.rstrip("@"))
            info.mtime, info.mode, info.uid = mtime, mode, owner
            if name.endswith("@"):
                info.type, info.linkname = tarfile.SYMTYPE, data.decode()
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def png(*more: tuple[bytes, bytes], size=(2, 1), pixels=b"\0\1\2") -> bytes:
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)),
        *more,
        (b"IDAT", zlib.compress(pixels)),
        (b"IEND", b""),
    ]
    framed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)
