"""The emergent property as constraints, and their violation by samples.

For every statistic f with wanted mean and standard deviation there are two constraints, T = f and
T = (f - mean)^2 with E[T] = mean and E[T] = sd^2 (Bittner et al. 2021). Violations are counted in
standard deviations and variances of the property, so that they compare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from epi.flow import Array
from epi.oscillator import STATISTICS, statistics


@dataclass(frozen=True, slots=True)
class Property:
    """Wanted `means` and `sds` (2,) of the statistics, of systems with time constant `tau` (s)."""

    means: Array
    sds: Array
    tau: float

    def violations(self, theta: Array) -> tuple[Array, Array]:
        """Return (T - mu) / scale (n, 4) of systems (n, 4), and its slopes (n, 4, 4)."""
        values, slopes = statistics(theta, self.tau)
        away = (values - self.means) / self.sds
        relative = slopes / self.sds[:, None]
        both = np.concatenate([away, away**2 - 1], axis=1)
        return both, np.concatenate([relative, 2 * away[:, :, None] * relative], axis=1)


NAMES = tuple(f"{kind}_{name}" for kind in ("mean", "variance") for name in STATISTICS)
"""What the four constraints are about, in their order."""
