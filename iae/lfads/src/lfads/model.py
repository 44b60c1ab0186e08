"""The sequential variational autoencoder: encoder, generator, factors, rates.

Equations as in Sussillo et al. 2016, section 2: a bidirectional GRU reads the spikes of a trial and gives the posterior of the generator's
initial state, a diagonal Gaussian; a GRU without input runs from a draw of it; factors are linear in
its state, and the logarithm of each neuron's rate is linear in the factors.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lfads.settings import Settings

_LEAST_LOG_VARIANCE, _GREATEST_LOG_VARIANCE = -8.0, 4.0


class Course(NamedTuple):
    """One pass: log rates (trials, bins, neurons) in spikes a bin, factors (trials, bins, factors), KL in nats (trials,)."""

    log_rates: Tensor
    factors: Tensor
    divergence: Tensor


class Lfads(nn.Module):
    """LFADS without inferred inputs: the dynamics of a trial follow from its initial condition."""

    def __init__(self, neurons: int, asked: Settings) -> None:
        super().__init__()
        both = 2 * asked.encoder_units
        self.encoder = nn.GRU(neurons, asked.encoder_units, bidirectional=True, batch_first=True)
        self.mean = nn.Linear(both, asked.initial_condition_dim)
        self.log_variance = nn.Linear(both, asked.initial_condition_dim)
        self.initial_state = nn.Linear(asked.initial_condition_dim, asked.generator_units)
        # It wants an input; a column of zeros leaves the dynamics alone.
        self.generator = nn.GRU(1, asked.generator_units, batch_first=True)
        self.factors = nn.Linear(asked.generator_units, asked.factors, bias=False)
        self.log_rates = nn.Linear(asked.factors, neurons)
        self.dropout = nn.Dropout(asked.dropout)

    def forward(self, spikes: Tensor, noise: Tensor) -> Course:
        """Encode spikes (trials, bins, neurons), draw with `noise` (trials, initial conditions), generate."""
        _, last = self.encoder(self.dropout(spikes))
        summary = torch.cat([last[0], last[1]], dim=1)
        mean = self.mean(summary)
        log_variance = self.log_variance(summary).clamp(
            _LEAST_LOG_VARIANCE, _GREATEST_LOG_VARIANCE
        )
        drawn = mean + noise * (log_variance / 2).exp()
        still = spikes.new_zeros(spikes.shape[0], spikes.shape[1], 1)
        states, _ = self.generator(still, self.initial_state(drawn)[None])
        factors = self.factors(self.dropout(states))
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)
        return Course(self.log_rates(factors), factors, divergence)
