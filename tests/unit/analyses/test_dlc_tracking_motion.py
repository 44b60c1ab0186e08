"""Speeds: what is measured, what is left out, and what must change nothing."""

import dlc_tracking_support as support
import numpy as np
import pytest
from dlc_tracking import motion
from hypothesis import given, settings
from hypothesis import strategies as st

NAN = np.nan


def _line(rate, seconds, velocity):
    time = np.arange(round(rate * seconds)) / rate
    return (np.array([3.0, -8.0]) + time[:, None] * np.array(velocity))[:, None]


@pytest.mark.parametrize("rate", [10.0, 30.0, 119.88])
@pytest.mark.parametrize("window", [3, 7, 15])
def test_a_constant_velocity_is_measured_exactly_to_the_ends(rate, window):
    speed = motion.part_speed(_line(rate, 3, (30.0, -40.0)), rate, window)
    # At the very ends a window of three has two frames, too few for a line.
    inside = slice(1, -1) if window == 3 else slice(None)
    np.testing.assert_allclose(speed[inside], 50.0, rtol=1e-9)


def test_it_is_the_derivative_of_savitzky_and_golay():
    """Their table for five points: (-2 -1 0 1 2) / 10."""
    x = np.random.default_rng(1).normal(size=40)
    xy = np.stack([x, np.zeros(40)], axis=1)[:, None]
    expected = np.abs(np.correlate(x, np.array([-2, -1, 0, 1, 2]) / 10, mode="valid"))
    np.testing.assert_allclose(motion.part_speed(xy, 1.0, 5)[2:-2, 0], expected, atol=1e-12)


def test_missing_positions_leave_the_slope_of_the_rest():
    xy = _line(25.0, 4, (10.0, 0.0))
    xy[[20, 22, 50]] = NAN
    np.testing.assert_allclose(motion.part_speed(xy, 25.0, 7), 10.0, rtol=1e-9)


def test_a_long_gap_has_no_speed():
    """Interpolated, a lost animal would stand still; here nothing is said about it."""
    xy = _line(25.0, 4, (10.0, 0.0))
    xy[40:60] = NAN
    unknown = np.flatnonzero(np.isnan(motion.part_speed(xy, 25.0, 7)[:, 0]))
    assert unknown.tolist() == list(range(40, 60))


def test_a_leap_is_removed_and_running_is_not():
    xy = support.walk(25.0, [], 8.0, speed=3.0)
    leap = xy.copy()
    leap[77, 2] += (90.0, -20.0)
    clean = motion.without_jumps(leap)
    assert np.argwhere(np.isnan(clean[:, :, 0])).tolist() == [[77, 2]]
    assert not np.isnan(motion.without_jumps(xy)).any()


def test_two_frames_alone_are_no_majority():
    xy = np.full((9, 1, 2), NAN)
    xy[3], xy[4] = 0.0, 100.0
    np.testing.assert_array_equal(motion.without_jumps(xy), xy)


def test_what_is_not_likely_enough_is_unknown():
    xy = np.zeros((3, 1, 2))
    xy[2, 0, 1] = NAN
    kept = motion.confident(xy, np.array([[0.6], [0.59], [0.9]]), 0.6)
    assert np.isnan(kept).any(axis=(1, 2)).tolist() == [False, True, True]
    unsure = motion.confident(np.zeros((1, 1, 2)), np.array([[NAN]]), 0.0)
    assert np.isnan(unsure).all()


def test_body_length_takes_the_farthest_pair_or_the_named_one():
    xy = support.walk(25.0, [], 4.0)
    assert motion.body_length(xy, None) == (pytest.approx(70.0), (0, 3))
    assert motion.body_length(xy, (1, 2)) == (pytest.approx(24.0), (1, 2))


@pytest.mark.parametrize(
    ("seconds", "rate", "frames"),
    [(0.3, 25, 7), (0.3, 30, 9), (0.3, 100, 31), (0.01, 30, 3), (0.2, 25, 5), (2.0, 1000, 2001)],
)
def test_window_is_odd_and_nearest(seconds, rate, frames):
    assert motion.window_frames(seconds, rate) == frames


def test_pooling():
    speed = np.array([[1.0, 2.0, 9.0, 4.0], [1.0, NAN, NAN, 3.0], [NAN, NAN, NAN, 3.0]])
    np.testing.assert_array_equal(motion.pooled(speed, "median"), [3.0, 2.0, NAN])
    np.testing.assert_array_equal(motion.pooled(speed, "fastest"), [9.0, 3.0, NAN])


@given(st.lists(st.lists(st.sampled_from([NAN, 0.0, 1.0, 2.5, -3.0]), min_size=5, max_size=5)))
def test_median_is_numpys(rows):
    values = np.array(rows).reshape(-1, 5)
    expected = [np.nanmedian(r) if not np.isnan(r).all() else NAN for r in values]
    np.testing.assert_array_equal(motion.median(values), expected)


@settings(max_examples=25, deadline=None)
@given(
    angle=st.floats(0, 2 * np.pi),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
    zoom=st.floats(0.05, 20),
    mirrored=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_turning_moving_zooming_and_mirroring_the_camera_change_nothing(
    angle, shift, zoom, mirrored, seed
):
    rng = np.random.default_rng(seed)
    xy = support.walk(25.0, [(2.0, 4.5), (7.0, 8.2)], 11.0) + rng.normal(size=(275, 4, 2))
    xy[rng.random(xy.shape[:2]) < 0.05] += 40.0
    likelihood = rng.choice([0.99, 0.3], p=[0.95, 0.05], size=xy.shape[:2])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirrored:
        turn[:, 0] *= -1
    seen = zoom * (xy @ turn.T) + np.array(shift)
    one, other = (support.freezing(p, 25.0, likelihood=likelihood) for p in (xy, seen))
    assert one.bouts == other.bouts
    assert len(one.bouts) >= 1
    np.testing.assert_allclose(one.speed, other.speed, rtol=1e-6, atol=1e-9)
    assert other.length == pytest.approx(zoom * one.length)


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(4)))
def test_the_order_of_the_columns_changes_nothing(order):
    xy = support.walk(25.0, [(2.0, 4.5)], 8.0)
    parts = [support.PARTS[k] for k in order]
    one = support.freezing(xy, 25.0)
    other = support.freezing(xy[:, list(order)], 25.0, parts=parts)
    assert one.bouts == other.bouts
    np.testing.assert_allclose(one.speed, other.speed, rtol=1e-9)
