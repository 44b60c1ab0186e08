"""Compare files of arrays within a tolerance: npy, npz, HDF5 and text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from neurocaas_ci.audit.compare import formats
from neurocaas_ci.audit.compare.archives import gunzip, paired, zip_members
from neurocaas_ci.audit.compare.content import Content, Context, same, spooled
from neurocaas_ci.audit.compare.result import Part, different, equivalent, merge
from neurocaas_ci.audit.compare.tolerance import Tolerance
from neurocaas_ci.audit.compare.trouble import UnreadableError, require

_Judge = Callable[[Content, Content, Context], Part]


def compare_arrays(
    expected: Content, actual: Content, context: Context, rule: Mapping[str, Any]
) -> Part:
    """Compare all arrays of two files; what a file that is packed by gzip holds, as well.

    Raise UnreadableError when a side holds no arrays, ImpossibleError beyond the bounds on work.
    """
    tolerance = Tolerance.of(rule)

    def judge(one: Content, other: Content, inside: Context) -> Part:
        left, right = (rule.get("format") or _format(side) for side in (one, other))
        if left != right:
            return different(f"is {left}, the replay {right}")
        part = _BY_FORMAT[left](one, other, inside, tolerance)
        return replace(part, facts={"format": left, **part.facts})

    return _unpacked(expected, actual, context, judge)


def compare_tables(
    expected: Content, actual: Content, context: Context, rule: Mapping[str, Any]
) -> Part:
    """Compare two tables; what a file that is packed by gzip holds, as well.

    Raise UnreadableError when a side is no table, ImpossibleError beyond the bounds on work.
    """
    require("numpy")
    from neurocaas_ci.audit.compare import table

    def judge(one: Content, other: Content, inside: Context) -> Part:
        return table.compare(one, other, rule, inside.limits)

    return _unpacked(expected, actual, context, judge)


def _unpacked(expected: Content, actual: Content, context: Context, judge: _Judge) -> Part:
    packed = [formats.detect(side) == "gzip" for side in (expected, actual)]
    if packed[0] != packed[1]:
        return different("is packed by gzip on one side only")
    if not packed[0]:
        return judge(expected, actual, context)
    with (
        spooled(gunzip(expected, context), expected.name, context.limits) as one,
        spooled(gunzip(actual, context), actual.name, context.limits) as other,
    ):
        return judge(one, other, context)


def _format(content: Content) -> str:
    found = formats.detect(content)
    if found not in _NAMES:
        raise UnreadableError(content.side, f"is {found}, from which no arrays are read")
    return _NAMES[found]


def _npy(expected: Content, actual: Content, context: Context, tolerance: Tolerance) -> Part:
    require("numpy")
    from neurocaas_ci.audit.compare import npy

    return npy.compare(expected, actual, context, tolerance)


def _npz(expected: Content, actual: Content, context: Context, tolerance: Tolerance) -> Part:
    require("numpy")
    from neurocaas_ci.audit.compare import npy

    with zip_members(expected, context) as left, zip_members(actual, context) as right:

        def member(name: str) -> Part:
            if name.endswith(".npy"):
                return npy.compare_streams(left[name](), right[name](), context, tolerance)
            # numpy gives the bytes of what else somebody has put into the file.
            if same(left[name](), right[name]()):
                return equivalent("has equal bytes")
            return different("is no array, and its bytes differ")

        return merge(paired(left, right, member), "array")


def _hdf5(expected: Content, actual: Content, context: Context, tolerance: Tolerance) -> Part:
    from neurocaas_ci.audit.compare import hdf5

    return hdf5.compare(expected, actual, context, tolerance)


def _csv(expected: Content, actual: Content, _: Context, tolerance: Tolerance) -> Part:
    require("numpy")
    from neurocaas_ci.audit.compare import matrix

    return matrix.compare(expected, actual, tolerance)


_NAMES: Mapping[str | None, str] = {"npy": "npy", "zip": "npz", "hdf5": "hdf5", None: "csv"}
_BY_FORMAT: Mapping[str, Callable[[Content, Content, Context, Tolerance], Part]] = {
    "npy": _npy,
    "npz": _npz,
    "hdf5": _hdf5,
    "csv": _csv,
}
