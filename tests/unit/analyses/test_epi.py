"""EPI: densities and gradients against brute force, the model against simulations, and refusals."""

import math

import epi_support as support
import numpy as np
import pytest
from epi.flow import Flow, Shape
from epi.inference import Adam, infer, lagrangian
from epi.oscillator import measure, simulate, statistics
from epi.property import Property
from epi.settings import Settings
from hypothesis import assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy.linalg import expm

BOUNDS = np.array([[-10.0, 10.0], [-5, 8], [0, 1], [-3, -1]])
SWINGING = np.array([[-2.0, 2.0], [4, 9], [-9, -4], [-2, 2]])
WANTED = Property(np.array([0.0, 1.0]), np.array([0.25, 0.1]), 1.0)


def _flow(seed, dimensions=4, scale=0.4, bounds=BOUNDS):
    rng = np.random.default_rng(seed)
    shape = Shape(dimensions, 3, 5)
    flow = Flow.start(shape, bounds[:dimensions], np.full(dimensions, 0.5), rng)
    flow.weights += scale * rng.normal(size=shape.size)
    return flow, rng


_AWAY = 1e-5


@examples(max_examples=20, deadline=None)
@given(st.integers(0, 2**16), st.integers(2, 4))
def test_log_density_is_that_of_the_change_of_variables(seed, dimensions):
    flow, rng = _flow(seed, dimensions)
    noise = rng.normal(size=(1, dimensions))
    theta, logq, _ = flow.forward(noise)
    low, high = BOUNDS[:dimensions].T
    # At the bounds so little moves that differences of two numbers are mostly rounding.
    assume(np.min([theta - low, high - theta] / (high - low)) > _AWAY)
    step = 1e-6
    columns = [
        (flow.forward(noise + move)[0] - flow.forward(noise - move)[0])[0] / (2 * step)
        for move in step * np.eye(dimensions)
    ]
    log_det = np.linalg.slogdet(np.stack(columns, axis=1))[1]
    base = -0.5 * np.sum(noise**2) - 0.5 * dimensions * math.log(2 * math.pi)
    assert logq[0] == pytest.approx(base - log_det, abs=1e-4)
    assert ((theta > BOUNDS[:dimensions, 0]) & (theta < BOUNDS[:dimensions, 1])).all()


def test_density_integrates_to_one():
    flow, _ = _flow(3, 2, 0.2)
    rng = np.random.default_rng(0)
    theta, logq = flow.sample(200_000, rng)
    # Importance sampling of the area of a box that the flow covers.
    (a, b), (c, d) = np.quantile(theta, [0.2, 0.8], axis=0).T
    inside = (theta[:, 0] > a) & (theta[:, 0] < b) & (theta[:, 1] > c) & (theta[:, 1] < d)
    area = np.mean(np.where(inside, np.exp(-logq), 0.0))
    assert area == pytest.approx((b - a) * (d - c), rel=0.02)


def test_a_new_flow_is_a_gaussian_within_the_bounds():
    shape = Shape(4, 4, 6)
    wide = np.array([[-100.0, 100.0]] * 4)
    flow = Flow.start(shape, wide, np.full(4, 2.0), np.random.default_rng(1))
    theta, logq = flow.sample(50_000, np.random.default_rng(2))
    np.testing.assert_allclose(theta.std(axis=0), 2.0, rtol=0.02)
    entropy = 2 * math.log(2 * math.pi * math.e) + 4 * math.log(2.0)
    assert -logq.mean() == pytest.approx(entropy, abs=0.03)


