"""Which samples are held out, and how well they are predicted from all the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kalman_smoother.baseline import fit_white_noise
from kalman_smoother.evidence import Observations, observe
from kalman_smoother.inference import kalman_filter
from kalman_smoother.settings import Settings
from kalman_smoother.system import Array, System


@dataclass(frozen=True, slots=True)
class Score:
    """Log predictive density of the held-out samples given all others, in nats."""

    samples: int
    values: int
    lds: float
    white_noise: float


def held_out_rows(y: Array, settings: Settings) -> NDArray[np.bool_]:
    """Return which of the T samples are held out: whole samples, drawn with the seed.

    Replica k holds out fold k of `replicas` equal folds, so that the replicas of an ensemble
    together predict every sample once; without a replica it is `held_out_fraction` of the samples.
    """
    usable = np.flatnonzero(~np.all(np.isnan(y), axis=1))
    order = np.random.default_rng(settings.seed).permutation(usable)
    if settings.replica is None:
        chosen = order[: int(settings.held_out_fraction * len(usable))]
    else:
        chosen = order[settings.replica :: settings.replicas]
    rows = np.zeros(len(y), dtype=np.bool_)
    rows[chosen] = True
    return rows


def score(y: Array, rows: NDArray[np.bool_], system: System, data: Observations) -> Score | None:
    """Compare the system with white noise on held-out rows; None when nothing was held out.

    Both are exact: log p(held out | rest) = log p(all) - log p(rest), with the held-out samples
    missing in the second term. `data` are the observations without the held-out rows.
    """
    everything = observe(y)
    if not rows.any():
        return None
    noise = fit_white_noise(data)
    lds = kalman_filter(everything, system).log_likelihood.sum()
    lds -= kalman_filter(data, system).log_likelihood.sum()
    white = noise.log_likelihood(everything) - noise.log_likelihood(data)
    return Score(int(rows.sum()), everything.values - data.values, float(lds), float(white))
