"""Fit the network to the training frames, the same bits every time, and apply it to all frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from psvae.dataset import Recording
from psvae.model import PsVae, terms
from psvae.refusal import Refusal
from psvae.settings import Settings

Array = NDArray[np.float64]
Frames = NDArray[np.float32]

_PART = 256  # frames at once when nothing is learnt


class Result(NamedTuple):
    """Latents (T, D), labels as predicted (T, L) in their units, frames as decoded (T, H, W).

    `trace` (epochs, 7) holds the mean terms of each epoch; `weights` are the network's arrays by name.
    """

    latents: Array
    labels: Array
    frames: Frames
    trace: Array
    weights: dict[str, NDArray[np.float32]]
    model: PsVae


def fit(recording: Recording, asked: Settings, progress: Callable[[float, str], None]) -> Result:
    """Train and infer; raise Refusal when the numbers run away."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    torch.manual_seed(asked.seed)
    rng = np.random.default_rng(asked.seed)
    train = np.flatnonzero(~recording.held_out)
    mean, sd = recording.labels[train].mean(axis=0), recording.labels[train].std(axis=0)
    frames = torch.from_numpy(recording.frames)[:, None]
    labels = torch.from_numpy(((recording.labels - mean) / sd).astype(np.float32))
    height, width = recording.frames.shape[1:]
    model = PsVae(height, width, len(recording.names), asked.unsupervised_latents)
    optimizer = torch.optim.Adam(model.parameters(), lr=asked.learning_rate)
    batch = min(asked.batch, len(train))
    trace = []
    for epoch in range(asked.epochs):
        order = rng.permutation(train)
        # Regularisation comes in slowly, or the latents collapse before they mean anything.
        weight = min(1.0, (epoch + 1) / asked.annealing_epochs)
        lines = []
        for start in range(0, len(order) - batch + 1, batch):
            picked = torch.from_numpy(order[start : start + batch])
            noise = torch.randn(batch, len(recording.names) + asked.unsupervised_latents)
            found = terms(model, frames[picked], labels[picked], len(train), asked.pixel_sd, noise)
            loss = (
                found.pixels
                + asked.alpha * found.labels
                + asked.gamma * found.orthogonal
                + weight
                * (
                    found.supervised
                    + found.information
                    + asked.beta * found.correlation
                    + found.dimensions
                )
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            lines.append([float(value.detach()) for value in found])
        trace.append(np.mean(lines, axis=0))
        if not np.isfinite(trace[-1]).all():
            raise Refusal(f"training broke down in epoch {epoch + 1}; lower learning_rate")
        progress((epoch + 1) / asked.epochs, f"epoch {epoch + 1} of {asked.epochs}")
    latents, found_labels, decoded = _infer(model, frames)
    weights = {key: value.numpy().copy() for key, value in model.state_dict().items()}
    return Result(latents, found_labels * sd + mean, decoded, np.array(trace), weights, model)


def _infer(model: PsVae, frames: torch.Tensor) -> tuple[Array, Array, Frames]:
    latents, labels, decoded = [], [], []
    with torch.no_grad():
        for start in range(0, len(frames), _PART):
            means, _ = model.encode(frames[start : start + _PART])
            latents.append(means.numpy().astype(np.float64))
            labels.append(model.predict(means).numpy().astype(np.float64))
            decoded.append(model.decode(means).numpy()[:, 0])
    return np.concatenate(latents), np.concatenate(labels), np.concatenate(decoded)


def traverse(result: Result, steps: int) -> Frames:
    """Return frames (D, steps, H, W) of each latent from its 2nd to its 98th percentile.

    The others stay at their median.
    """
    middle = np.median(result.latents, axis=0)
    ends = np.quantile(result.latents, [0.02, 0.98], axis=0)
    rows = []
    with torch.no_grad():
        for latent, (low, high) in enumerate(ends.T):
            points = np.tile(middle, (steps, 1))
            points[:, latent] = np.linspace(low, high, steps)
            rows.append(
                result.model.decode(torch.from_numpy(points.astype(np.float32))).numpy()[:, 0]
            )
    return np.stack(rows)
