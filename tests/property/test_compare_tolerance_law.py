"""Law: the verdict on two arrays is that of exact arithmetic, whatever their scale."""

import math
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neurocaas_ci.audit.compare import compare_files

finite = st.floats(allow_nan=False, allow_infinity=False)
# All magnitudes, and some that are close together.
values = finite | st.floats(-10, 10) | st.sampled_from([0.0, -0.0, 5e-324, 1.7e308, -1.7e308])
shapes = hnp.array_shapes(max_dims=3, max_side=4)
tolerances = st.floats(0, 1) | st.sampled_from([0.0, 1e-12, 1e-300])
atols = tolerances | st.floats(0, allow_infinity=False)
laws = settings(max_examples=150, deadline=None)


@st.composite
def pairs(draw):
    """Return two arrays of one shape; the second is often close to the first."""
    shape = draw(shapes)
    one = draw(hnp.arrays(np.float64, shape, elements=values))
    if draw(st.booleans()):
        return one, draw(hnp.arrays(np.float64, shape, elements=values))
    moves = draw(hnp.arrays(np.float64, shape, elements=st.floats(-1e-9, 1e-9)))
    with np.errstate(over="ignore"):
        other = one * (1 + moves)
    return one, np.where(np.isfinite(other), other, one)


def verdict(one, other, rtol, atol, norm):
    rule = {"kind": "array", "rtol": rtol, "atol": atol, "norm": norm}
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "one.npy"), Path(folder, "other.npy")
        for path, array in zip(paths, (one, other), strict=True):
            np.save(path, array)
        return compare_files(rule, *paths, "x.npy").verdict


def squared(array, norm):
    """Return the square of a norm of an array of fractions, exactly."""
    squares = [value * value for value in array]
    return sum(squares) if norm == "l2" else max(squares, default=Fraction(0))


def root(square):
    """Return the square root of a fraction with at least 25 digits."""
    scale = 1 << 2600
    return Fraction(math.isqrt(square.numerator * scale * scale // square.denominator), scale)


@laws
@given(pair=pairs(), rtol=tolerances, atol=atols, norm=st.sampled_from(["l2", "max"]))
def test_the_verdict_is_that_of_exact_arithmetic(pair, rtol, atol, norm):
    one, other = ([Fraction(x) for x in array.ravel().tolist()] for array in pair)
    gap = root(squared([a - b for a, b in zip(one, other, strict=True)], norm))
    allowed = Fraction(atol) + Fraction(rtol) * root(squared(one, norm))
    # Norms are sums in 64 bits: at the bound itself they may fall to either side.
    assume(gap == allowed == 0 or abs(gap - allowed) > (gap + allowed) / 10**12)
    found = verdict(*pair, rtol, atol, norm)
    assert found in ({"identical", "equivalent"} if gap <= allowed else {"different"})


@laws
@given(pair=pairs(), atol=atols, norm=st.sampled_from(["l2", "max"]))
def test_an_absolute_tolerance_does_not_depend_on_the_order(pair, atol, norm):
    one, other = pair
    assert verdict(one, other, 0, atol, norm) == verdict(other, one, 0, atol, norm)


@laws
@given(
    array=hnp.arrays(np.float64, shapes, elements=st.floats(-1e6, 1e6)),
    rtol=st.floats(1e-9, 0.5),
    at=st.integers(0, 10**6),
    norm=st.sampled_from(["l2", "max"]),
)
def test_a_move_of_one_element_is_within_the_bound_or_beyond_it(array, rtol, at, norm):
    size = float(root(squared([Fraction(x) for x in array.ravel().tolist()], norm)))
    assume(size > 1e-3)
    near, far = array.copy(), array.copy()
    near.flat[at % array.size] += 0.9 * rtol * size
    far.flat[at % array.size] += 1.1 * rtol * size
    assert verdict(array, near, rtol, 0, norm) == "equivalent"
    assert verdict(array, far, rtol, 0, norm) == "different"


@laws
@given(
    pair=shapes.flatmap(
        lambda shape: st.tuples(*[hnp.arrays(np.float64, shape, elements=st.floats(-1e6, 1e6))] * 2)
    ),
    holes=st.sets(st.integers(0, 63), min_size=1),
    hole=st.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_what_is_not_finite_has_to_be_at_the_same_places(pair, holes, hole):
    one, other = pair
    places = sorted({at % one.size for at in holes})
    one.flat[places] = hole
    assert verdict(one, other, 1.0, 1e308, "max") == "different"
    assert verdict(other, one, 1.0, 1e308, "max") == "different"
    other.flat[places] = hole
    assert verdict(one, other, 0, 1e7, "max") in {"identical", "equivalent"}
