"""Bouts: the laws of hysteresis, bridging and duration, and whole runs on known behaviour."""

import itertools

import dlc_tracking_support as support
import numpy as np
import pytest
from dlc_tracking import bouts
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

NAN = np.nan
SPEEDS = st.lists(st.one_of(st.floats(0, 3), st.just(NAN)), min_size=1, max_size=60).map(np.array)
FLAGS = st.lists(st.booleans(), min_size=1, max_size=60).map(lambda x: np.array(x, dtype=bool))
THRESHOLD = st.floats(0.01, 3)


def _schmitt(speed, enter, leave):
    """Hysteresis as it is said: frame by frame, forwards and then backwards in time."""
    frozen = np.zeros(len(speed), dtype=bool)
    for frames in (range(len(speed)), range(len(speed) - 1, -1, -1)):
        state = False
        for t in frames:
            state = bool(speed[t] < enter or (state and speed[t] < leave))
            frozen[t] |= state
    return frozen


@given(SPEEDS, THRESHOLD, st.floats(1, 5))
def test_it_is_a_trigger_with_two_levels_run_both_ways(speed, enter, ratio):
    found = bouts.still(speed, enter, enter * ratio)
    np.testing.assert_array_equal(found, _schmitt(speed, enter, enter * ratio))


@given(SPEEDS, THRESHOLD)
def test_equal_thresholds_are_one_threshold(speed, level):
    np.testing.assert_array_equal(bouts.still(speed, level, level), speed < level)


@given(SPEEDS, THRESHOLD, st.floats(1, 5))
def test_it_lies_between_its_two_thresholds(speed, enter, ratio):
    found = bouts.still(speed, enter, enter * ratio)
    assert not ((speed < enter) & ~found).any()
    assert not (found & ~(speed < enter * ratio)).any()


@given(SPEEDS, THRESHOLD, THRESHOLD, st.floats(1, 5), st.floats(1, 5))
def test_higher_thresholds_never_find_less(speed, one, other, ratio, more):
    low, high = sorted((one, other))
    leave = max(low * ratio, high)
    few = bouts.still(speed, low, leave)
    assert not (few & ~bouts.still(speed, high, leave)).any()
    assert not (few & ~bouts.still(speed, low, leave * more)).any()


@given(SPEEDS, THRESHOLD, st.floats(1, 5))
def test_time_has_no_direction(speed, enter, ratio):
    forwards = bouts.still(speed, enter, enter * ratio)
    np.testing.assert_array_equal(bouts.still(speed[::-1], enter, enter * ratio)[::-1], forwards)


@given(SPEEDS, THRESHOLD, st.floats(1, 5), st.floats(0.01, 100))
def test_units_of_speed_do_not_matter(speed, enter, ratio, unit):
    # Away from the thresholds, where rounding decides.
    levels = np.array([enter, enter * ratio])
    assume(not (np.abs(speed[:, None] - levels) < 1e-9).any())
    one = bouts.still(speed, enter, enter * ratio)
    np.testing.assert_array_equal(
        bouts.still(unit * speed, unit * enter, unit * enter * ratio), one
    )


@given(FLAGS)
def test_runs_and_flags_are_inverse(flags):
    found = bouts.runs(flags)
    np.testing.assert_array_equal(bouts.flags_of(found, len(flags)), flags)
    assert all(a.last + 1 < b.first for a, b in itertools.pairwise(found))


@given(FLAGS, st.integers(0, 6))
def test_bridging_fills_what_is_short_once_and_for_all(flags, longest):
    known = np.ones(len(flags), dtype=bool)
    filled = bouts.bridged(flags, known, 10.0, longest / 10)
    assert not (flags & ~filled).any()
    inner = [r for r in bouts.runs(~filled) if r.first > 0 and r.last < len(flags) - 1]
    assert all(gap.frames > longest for gap in inner)
    np.testing.assert_array_equal(bouts.bridged(filled, known, 10.0, longest / 10), filled)
    # Nothing is added before the first frame or after the last.
    assert bouts.runs(filled)[:1] == [] or bouts.runs(filled)[0].first == bouts.runs(flags)[0].first


