"""Find the distribution of greatest entropy that has the emergent property: the augmented Lagrangian.

Algorithm 1 of Bittner et al. 2021: minimise over the weights of a flow q

    -H(q) + eta . R + c / 2 |R|^2,      R = E_q[T(theta) - mu]

by stochastic gradients (Adam; Kingma and Ba 2015), epoch by epoch. After each, eta += c R, and c grows
by a factor when |R| did not shrink enough and is above the tolerance. The square is estimated without bias by
the product of the means over two halves of a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from epi.flow import Array, Flow, Shape
from epi.property import Property
from epi.settings import Settings

_DECAYS = (0.9, 0.999)
_LARGEST_GRADIENT = 10.0
_SHRINK = 0.25  # gamma of the paper
_GROWTH = 4.0  # beta of the paper
_TEST = 20_000
_TRACE = 10  # steps between two points of the trace


@dataclass(frozen=True, slots=True)
class Epoch:
    """State at the end of an epoch; violations (4,) in units of the property."""

    entropy: float
    violations: Array
    penalty: float
    converged: bool


@dataclass(frozen=True, slots=True)
class Result:
    """The chosen flow, the epochs, the `chosen` one, and a trace (k, 6): step, entropy, violations."""

    flow: Flow
    epochs: tuple[Epoch, ...]
    chosen: int
    trace: Array
    multipliers: Array
    initial_entropy: float


class Adam:
    """Stochastic gradient descent with moments; the step size may change."""

    def __init__(self, size: int) -> None:
        """Start without a past."""
        self._mean, self._square, self._count = np.zeros(size), np.zeros(size), 0

    def step(self, weights: Array, gradient: Array, rate: float) -> None:
        """Move `weights` in place."""
        self._count += 1
        self._mean += (1 - _DECAYS[0]) * (gradient - self._mean)
        self._square += (1 - _DECAYS[1]) * (gradient**2 - self._square)
        mean = self._mean / (1 - _DECAYS[0] ** self._count)
        square = self._square / (1 - _DECAYS[1] ** self._count)
        weights -= rate * mean / (np.sqrt(square) + 1e-8)


def lagrangian(
    flow: Flow, wanted: Property, noise: Array, multipliers: Array, penalty: float
) -> tuple[float, Array, float, Array]:
    """Return the Lagrangian on a batch, its gradient by the weights, the entropy and R (4,)."""
    count = len(noise)
    theta, logq, memory = flow.forward(noise)
    violations, slopes = wanted.violations(theta)
    half = count // 2
    one, other = violations[:half].mean(axis=0), violations[half:].mean(axis=0)
    value = logq.mean() + multipliers @ violations.mean(axis=0) + 0.5 * penalty * (one @ other)
    weights = np.empty((count, violations.shape[1]))
    weights[:half] = multipliers / count + 0.5 * penalty * other / half
    weights[half:] = multipliers / count + 0.5 * penalty * one / (count - half)
    pull = np.einsum("nk,nkd->nd", weights, slopes)
    gradient = flow.backward(memory, pull, np.full(count, 1 / count))
    return float(value), gradient, float(-logq.mean()), violations.mean(axis=0)


def infer(
    wanted: Property, bounds: Array, settings: Settings, progress: Callable[[float, str], None]
) -> Result:
    """Fit a flow to a property, for parameters within `bounds` (4, 2)."""
    rng = np.random.default_rng(settings.seed)
    shape = Shape(len(bounds), settings.layers, settings.units)
    spread = settings.initial_spread * (bounds[:, 1] - bounds[:, 0]) / 2
    flow = Flow.start(shape, bounds, spread, rng)
    multipliers, penalty = np.zeros(4), settings.initial_penalty
    before = np.inf
    _, logq = flow.sample(_TEST, rng)
    initial = float(-logq.mean())
    epochs: list[Epoch] = []
    trace: list[list[float]] = []
    best = (flow.weights.copy(), multipliers)
    chosen = -1
    for number in range(settings.epochs):
        adam = Adam(shape.size)
        for step in range(settings.steps):
            noise = rng.normal(size=(settings.batch, len(bounds)))
            _, gradient, entropy, violations = lagrangian(flow, wanted, noise, multipliers, penalty)
            length = float(np.linalg.norm(gradient))
            if length > _LARGEST_GRADIENT:
                gradient *= _LARGEST_GRADIENT / length
            # Small steps at the end of an epoch average the noise of the gradients.
            rate = settings.learning_rate * (1 - 0.95 * step / settings.steps)
            adam.step(flow.weights, gradient, rate)
            if step % _TRACE == 0:
                trace.append([number * settings.steps + step, entropy, *violations])
        theta, logq = flow.sample(_TEST, rng)
        violations = wanted.violations(theta)[0].mean(axis=0)
        converged = bool(np.abs(violations).max() <= settings.tolerance)
        epochs.append(Epoch(float(-logq.mean()), violations, penalty, converged))
        if _better(epochs, chosen):
            chosen, best = number, (flow.weights.copy(), multipliers.copy())
        multipliers = multipliers + penalty * violations
        length = float(np.linalg.norm(violations))
        if length > _SHRINK * before and not converged:
            penalty *= _GROWTH
        before = length
        progress((number + 1) / settings.epochs,
                 f"epoch {number + 1}: entropy {epochs[-1].entropy:.2f} nats, largest violation "
                 f"{np.abs(violations).max():.3f}")  # fmt: skip
    return Result(
        Flow(shape, bounds, best[0]), tuple(epochs), chosen, np.array(trace), best[1], initial
    )


def _better(epochs: list[Epoch], chosen: int) -> bool:
    """Whether the last epoch is to be preferred: that of greatest entropy of those that converged."""
    if chosen < 0:
        return True
    new, old = epochs[-1], epochs[chosen]
    if new.converged != old.converged:
        return new.converged
    if new.converged:
        return new.entropy > old.entropy
    return float(np.abs(new.violations).max()) < float(np.abs(old.violations).max())
