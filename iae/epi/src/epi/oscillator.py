"""The model: a linear system of two variables, what emerges from it, and its simulation.

    tau dx/dt = A x,    A = [[a11, a12], [a21, a22]]

Its leading eigenvalue lambda (that with the larger real part, and a positive imaginary part if there
is one) says how it behaves: activity grows with Re(lambda) / tau per second, and swings with
Im(lambda) / (2 pi tau) Hz. Bittner et al. introduce emergent property inference with this system.
"""

from __future__ import annotations

import math

import numpy as np

from epi.flow import Array

PARAMETERS = ("a11", "a12", "a21", "a22")
STATISTICS = ("growth_rate_per_s", "frequency_hz")

_SOFT = 1e-8  # keeps the slope of a square root finite where eigenvalues meet


def statistics(theta: Array, tau: float) -> tuple[Array, Array]:
    """Return growth rates and frequencies (n, 2) of systems (n, 4), and their slopes (n, 2, 4)."""
    a11, a12, a21, a22 = theta.T
    trace = a11 + a22
    # Discriminant of the characteristic polynomial: real eigenvalues where it is positive.
    split = (a11 - a22) ** 2 + 4 * a12 * a21
    real = np.sqrt(np.maximum(split, 0) + _SOFT)
    imaginary = np.sqrt(np.maximum(-split, 0) + _SOFT)
    growth = (trace + real) / (2 * tau)
    frequency = imaginary / (4 * math.pi * tau)
    d_split = np.stack([2 * (a11 - a22), 4 * a21, 4 * a12, -2 * (a11 - a22)], axis=1)
    d_real = np.where(split > 0, 0.5 / real, 0.0)[:, None] * d_split
    d_imaginary = np.where(split < 0, -0.5 / imaginary, 0.0)[:, None] * d_split
    d_growth = (np.array([1.0, 0, 0, 1.0]) + d_real) / (2 * tau)
    slopes = np.stack([d_growth, d_imaginary / (4 * math.pi * tau)], axis=1)
    return np.stack([growth, frequency], axis=1), slopes


def simulate(theta: Array, tau: float, seconds: float, step: float) -> tuple[Array, Array]:
    """Return times (t,) and x1 (n, t) of systems (n, 4) that start at (1, 0), by Runge and Kutta.

    For a linear system their step of fourth order is one matrix, the Taylor series of exp(A step).
    """
    matrix = theta.reshape(-1, 2, 2) * (step / tau)
    term = np.broadcast_to(np.eye(2), matrix.shape)
    move = term.copy()
    for order in range(1, 5):
        term = term @ matrix / order
        move += term
    count = math.ceil(seconds / step)
    state = np.zeros((len(theta), 2, 1))
    state[:, 0] = 1.0
    course = np.empty((len(theta), count + 1))
    for number in range(count + 1):
        course[:, number] = state[:, 0, 0]
        state = move @ state
    return step * np.arange(count + 1), course


def measure(times: Array, course: Array) -> Array:
    """Return growth rates and frequencies (n, 2) of courses (n, t), NaN where they do not swing.

    They are measured as one would in a recording, without knowing the model: the frequency from the
    times at which the course crosses zero, the growth rate from its largest values in between.
    """
    found = np.full((len(course), 2), np.nan)
    for number, line in enumerate(course):
        before = np.flatnonzero(line[:-1] * line[1:] < 0)
        if len(before) < 3:  # noqa: PLR2004 - two half periods are needed to see growth
            continue
        share = line[before] / (line[before] - line[before + 1])
        zeros = times[before] + share * (times[1] - times[0])
        found[number, 1] = (len(zeros) - 1) / (2 * (zeros[-1] - zeros[0]))
        tops = np.array(
            [before[k] + 1 + np.argmax(np.abs(line[before[k] + 1 : before[k + 1] + 1]))
             for k in range(len(before) - 1)]
        )  # fmt: skip
        found[number, 0] = np.polyfit(times[tops], np.log(np.abs(line[tops])), 1)[0]
    return found