def test_what_nobody_saw_is_not_bridged():
    flags = np.array([1, 1, 0, 0, 1, 1, 0, 0, 1], dtype=bool)
    known = np.array([1, 1, 1, 0, 1, 1, 1, 1, 1], dtype=bool)
    assert bouts.bridged(flags, known, 10.0, 0.2).tolist() == [1, 1, 0, 0, 1, 1, 1, 1, 1]


@given(FLAGS, st.integers(1, 8))
def test_only_long_bouts_stay(flags, shortest):
    kept = bouts.long_enough(flags, 30.0, shortest / 30)
    assert kept == [bout for bout in bouts.runs(flags) if bout.frames >= shortest]


STOPS = [(2.0, 4.5), (7.0, 8.4), (10.0, 10.5), (14.0, 19.0)]


@pytest.mark.parametrize("rate", [15.0, 25.0, 30.0, 60.0, 120.0, 239.76])
def test_the_frame_rate_does_not_matter(rate):
    """Bouts are where they are, to half a smoothing window, however often one looks."""
    found = [b.seconds(rate) for b in support.freezing(support.walk(rate, STOPS, 22.0), rate).bouts]
    expected = [stop for stop in STOPS if stop[1] - stop[0] > 1]
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, atol=0.15 + 1.5 / rate)


@settings(max_examples=100, deadline=None)
@given(onset=st.floats(1.0, 6.0), length=st.floats(1.6, 5.0), rate=st.sampled_from([20.0, 50.0]))
@example(onset=1.1, length=5.0, rate=50.0)  # rounding errors of a rest were taken for leaps
def test_a_rest_is_found_where_it_is(onset, length, rate):
    xy = support.walk(rate, [(onset, onset + length)], onset + length + 2)
    (bout,) = support.freezing(xy, rate).bouts
    np.testing.assert_allclose(bout.seconds(rate), (onset, onset + length), atol=0.15 + 1.5 / rate)


def test_the_same_tracks_backwards_give_the_same_bouts_backwards():
    rng = np.random.default_rng(5)
    xy = support.walk(30.0, STOPS, 22.0) + rng.normal(size=(660, 4, 2))
    one, other = support.freezing(xy, 30.0), support.freezing(xy[::-1], 30.0)
    mirrored = [(659 - b.last, 659 - b.first) for b in reversed(other.bouts)]
    assert [(b.first, b.last) for b in one.bouts] == mirrored


def test_an_animal_that_is_lost_does_not_freeze():
    """It runs on while the tracker, unsure, stays where it saw it last."""
    xy, likelihood = support.walk(25.0, [], 10.0), np.full((250, 4), 0.99)
    xy[100:160], likelihood[100:160] = xy[100], 0.2
    assert support.freezing(xy, 25.0, likelihood=likelihood).bouts == ()
    believed = support.freezing(xy, 25.0, likelihood=likelihood, likelihood_threshold=0.1)
    assert len(believed.bouts) == 1


def test_a_moving_head_ends_a_bout_only_when_the_fastest_part_counts():
    xy = support.walk(25.0, [(2.0, 8.0)], 10.0)
    scan = np.arange(100, 150)
    xy[scan, 0, 1] += 25 * np.sin(2 * np.pi * 1.0 * (scan - 100) / 25)
    assert len(support.freezing(xy, 25.0).bouts) == 1
    assert len(support.freezing(xy, 25.0, pooling="fastest").bouts) == 2


def test_parts_that_swing_can_be_left_out_and_the_length_given():
    xy = support.walk(25.0, [(2.0, 5.0)], 8.0)
    result = support.freezing(
        xy, 25.0, body_parts=("leftear", "rightear"), body_axis=("tailbase", "nose")
    )
    assert result.parts == ("leftear", "rightear")
    assert result.axis == ("tailbase", "nose")
    assert result.length == pytest.approx(70.0)
    given = support.freezing(xy, 25.0, body_parts=("nose",), body_length=70.0)
    assert (given.length, given.axis, len(given.bouts)) == (70.0, None, 1)