@examples(max_examples=15, deadline=None)
@given(st.integers(0, 2**16), st.floats(0, 20))
def test_the_gradient_is_that_of_the_lagrangian(seed, penalty):
    # Where eigenvalues turn real there is a kink, and differences across it are no gradient.
    flow, rng = _flow(seed, bounds=SWINGING)
    noise, multipliers = rng.normal(size=(9, 4)), rng.normal(size=4)
    _, gradient, entropy, violations = lagrangian(flow, WANTED, noise, multipliers, penalty)
    direction = rng.normal(size=len(gradient))
    kept, values, step = flow.weights.copy(), [], 1e-6
    for sign in (1, -1):
        flow.weights[:] = kept + sign * step * direction
        values.append(lagrangian(flow, WANTED, noise, multipliers, penalty)[0])
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(
        gradient @ direction, rel=1e-3, abs=1e-2
    )
    flow.weights[:] = kept
    theta, logq, _ = flow.forward(noise)
    assert entropy == pytest.approx(-logq.mean())
    np.testing.assert_allclose(violations, WANTED.violations(theta)[0].mean(axis=0))


def test_the_square_is_estimated_without_bias():
    """E[mean over one half x mean over the other] = mean x mean."""
    flow, rng = _flow(5, scale=0.1)
    nothing = np.zeros(4)
    squares = []
    for _ in range(400):
        noise = rng.normal(size=(20, 4))
        with_penalty, without = (lagrangian(flow, WANTED, noise, nothing, c)[0] for c in (2.0, 0.0))
        squares.append(with_penalty - without)
    theta, _ = flow.sample(200_000, rng)
    true = np.sum(WANTED.violations(theta)[0].mean(axis=0) ** 2)
    error = np.std(squares) / math.sqrt(len(squares))
    assert np.mean(squares) == pytest.approx(true, abs=4 * error + 0.02 * true)


def test_adam_descends_a_parabola():
    weights, adam = np.array([3.0, -2.0]), Adam(2)
    for _ in range(2000):
        adam.step(weights, 2 * (weights - 1), 0.01)
    np.testing.assert_allclose(weights, 1.0, atol=1e-2)


@examples(max_examples=30, deadline=None)
@given(st.integers(0, 2**16), st.floats(0.01, 10))
def test_statistics_are_those_of_the_eigenvalues(seed, tau):
    theta = np.random.default_rng(seed).uniform(-10, 10, (20, 4))
    values, slopes = statistics(theta, tau)
    eigenvalues = np.linalg.eigvals(theta.reshape(-1, 2, 2))
    np.testing.assert_allclose(values[:, 0], eigenvalues.real.max(axis=1) / tau, atol=2e-4 / tau)
    frequency = np.abs(eigenvalues.imag).max(axis=1) / (2 * np.pi * tau)
    np.testing.assert_allclose(values[:, 1], frequency, atol=1e-4 / tau)
    far = np.abs((theta[:, 0] - theta[:, 3]) ** 2 + 4 * theta[:, 1] * theta[:, 2]) > 1
    for k in range(4):
        step = 1e-6 * np.eye(4)[k]
        numeric = (statistics(theta + step, tau)[0] - statistics(theta - step, tau)[0]) / 2e-6
        np.testing.assert_allclose(slopes[far, :, k], numeric[far], rtol=1e-4, atol=1e-5 / tau)


