"""The network and its objective: Whiteway et al. 2021, equations 2 to 7."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

_LEAK = 0.05
_CHANNELS = (16, 32, 32)
_FEATURES = 32
_LOG_VARIANCE = (-8.0, 3.0)


class Terms(NamedTuple):
    """What an objective consists of, in nats per frame but `labels` (mean square) and `orthogonal`."""

    pixels: Tensor
    labels: Tensor
    supervised: Tensor
    information: Tensor
    correlation: Tensor
    dimensions: Tensor
    orthogonal: Tensor


class PsVae(nn.Module):
    """Encoder to supervised and unsupervised latents, one label per supervised latent, decoder."""

    def __init__(self, height: int, width: int, labels: int, free: int) -> None:
        super().__init__()
        self.labels = labels
        self._grid = (_CHANNELS[-1], height // 8, width // 8)
        flat = math.prod(self._grid)
        one, two, three = _CHANNELS
        self.encoder = nn.Sequential(
            nn.Conv2d(1, one, 5, 2, 2), nn.LeakyReLU(_LEAK),
            nn.Conv2d(one, two, 5, 2, 2), nn.LeakyReLU(_LEAK),
            nn.Conv2d(two, three, 3, 2, 1), nn.LeakyReLU(_LEAK),
            nn.Flatten(), nn.Linear(flat, _FEATURES),
        )  # fmt: skip
        # A and B of the paper: without offsets, so that orthogonality is one of subspaces.
        self.supervised = nn.Linear(_FEATURES, labels, bias=False)
        self.free = nn.Linear(_FEATURES, free, bias=False)
        self.log_variance = nn.Linear(_FEATURES, labels + free)
        self.scale = nn.Parameter(torch.ones(labels))
        self.shift = nn.Parameter(torch.zeros(labels))
        self.widen = nn.Sequential(
            nn.Linear(labels + free, 128), nn.LeakyReLU(_LEAK),
            nn.Linear(128, flat), nn.LeakyReLU(_LEAK),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(three, two, 4, 2, 1), nn.LeakyReLU(_LEAK),
            nn.ConvTranspose2d(two, one, 4, 2, 1), nn.LeakyReLU(_LEAK),
            nn.ConvTranspose2d(one, 1, 4, 2, 1),
        )  # fmt: skip

    def encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log variances (N, D) of frames (N, 1, H, W); supervised latents first."""
        features = self.encoder(frames)
        means = torch.cat([self.supervised(features), self.free(features)], dim=1)
        return means, self.log_variance(features).clamp(*_LOG_VARIANCE)

    def decode(self, latents: Tensor) -> Tensor:
        """Return frames (N, 1, H, W)."""
        frames: Tensor = self.decoder(self.widen(latents).view(-1, *self._grid))
        return frames

    def predict(self, means: Tensor) -> Tensor:
        """Return standardised labels (N, L): one scale and shift for each, so axes are labels."""
        return self.scale * means[:, : self.labels] + self.shift


def terms(
    model: PsVae, frames: Tensor, labels: Tensor, size: int, pixel_sd: float, noise: Tensor
) -> Terms:
    """Return the terms for a batch out of `size` training frames; `noise` (N, D) is normal."""
    means, logv = model.encode(frames)
    latents = means + noise * (logv / 2).exp()
    error = (model.decode(latents) - frames) ** 2
    first, rest = means[:, : model.labels], slice(model.labels, None)
    kl = 0.5 * (first**2 + logv[:, : model.labels].exp() - 1 - logv[:, : model.labels])
    free, mean, log_variance = latents[:, rest], means[:, rest], logv[:, rest]
    # Decomposition of the KL divergence (equation 5), estimated from the batch as in Chen et al. 2018.
    pairs = _gauss(free[:, None], mean[None], log_variance[None])
    count = math.log(len(frames) * size)
    own = _gauss(free, mean, log_variance).sum(1)
    joint = torch.logsumexp(pairs.sum(2), 1) - count
    apart = (torch.logsumexp(pairs, 1) - count).sum(1)
    prior = _gauss(free, torch.zeros(1), torch.zeros(1)).sum(1)
    rows = torch.cat([model.supervised.weight, model.free.weight])
    return Terms(
        pixels=error.sum((1, 2, 3)).mean() / (2 * pixel_sd**2),
        labels=((model.predict(means) - labels) ** 2).mean(),
        supervised=kl.sum(1).mean(),
        information=(own - joint).mean(),
        correlation=(joint - apart).mean(),
        dimensions=(apart - prior).mean(),
        orthogonal=((rows @ rows.T - torch.eye(len(rows))) ** 2).sum(),
    )


def _gauss(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return -0.5 * ((x - mean) ** 2 / log_variance.exp() + log_variance + math.log(2 * math.pi))
