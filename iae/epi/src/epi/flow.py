"""A normalizing flow: from Gaussian noise to parameters within bounds, with its density and gradient.

Affine coupling layers (real NVP; Dinh, Sohl-Dickstein and Bengio 2017), with networks of two hidden
layers, then a scale and shift per parameter, then a squashing into the bounds:

    x2' = x2 exp(s(x1)) + t(x1),    u = x exp(l) + m,    theta = middle + half tanh(u)

The log density is that of the noise minus the log determinants. Gradients are derived by hand, which
a test compares with finite differences.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LARGEST_LOG_SCALE = 1.5
"""Bound of a log scale of one layer, so that no layer can blow up."""


class Shape(NamedTuple):
    """Numbers of parameters, coupling layers, and units of the hidden layers."""

    dimensions: int
    layers: int
    units: int

    @property
    def kept(self) -> int:
        """How many dimensions a layer leaves as they are."""
        return self.dimensions // 2

    def blocks(self) -> list[tuple[int, int]]:
        """Return the shapes of the matrices of one layer; biases are their last rows."""
        moved = self.dimensions - self.kept
        return [
            (self.kept + 1, self.units),
            (self.units + 1, self.units),
            (self.units + 1, 2 * moved),
        ]

    @property
    def size(self) -> int:
        """Count the weights of all layers, and a scale and a shift per dimension."""
        return self.layers * sum(a * b for a, b in self.blocks()) + 2 * self.dimensions


class Flow:
    """A flow of some `shape` into `bounds` (D, 2), with its `weights` in one vector."""

    def __init__(self, shape: Shape, bounds: Array, weights: Array) -> None:
        """Take weights as `start` makes them or as they were saved."""
        self.shape = shape
        self.weights = weights
        self._middle, self._half = bounds.mean(axis=1), (bounds[:, 1] - bounds[:, 0]) / 2
        self._cut: list[list[slice]] = []
        place = 0
        for _ in range(shape.layers):
            cuts = []
            for rows, columns in shape.blocks():
                cuts.append(slice(place, place + rows * columns))
                place += rows * columns
            self._cut.append(cuts)
        self._scale = slice(place, place + shape.dimensions)
        self._shift = slice(place + shape.dimensions, shape.size)

    @classmethod
    def start(cls, shape: Shape, bounds: Array, spread: Array, rng: np.random.Generator) -> Flow:
        """Return a flow that is an isotropic Gaussian of standard deviation `spread` (D,), squashed."""
        weights = np.zeros(shape.size)
        flow = cls(shape, bounds, weights)
        for cuts in flow._cut:
            for cut, (rows, columns) in zip(cuts[:2], shape.blocks()[:2], strict=True):
                matrix = rng.normal(size=(rows, columns)) / math.sqrt(rows - 1)
                matrix[-1] = 0.0
                weights[cut] = matrix.ravel()  # the last matrix stays 0: no layer moves anything
        weights[flow._scale] = np.log(spread / flow._half)
        return flow

    def _matrices(self, vector: Array, layer: int) -> list[Array]:
        return [
            vector[cut].reshape(block)
            for cut, block in zip(self._cut[layer], self.shape.blocks(), strict=True)
        ]

    def forward(self, noise: Array) -> tuple[Array, Array, list[Any]]:
        """Return parameters (n, D), log densities (n,) and what `backward` needs."""
        kept, moved = self.shape.kept, self.shape.dimensions - self.shape.kept
        x = noise
        logq = -0.5 * np.sum(noise**2, axis=1) - 0.5 * self.shape.dimensions * math.log(2 * math.pi)
        memory: list[Any] = []
        for layer in range(self.shape.layers):
            first, second, last = self._matrices(self.weights, layer)
            # Halves swap in every layer, as the order of the dimensions is turned around.
            x = x[:, ::-1]
            still, changed = x[:, :kept], x[:, kept:]
            one = np.tanh(still @ first[:-1] + first[-1])
            two = np.tanh(one @ second[:-1] + second[-1])
            out = two @ last[:-1] + last[-1]
            bent = np.tanh(out[:, :moved])
            scale = np.exp(LARGEST_LOG_SCALE * bent)
            memory.append((still, changed, one, two, bent, scale))
            x = np.concatenate([still, changed * scale + out[:, moved:]], axis=1)
            logq = logq - LARGEST_LOG_SCALE * bent.sum(axis=1)
        stretch = np.exp(self.weights[self._scale])
        u = x * stretch + self.weights[self._shift]
        squashed = np.tanh(u)
        # log(1 - tanh^2 u), without losing digits near the bounds.
        far = np.abs(u)
        log_slope = 2 * (math.log(2) - far - np.log1p(np.exp(-2 * far)))
        logq = logq - (self.weights[self._scale] + np.log(self._half) + log_slope).sum(axis=1)
        memory.append((x, stretch, squashed))
        return self._middle + self._half * squashed, logq, memory

    def backward(self, memory: list[Any], pull: Array, weight: Array) -> Array:
        """Return the gradient of sum_i pull_i . theta_i + weight_i log q_i, by the weights.

        `pull` is (n, D), `weight` (n,); the noise is held fixed.
        """
        gradient = np.zeros(self.shape.size)
        kept, moved = self.shape.kept, self.shape.dimensions - self.shape.kept
        x, stretch, squashed = memory[-1]
        # d log(1 - tanh^2 u) / du = -2 tanh u, and log q has its negative.
        du = pull * self._half * (1 - squashed**2) + 2 * weight[:, None] * squashed
        gradient[self._shift] = du.sum(axis=0)
        gradient[self._scale] = (du * x).sum(axis=0) * stretch - weight.sum()
        dx = du * stretch
        for layer in reversed(range(self.shape.layers)):
            still, changed, one, two, bent, scale = memory[layer]
            first, second, last = self._matrices(self.weights, layer)
            d_first, d_second, d_last = self._matrices(gradient, layer)
            dy = dx[:, kept:]
            d_bent = LARGEST_LOG_SCALE * (dy * changed * scale - weight[:, None])
            d_out = np.empty((len(dx), 2 * moved))
            d_out[:, :moved] = d_bent * (1 - bent**2)
            d_out[:, moved:] = dy
            d_last[:-1], d_last[-1] = two.T @ d_out, d_out.sum(axis=0)
            d_two = (d_out @ last[:-1].T) * (1 - two**2)
            d_second[:-1], d_second[-1] = one.T @ d_two, d_two.sum(axis=0)
            d_one = (d_two @ second[:-1].T) * (1 - one**2)
            d_first[:-1], d_first[-1] = still.T @ d_one, d_one.sum(axis=0)
            before = np.concatenate([dx[:, :kept] + d_one @ first[:-1].T, dy * scale], axis=1)
            dx = before[:, ::-1]
        return gradient

    def sample(self, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw parameters (count, D) with their log densities (count,)."""
        theta, logq, _ = self.forward(rng.normal(size=(count, self.shape.dimensions)))
        return theta, logq
