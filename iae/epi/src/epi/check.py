"""Do systems drawn from the inferred distribution really behave as asked? Simulate some and look."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from epi.flow import Array, Flow
from epi.oscillator import measure, simulate
from epi.property import Property

_SYSTEMS = 500
_PERIODS = 6.0
_STEPS = 200  # per period
_FRESH = 1_000_003  # added to the seed of the fit, so that no draw was seen in it


class Check(NamedTuple):
    """Systems (n, 4) drawn afresh, their courses (n, t) at `times`, and what was measured (n, 2).

    Growth rates per second and frequencies in Hz are NaN where a system does not swing.
    """

    systems: Array
    times: Array
    courses: Array
    measured: Array

    @property
    def swings(self) -> Array:
        """Return which systems swing (n,)."""
        swinging: Array = ~np.isnan(self.measured[:, 1])
        return swinging


def simulate_afresh(flow: Flow, wanted: Property, bounds: Array, seed: int) -> Check:
    """Draw systems that the fit has not seen, simulate them, and measure their activity."""
    systems, _ = flow.sample(_SYSTEMS, np.random.default_rng(seed + _FRESH))
    period = 1 / wanted.means[1]
    # The fastest system sets the step: the error of one step grows with its fifth power.
    fastest = 2 * float(np.abs(bounds).max()) / wanted.tau
    step = min(period / _STEPS, 0.1 / fastest)
    seconds = _PERIODS * period
    steps = math.ceil(seconds / step)
    times, courses = simulate(systems, wanted.tau, seconds, seconds / min(steps, 20_000))
    return Check(systems, times, courses, measure(times, courses))
