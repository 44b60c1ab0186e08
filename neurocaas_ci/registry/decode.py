"""Bytes of a file to its text, refusing what is not plain UTF-8; I/O is not handled here."""

from __future__ import annotations

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.patterns import late

MAX_BYTES = 1_000_000
_MAX_SHOWN = 10

_FORBIDDEN = late(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]"
)
_HIDING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# libyaml counts these as line breaks.
_BREAK = late("\r\n|[\n\r\x85\u2028\u2029]")


def decode(path: str, content: bytes, findings: list[Finding]) -> str | None:
    """Return the text of a file, or None after adding what is wrong with it."""
    if len(content) > MAX_BYTES:
        findings.append(
            _error(
                "NC-F002",
                Location(path),
                f"the file is larger than {MAX_BYTES} bytes",
                "a file of the registry describes; data belongs into the store",
            )
        )
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        place = _place_of(path, content[: error.start].decode("utf-8", "replace"))
        byte = content[error.start]
        findings.append(
            _error(
                "NC-F003",
                place,
                f"byte 0x{byte:02x} is not UTF-8",
                "save the file as UTF-8 without other encodings in it",
            )
        )
        return None
    text = text.removeprefix("\ufeff")
    if text.replace("\n", "").isprintable():
        # None of what is forbidden is printable.
        return text
    bad = False
    for match in _FORBIDDEN.finditer(text):
        bad = True
        point = ord(match.group())
        what = "hides what the file says" if match.group() in _HIDING else "is not allowed in YAML"
        findings.append(
            _error(
                "NC-F003",
                _place_of(path, text[: match.start()]),
                f"the control character U+{point:04X} {what}",
                "remove it, or write it as an escape in double quotes",
            )
        )
        if len(findings) >= _MAX_SHOWN:
            break
    return None if bad else text


def _place_of(path: str, before: str) -> Location:
    lines = _BREAK.split(before)
    return Location(path, len(lines), len(lines[-1]) + 1)


def _error(rule: str, place: Location, message: str, fix: str) -> Finding:
    return Finding(rule, "error", place, message, fix)
