"""The consensus: one posterior of the signal from those of all replicas.

Latent states of different fits live in different bases and cannot be averaged; the noise-free
observations C x + d can. All replicas saw nearly the same samples, so their posteriors are not
independent pieces of evidence: multiplying them (precision weighting) would shrink the bands K-fold
for nothing. They are the opinions of K equally plausible models, which a mixture with equal weights
combines; its moments follow from the law of total variance, as in deep ensembles (Lakshminarayanan,
Pritzel and Blundell 2017, section 2.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kalman_consensus.members import Array, Members


@dataclass(frozen=True, slots=True)
class Consensus:
    """Posterior of the signal (T, N): `sd` is of the mixture, sd^2 = within^2 + between^2."""

    mean: Array
    sd: Array
    within: Array
    between: Array


@dataclass(frozen=True, slots=True)
class Summary:
    """Mean and standard deviation over replicas of a held-out score, in nats per value."""

    mean: float
    sd: float


def combine(members: Members) -> Consensus:
    """Return the moments of the equally weighted mixture of all replicas."""
    mean = members.mean.mean(axis=0)
    within = np.mean(members.sd**2, axis=0)
    between = np.mean((members.mean - mean) ** 2, axis=0)
    return Consensus(mean, np.sqrt(within + between), np.sqrt(within), np.sqrt(between))


def summarise(total: Array, values: Array) -> Summary:
    """Return the mean per held-out value and its sample standard deviation over replicas."""
    each = total / values
    return Summary(float(each.mean()), float(each.std(ddof=1)))
