"""Laws of the whole analysis: what a change of the recording must do to the result."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kalman_smoother.analysis import analyse
from kalman_smoother.recording import Recording
from kalman_smoother.refusal import Refusal
from kalman_smoother.settings import Settings

LAW = settings(max_examples=25, deadline=None, derandomize=True)
ASKED = Settings("d", None, latent_dimension=2, em_iterations=5, held_out_fraction=0.1)


def _recording(y):
    return Recording(y, tuple(f"c{n}" for n in range(y.shape[1])))


def _analyse(y, asked=ASKED):
    return analyse(_recording(y), asked, lambda *_: None)


def _wave(seed, samples, channels, missing=0.1):
    rng = np.random.default_rng(seed)
    time = np.arange(samples)[:, None]
    phase, size = rng.uniform(0, 6, channels), rng.uniform(0.5, 2, channels)
    y = size * np.sin(0.2 * time + phase) + 0.4 * rng.normal(size=(samples, channels))
    y[rng.random(y.shape) < missing] = np.nan
    y[:3] = np.nan_to_num(y[:3])
    return y


@LAW
@given(seed=st.integers(0, 10**6), order=st.permutations(range(4)))
def test_order_of_channels_does_not_matter(seed, order):
    y = _wave(seed, 60, 4)
    one, other = _analyse(y), _analyse(y[:, order])
    assert np.allclose(one.fit.log_likelihood, other.fit.log_likelihood, rtol=1e-6)
    assert np.allclose(one.signal[:, order], other.signal, atol=1e-5)
    assert np.isclose(one.score.lds, other.score.lds, rtol=1e-5)
    assert np.isclose(one.score.white_noise, other.score.white_noise, rtol=1e-5)


@LAW
@given(
    seed=st.integers(0, 10**6),
    factor=st.sampled_from([1e-12, 1e-6, 0.1, 3.0, 1e6, 1e12]),
    shift=st.sampled_from([0.0, 1.0, -100.0]),
)
def test_units_do_not_matter(seed, factor, shift):
    y = _wave(seed, 60, 3)
    one, other = _analyse(y), _analyse(factor * (y + shift))
    assert np.allclose(factor * (one.signal + shift), other.signal, rtol=1e-5, atol=factor * 1e-5)
    assert np.allclose(factor * one.signal_sd, other.signal_sd, rtol=1e-4)
    # A density per unit of the recording changes with the unit, once for each value.
    values = int(np.sum(~np.isnan(y[~one.rows])))
    expected = np.array(one.fit.log_likelihood) - values * np.log(factor)
    assert np.allclose(expected, other.fit.log_likelihood, rtol=1e-6, atol=1e-3)
    hidden = one.score.values * np.log(factor)
    assert np.isclose(one.score.lds - hidden, other.score.lds, rtol=1e-5, atol=1e-3)
    assert np.isclose(one.score.white_noise - hidden, other.score.white_noise, rtol=1e-5, atol=1e-3)


@LAW
@given(
    seed=st.integers(0, 10**6),
    samples=st.integers(1, 3),
    channels=st.integers(1, 3),
    latents=st.integers(1, 3),
    noise=st.sampled_from(["diagonal", "full"]),
)
def test_tiny_recordings_work_or_are_refused(seed, samples, channels, latents, noise):
    y = np.random.default_rng(seed).normal(size=(samples, channels))
    asked = Settings("d", None, latent_dimension=latents, em_iterations=5, observation_noise=noise)
    if samples == 1 or latents > samples:
        with pytest.raises(Refusal):
            _analyse(y, asked)
        return
    found = _analyse(y, asked)
    assert np.isfinite(found.signal).all()
    assert np.isfinite(found.signal_sd).all()
    assert found.signal.shape == y.shape


@LAW
@given(seed=st.integers(0, 10**6), latents=st.integers(1, 6))
def test_one_channel_can_have_many_latents(seed, latents):
    y = _wave(seed, 80, 1)
    found = _analyse(y, Settings("d", None, latent_dimension=latents, em_iterations=5))
    assert found.smoothed.mean.shape == (80, latents)
    assert np.diff(found.fit.log_likelihood).min() > -1e-6
    # The basis of the latents: uncorrelated, unit variance.
    mean = found.smoothed.mean - found.smoothed.mean.mean(axis=0)
    covariance = (mean.T @ mean + found.smoothed.covariance.sum(axis=0)) / len(mean)
    assert np.allclose(covariance, np.eye(latents), atol=1e-6)


def test_fitted_parameters_reproduce_the_result(make_system, draw):
    """parameters.npz fed back as a dataset, without EM, gives the same states and likelihood."""
    y = _wave(3, 120, 4)
    one = _analyse(y)
    again = analyse(
        Recording(y, ("a", "b", "c", "d"), system=one.system),
        Settings("d", None, initialisation="dataset", em_iterations=0),
        lambda *_: None,
    )
    assert np.allclose(one.smoothed.mean, again.smoothed.mean, atol=1e-10)
    assert np.isclose(one.log_likelihood, again.log_likelihood, rtol=1e-12)
    assert np.isclose(one.score.lds, again.score.lds, rtol=1e-9)
    assert np.isclose(one.score.white_noise, again.score.white_noise, rtol=1e-9)
