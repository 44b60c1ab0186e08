"""Give a measure what Python objects from HDF5 stand for: texts, references, lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from h5py import h5o, h5r

from neurocaas_ci.audit.compare.arrays import native
from neurocaas_ci.audit.compare.measure import Block, Index, Locate, Measure, Spot
from neurocaas_ci.audit.compare.result import plural
from neurocaas_ci.audit.compare.trouble import ImpossibleError, Side, UnreadableError, reading


@dataclass(frozen=True, slots=True)
class Paths:
    """The first path of every object in a file, by its address."""

    side: Side
    file: Any
    paths: dict[int, str]

    def name(self, reference: Any) -> str:
        """Return the path that a reference leads to, `nothing` where there is no object (any more).

        Raise ImpossibleError for what cannot be named: regions, and objects without a path.
        """
        if isinstance(reference, h5r.RegionReference):
            raise ImpossibleError("references to regions are not compared")
        try:
            with reading(self.side, "HDF5"):
                target = h5r.dereference(reference, self.file.id)
        except UnreadableError:
            target = None
        if target is None:
            return "nothing"
        with reading(self.side, "HDF5"):
            address = h5o.get_info(target).addr
        if address not in self.paths:
            raise ImpossibleError("references to objects without a path are not compared")
        return self.paths[address]


@dataclass(frozen=True, slots=True)
class References:
    """What references in either file lead to."""

    expected: Paths
    actual: Paths

    def add(
        self, measure: Measure, dtype: np.dtype[Any], one: Block, other: Block, place: Locate
    ) -> None:
        """Take two blocks of objects of an HDF5 type into a measure."""
        if h5py.check_ref_dtype(dtype) is not None:
            measure.add(_names(one, self.expected), _names(other, self.actual), place)
        elif h5py.check_string_dtype(dtype) is not None:
            measure.add(one, other, place)
        else:
            base = np.dtype(h5py.check_vlen_dtype(dtype))
            self._add_lists(measure, base, one, other, place)

    def _add_lists(
        self, measure: Measure, base: np.dtype[Any], one: Block, other: Block, place: Locate
    ) -> None:
        """Compare lengths first, then what stands in lists of one length, one after the other."""
        lengths = [len(values) for values in one]
        kept = []
        for at, length in enumerate(len(values) for values in other):
            if length == lengths[at]:
                kept.append(at)
            else:
                said = plural(lengths[at], "value"), plural(length, "value")
                measure.add_missing(Spot(place(at), *said))
        owner = np.repeat(np.array(kept, int), [lengths[at] for at in kept])
        if not owner.size:
            return

        def inside(at: int) -> Index:
            mine = int(owner[at])
            return (*place(mine), at - int(np.searchsorted(owner, mine)))

        left, right = (np.concatenate([block[at] for at in kept]) for block in (one, other))
        if base.hasobject:
            self.add(measure, base, left, right, inside)
        else:
            measure.add(native(left), native(right), inside)


def _names(block: Block, paths: Paths) -> Block:
    names = np.empty(block.size, dtype=object)
    names[:] = [paths.name(reference) for reference in block]
    return names
