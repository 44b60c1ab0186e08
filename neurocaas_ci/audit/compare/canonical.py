"""Compare two files by what they mean in their format, archives all the way down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from neurocaas_ci.audit.compare import archives, documents, fixed, formats, raw
from neurocaas_ci.audit.compare.content import Content, Context
from neurocaas_ci.audit.compare.result import Part
from neurocaas_ci.audit.compare.tolerance import EXACT
from neurocaas_ci.audit.compare.trouble import UnreadableError, require


def compare(
    expected: Content, actual: Content, context: Context, forced: str | None = None
) -> Part:
    """Compare in the format that the files begin with, or in `forced`.

    Files of a format that is not known here, that is not the same on both sides or that is damaged
    are compared as bytes, and the part says so. Raise ImpossibleError beyond the bounds on work.
    """
    left, right = (forced or formats.detect(side) for side in (expected, actual))
    if left is None and right is None:
        return _as_bytes(expected, actual, "unknown format")
    if left is None or left != right:
        names = (name or "of unknown format" for name in (left, right))
        return _as_bytes(expected, actual, f"the original is {', the replay '.join(names)}")
    try:
        part = _HANDLERS[left](expected, actual, context)
    except UnreadableError as error:
        return _as_bytes(expected, actual, str(error))
    return replace(part, facts={"format": left, **part.facts})


def _as_bytes(expected: Content, actual: Content, why: str) -> Part:
    part = raw.compare(expected, actual)
    summary = f"{part.summary} (compared as bytes: {why})"
    return replace(part, summary=summary, facts={"format": "bytes", "why": why, **part.facts})


def _npy(expected: Content, actual: Content, context: Context) -> Part:
    require("numpy")
    from neurocaas_ci.audit.compare import npy

    return npy.compare(expected, actual, context, EXACT)


def _hdf5(expected: Content, actual: Content, context: Context) -> Part:
    from neurocaas_ci.audit.compare import hdf5

    return hdf5.compare(expected, actual, context, EXACT)


def _gzip(expected: Content, actual: Content, context: Context) -> Part:
    return archives.compare_gzip(expected, actual, context, compare)


def _zip(expected: Content, actual: Content, context: Context) -> Part:
    return archives.compare_zip(expected, actual, context, compare)


def _tar(expected: Content, actual: Content, context: Context) -> Part:
    return archives.compare_tar(expected, actual, context, compare)


_HANDLERS: Mapping[str, Callable[[Content, Content, Context], Part]] = {
    "gzip": _gzip,
    "hdf5": _hdf5,
    "json": documents.compare_json,
    "mat": fixed.compare_mat,
    "npy": _npy,
    "png": fixed.compare_png,
    "tar": _tar,
    "xml": documents.compare_xml,
    "zip": _zip,
}
