"""Write the DER that certificates are made of (ITU-T X.690); I/O is not handled here.

`cryptography.x509` could do it, but importing it takes longer than signing, and it cannot build the
body of a precertificate without signing it.
"""

from __future__ import annotations

from datetime import UTC, datetime

_LONG_FORM = 0x80
_FIRST_GENERALIZED_YEAR = 2050


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE of encoded values."""
    return _tlv(0x30, *parts)


def set_of(part: bytes) -> bytes:
    """Return a SET of one encoded value; more would have to be sorted."""
    return _tlv(0x31, part)


def explicit(number: int, part: bytes) -> bytes:
    """Return a value inside the constructed context-specific tag `[number]`."""
    return _tlv(0xA0 | number, part)


def context(number: int, content: bytes) -> bytes:
    """Return raw content under the primitive context-specific tag `[number]`."""
    return _tlv(0x80 | number, content)


def integer(number: int) -> bytes:
    """Return an INTEGER; the number is not negative."""
    return _tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def true() -> bytes:
    """Return the BOOLEAN TRUE; DER leaves out a FALSE that is the default."""
    return _tlv(0x01, b"\xff")


def bits(content: bytes, *, unused: int = 0) -> bytes:
    """Return a BIT STRING whose last `unused` bits (0 to 7) do not belong to it."""
    return _tlv(0x03, bytes([unused]), content)


def octets(content: bytes) -> bytes:
    """Return an OCTET STRING."""
    return _tlv(0x04, content)


def utf8(text: str) -> bytes:
    """Return a UTF8String."""
    return _tlv(0x0C, text.encode())


def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER from its dotted form (X.690 section 8.19)."""
    first, second, *rest = map(int, dotted.split("."))
    return _tlv(0x06, *map(_base128, [40 * first + second, *rest]))


def time(seconds: int) -> bytes:
    """Return Unix seconds as UTCTime until 2049, as GeneralizedTime later (RFC 5280, 4.1.2.5)."""
    moment = datetime.fromtimestamp(seconds, UTC)
    if moment.year < _FIRST_GENERALIZED_YEAR:
        return _tlv(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())
    return _tlv(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())


def _base128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))


def _tlv(tag: int, *parts: bytes) -> bytes:
    size = sum(map(len, parts))
    if size < _LONG_FORM:
        return bytes([tag, size]) + b"".join(parts)
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, _LONG_FORM | len(length)]) + length + b"".join(parts)
