"""Inclusive prefix products of an associative operation, all pairs of a level at once.

A recursion over T samples costs T Python steps on tiny matrices; as a scan it costs log2(T) steps
on stacks of them (Blelloch 1990; for Kalman filters Särkkä and García-Fernández 2021,
https://doi.org/10.1109/TAC.2020.2976316).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kalman_smoother.system import Array

Elements = tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """An associative operation on stacks of elements, each element a tuple of arrays.

    `combine(left, right)` gives whole elements. Of a product that begins with the first element
    often less is wanted: `project` takes that part of an element, and `extend(part, right)` gives
    it for the product, which is cheaper than `combine`.
    """

    combine: Callable[[Elements, Elements], Elements]
    extend: Callable[[Elements, Elements], Elements]
    project: Callable[[Elements], Elements]


def prefixes(elements: Elements, operation: Operation) -> Elements:
    """Return the projections of all products e[0], e[0]*e[1], ..."""
    count = len(elements[0])
    own = operation.project(elements)
    if count == 1:
        return own
    pairs = operation.combine(
        _every_other(elements, 0, count - 1), _every_other(elements, 1, count)
    )
    odd = prefixes(pairs, operation)
    result = tuple(np.empty_like(part) for part in own)
    for whole, first, ends in zip(result, own, odd, strict=True):
        whole[0] = first[0]
        whole[1::2] = ends
    if count > 2:  # noqa: PLR2004 - with two elements nothing lies between
        later = _every_other(elements, 2, count)
        before = tuple(part[: len(later[0])] for part in odd)
        for whole, part in zip(result, operation.extend(before, later), strict=True):
            whole[2::2] = part
    return result


def _every_other(elements: Elements, start: int, stop: int) -> Elements:
    return tuple(part[start:stop:2] for part in elements)
