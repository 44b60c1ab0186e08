"""Fit the autoencoder to the trials that are not held out, and infer rates of all trials with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lfads.dataset import Array, Recording
from lfads.model import Lfads
from lfads.refusal import Refusal
from lfads.settings import Settings

_LARGEST_GRADIENT = 20.0
_LAST_STEP = 1 / 30  # of the first learning rate
_CHUNK = 512  # trials inferred at once


class Fit(NamedTuple):
    """The fitted model and the course of its training.

    `trace` (epochs, 4): negative log-likelihood of fitted and of held-out trials and divergence, in nats per trial,
    and the weight of the divergence.
    """

    model: Lfads
    trace: Array


class Inferred(NamedTuple):
    """Means over the posterior: rates (trials, bins, neurons) in spikes a bin, factors (trials, bins, factors)."""

    rates: Array
    factors: Array


def fit(recording: Recording, asked: Settings, say: Callable[[float, str], None]) -> Fit:
    """Maximise the evidence lower bound with Adam; raise Refusal when it diverges."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(asked.seed)
    spikes = torch.from_numpy(recording.spikes)
    fitted = np.flatnonzero(~recording.held_out)
    model = Lfads(spikes.shape[2], asked)
    with torch.no_grad():
        model.log_rates.bias.copy_(spikes[fitted].mean(dim=(0, 1)).log())
    optimiser = torch.optim.Adam(model.parameters(), lr=asked.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, asked.epochs, asked.learning_rate * _LAST_STEP
    )
    rng = np.random.default_rng(asked.seed)
    trace = []
    for epoch in range(asked.epochs):
        warm = min(1.0, epoch / asked.warmup_epochs) if asked.warmup_epochs else 1.0
        order = rng.permutation(fitted)
        nats, divergence = _epoch(model, optimiser, spikes, order, asked, warm)
        held_out = _likelihood(model, spikes[recording.held_out])
        if not math.isfinite(nats + held_out):
            raise Refusal(f"the training diverged in epoch {epoch + 1}; lower learning_rate")
        trace.append((nats, held_out, divergence, warm * asked.kl_weight))
        schedule.step()
        say((epoch + 1) / asked.epochs, f"epoch {epoch + 1}: {held_out:.1f} nats per held-out trial")
    return Fit(model, np.array(trace))


def _epoch(
    model: Lfads,
    optimiser: torch.optim.Optimizer,
    spikes: Tensor,
    order: Array,
    asked: Settings,
    warm: float,
) -> tuple[float, float]:
    """Go once through the trials; return mean negative log-likelihood and divergence per trial."""
    model.train()
    sums = [0.0, 0.0]
    for start in range(0, len(order), asked.batch):
        batch = spikes[order[start : start + asked.batch]]
        course = model(batch, torch.randn(len(batch), asked.initial_condition_dim))
        nats = _poisson(course.log_rates, batch)
        divergence = course.divergence.mean()
        penalty = asked.l2_weight * (model.generator.weight_hh_l0**2).sum()
        loss = nats + warm * (asked.kl_weight * divergence + penalty)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), _LARGEST_GRADIENT)
        optimiser.step()
        sums[0] += float(nats.detach()) * len(batch)
        sums[1] += float(divergence.detach()) * len(batch)
    return sums[0] / len(order), sums[1] / len(order)


def _poisson(log_rates: Tensor, spikes: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of a trial, without the factorials of the counts."""
    return (log_rates.exp() - spikes * log_rates).sum(dim=(1, 2)).mean()


def _likelihood(model: Lfads, spikes: Tensor) -> float:
    """Return the negative log-likelihood of a trial at the mean of its posterior."""
    model.eval()
    with torch.no_grad():
        noise = torch.zeros(len(spikes), model.mean.out_features)
        return float(_poisson(model(spikes, noise).log_rates, spikes))


def infer(fitted: Fit, recording: Recording, asked: Settings) -> Inferred:
    """Average rates and factors of every trial over draws from its posterior (section 2.5 of the paper)."""
    model = fitted.model
    model.eval()
    noise = torch.Generator().manual_seed(asked.seed + 1)
    rates, factors = [], []
    with torch.no_grad():
        for batch in torch.from_numpy(recording.spikes).split(_CHUNK):
            courses = [
                model(batch, torch.randn(len(batch), asked.initial_condition_dim, generator=noise))
                for _ in range(asked.posterior_samples)
            ]
            rates.append(torch.stack([course.log_rates.exp() for course in courses]).mean(dim=0))
            factors.append(torch.stack([course.factors for course in courses]).mean(dim=0))
    return Inferred(torch.cat(rates).numpy(), torch.cat(factors).numpy())