@pytest.mark.parametrize("tau", [1.0, 0.02])
def test_simulations_follow_the_exact_solution_and_show_the_eigenvalues(tau):
    rng = np.random.default_rng(7)
    theta = np.column_stack(
        [rng.uniform(-3, 3, 30), rng.uniform(4, 9, 30), rng.uniform(-9, -4, 30), np.zeros(30)]
    )
    theta[:, 3] = 0.5 * rng.normal(size=30) - theta[:, 0]
    times, courses = simulate(theta, tau, 6 * tau, 0.005 * tau)
    exact = [(expm(theta[0].reshape(2, 2) * t / tau) @ [1, 0])[0] for t in times[::200]]
    np.testing.assert_allclose(courses[0, ::200], exact, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(
        measure(times, courses), statistics(theta, tau)[0], rtol=2e-2, atol=0.02 / tau
    )


def test_what_does_not_swing_is_not_measured():
    theta = np.array([[-1.0, 0, 0, -2.0], [0.5, 1, 1, 0.5]])
    assert np.isnan(measure(*simulate(theta, 1.0, 6.0, 0.01))).all()


def test_violations_count_in_the_units_of_the_property():
    theta = np.array([[0.25, 2 * math.pi, -2 * math.pi, 0.25]])
    violations, _ = WANTED.violations(theta)
    np.testing.assert_allclose(violations[0], [1, 0, 0, -1], atol=1e-3)


def test_the_seed_decides():
    found = [
        infer(WANTED, SWINGING, Settings("", **support.SHORT, seed=seed), lambda share, text: None)
        for seed in (0, 0, 1)
    ]
    one, same, other = (result.flow.weights for result in found)
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def _with(**changes):
    return support.QUESTION | changes


def _property(name, **changes):
    wanted = support.QUESTION["property"]
    return _with(property=wanted | {name: wanted[name] | changes})


BOX = support.QUESTION["bounds"]
REFUSED = [
    (b"", {}, "the file is empty"),
    (None, {}, "there is no such dataset"),
    (b"{", {}, "not readable as JSON"),
    (b'{"model": \xff}', {}, "not readable as JSON"),
    (b" " * 200_000, {}, "more than 100000 bytes are no description of a property"),
    ([1], {}, "the file must be a mapping with model, time_constant_s, bounds, property"),
    ({"model": "linear-2d"}, {}, "the file does not say time_constant_s"),
    (_with(units="ms"), {}, "the file says 'units'; there are model"),
    (_with(model="stg"), {}, "model must be linear-2d, not 'stg'"),
    (_with(time_constant_s="1 s"), {}, "time_constant_s must be a finite number, not '1 s'"),
    (_with(time_constant_s=0), {}, "time_constant_s must be from 1e-06 to 1e+06 seconds, not 0"),
    (_with(bounds=BOX | {"a11": [1]}), {}, "the bounds of a11 must be [lowest, highest]"),
    (_with(bounds=BOX | {"a12": [3, 1]}), {}, "the bounds of a12 must rise"),
    (_with(bounds=BOX | {"a12": [float("nan"), 1]}), {}, "a bound of a12 must be a finite number"),
    (_with(bounds={"a11": [0, 1]}), {}, "bounds does not say a12"),
    (_with(property={}), {}, "property does not say growth_rate_per_s"),
    (_property("frequency_hz", mean=None), {}, "the mean of frequency_hz must be a finite number"),
    (_property("frequency_hz", sd=0), {}, "the sd of frequency_hz must be positive, not 0"),
    (_property("frequency_hz", mean=0.05), {}, "must be above its sd"),
    (_property("frequency_hz", mean=1000), {}, "frequency_hz of 1000 is out of reach"),
    (_property("growth_rate_per_s", mean=11), {}, "growth_rate_per_s of 11 is out of reach"),
    (_property("growth_rate_per_s", hz=11), {}, "growth_rate_per_s says 'hz'; there are mean, sd"),
    (support.QUESTION, {"layers": 1}, "layers must be a whole number from 2 to 32, not 1"),
    (support.QUESTION, {"learning_rate": 1}, "learning_rate must be a number from 1e-05 to 0.1"),
    (support.QUESTION, {"tolerance": float("nan")}, "tolerance must be a number of standard"),
    (support.QUESTION, {"seed": True}, "seed must be a whole number"),
    (support.QUESTION, {"rate": 3}, "parameter 'rate' does not exist; there are:"),
    (support.QUESTION, {"config": "[]"}, "config.yaml does not say schema: neurocaas/config/v1"),
    (support.QUESTION, {"name": "property.yaml"}, "the suffix must be .json"),
]


@pytest.mark.parametrize(("content", "options", "sentence"), REFUSED)
def test_refusals(tmp_path, capsys, content, options, sentence):
    code, outputs = support.run(tmp_path, content, **options)
    printed = capsys.readouterr()
    assert code == 65, printed
    assert printed.err.startswith("error: ")
    assert sentence in printed.err
    assert printed.err.count("\n") == 1
    assert list(outputs.iterdir()) == []
