"""EM: the same steps as pykalman's where it can follow, monotone everywhere, exact when samples miss."""

from dataclasses import replace

import numpy as np
import pytest
from analyses_support import distance, gaussian, joint
from kalman_smoother import initial
from kalman_smoother.em import fit
from kalman_smoother.evidence import observe
from pykalman import KalmanFilter


def _fit(y, start, steps, *, full, tolerance=-1.0):
    return fit(
        observe(y),
        start,
        iterations=steps,
        tolerance=tolerance,
        full_noise=full,
        variance=np.full(y.shape[1], 1e-6),
        progress=lambda *_: None,
    )


@pytest.mark.parametrize("gap", [False, True])
def test_steps_are_those_of_pykalman(make_system, draw, gap):
    rng = np.random.default_rng(11)
    truth = replace(make_system(rng, 3, 5, full=True), d=np.zeros(5))
    y = draw(rng, truth, 200)
    if gap:
        y[rng.permutation(200)[:20]] = np.nan
    start = replace(make_system(rng, 3, 5), d=np.zeros(5))
    reference = KalmanFilter(
        start.A, start.C, start.Q, start.R, None, None, start.m0, start.V0,
        em_vars=["transition_matrices", "observation_matrices", "transition_covariance",
                 "observation_covariance", "initial_state_mean"],
    ).em(np.ma.masked_invalid(y), n_iter=5)  # fmt: skip
    found = _fit(y, start, 5, full=True).system
    assert distance(found.A, reference.transition_matrices) < 1e-8
    assert distance(found.C, reference.observation_matrices) < 1e-8
    assert distance(found.Q, reference.transition_covariance) < 1e-8
    assert distance(found.R, reference.observation_covariance) < 1e-8
    assert distance(found.m0, reference.initial_state_mean) < 1e-8


@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
@pytest.mark.parametrize("begin", ["subspace", "random"])
@pytest.mark.parametrize("seed", range(3))
def test_likelihood_never_falls(make_system, draw, seed, begin, full):
    rng = np.random.default_rng(seed)
    y = draw(rng, make_system(rng, 2, 4, full=full), 150)
    y[rng.random(y.shape) < 0.2] = np.nan
    y[40:50] = np.nan
    y -= np.nanmean(y, axis=0)
    start = getattr(initial, begin)(y, 3, seed)
    trace = np.array(_fit(y, start, 40, full=full).log_likelihood)
    assert len(trace) == 41
    assert np.diff(trace).min() > -1e-9 * abs(trace[-1])
    assert trace[-1] > trace[0] + 1


@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
def test_converges_to_a_stationary_point(make_system, draw, full):
    """At the end no small change of any parameter raises the likelihood (checked by brute force)."""
    rng = np.random.default_rng(5)
    y = draw(rng, make_system(rng, 1, 3, full=full), 25)
    y[rng.random(y.shape) < 0.15] = np.nan
    y -= np.nanmean(y, axis=0)
    found = _fit(y, initial.subspace(y, 1, 0), 1500, full=full).system

    def likelihood(system):
        seen = ~np.isnan(y.ravel())
        _, _, mean, cov, _ = joint(system, len(y))
        return gaussian(y.ravel()[seen], mean[seen], cov[np.ix_(seen, seen)])

    step = 1e-4
    for name in ("A", "C", "Q", "R", "m0"):
        value = getattr(found, name)
        for index in np.ndindex(value.shape):
            if name == "R" and not full and index[0] != index[1]:
                continue
            change = np.zeros_like(value)
            change[index] = step
            if name in ("Q", "R"):
                change = (change + change.T) / 2
            up = likelihood(replace(found, **{name: value + change}))
            down = likelihood(replace(found, **{name: value - change}))
            assert abs(up - down) / (2 * step) < 0.02, (name, index)


def test_stops_when_nothing_is_gained(make_system, draw):
    rng = np.random.default_rng(2)
    y = draw(rng, make_system(rng, 1, 3), 300)
    y -= y.mean(axis=0)
    found = _fit(y, initial.subspace(y, 1, 0), 500, full=False, tolerance=1e-5)
    assert found.converged
    trace = np.array(found.log_likelihood)
    assert len(trace) < 500
    assert trace[-1] - trace[-2] < 1e-5 * y.size <= trace[-2] - trace[-3]


def test_zero_steps_keep_the_start(make_system, draw):
    rng = np.random.default_rng(2)
    start = make_system(rng, 2, 3)
    found = _fit(draw(rng, start, 30), start, 0, full=False)
    assert found.system is start
    assert len(found.log_likelihood) == 1
