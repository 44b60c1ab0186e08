"""Tell the format of a file by the bytes that it begins with."""

from __future__ import annotations

from neurocaas_ci.audit.compare.content import Content

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x93NUMPY": "npy",
    b"\x89PNG\r\n\x1a\n": "png",
    b"MATLAB 5.0 MAT-file": "mat",
}
_TAR_AT, _TAR = 257, b"ustar"
_HDF5 = b"\x89HDF\r\n\x1a\n"
# A block of the user's own may stand before HDF5, of 512 bytes times a power of two.
_HDF5_AT = (0, *(512 << power for power in range(12)))
_SPACE = b" \t\r\n"


def detect(content: Content) -> str | None:
    """Return the name of the format, None for one that is not known here."""
    head = content.head()
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    if hdf5_start(content) is not None:
        return "hdf5"
    if head[_TAR_AT:].startswith(_TAR):
        return "tar"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE)
    if text.startswith((b"{", b"[")):
        return "json"
    return "xml" if text.startswith((b"<?xml", b"<svg")) else None


def hdf5_start(content: Content) -> int | None:
    """Return the offset at which HDF5 begins; format specification, section II.A."""
    for at in _HDF5_AT:
        if content.head(len(_HDF5), at) == _HDF5:
            return at
    return None
