"""Train a tracker on labelled frames, then on labelled and unlabelled ones together, and track the video with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from deepgraphpose.augment import augment
from deepgraphpose.dataset import Array, Recording
from deepgraphpose.network import Tracker, soft_argmax
from deepgraphpose.potentials import Limbs, limbs, scoremap_loss, spatial_loss, temporal_loss
from deepgraphpose.refusal import Refusal
from deepgraphpose.settings import Settings

_GRAPH_RATE = 0.15  # of the first stage's largest step
_CHUNK = 64  # frames tracked at once
_LARGEST_GRADIENT = 10.0
_EVERY = 10  # iterations between two lines of progress

Say = Callable[[float, str], None]


class Fit(NamedTuple):
    """The trained network, and the terms of its objective (iterations, 4): labelled, hidden, temporal, spatial."""

    tracker: Tracker
    trace: Array


class Tracks(NamedTuple):
    """Positions (frames, parts, 2) in pixels, peak probability (frames, parts), scoremaps (frames, parts, rows, columns)."""

    positions: Array
    likelihood: Array
    scoremaps: Array


class _Material(NamedTuple):
    """What is trained with: all frames, labelled ones with labels, limbs, and the order of minibatches."""

    frames: Tensor
    labelled: Tensor
    labels: Tensor
    body: Limbs
    batches: Iterator[Array]
    windows: np.random.Generator
    draws: torch.Generator


def fit(recording: Recording, asked: Settings, say: Say) -> Fit:
    """Train in two stages; raise Refusal when it diverges.

    Every seed but that of the order in which frames are drawn is the same in all replicas, as are first weights.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(asked.seed)
    tracker = Tracker(len(recording.bodyparts), asked.channels)
    material = _material(recording, asked)
    total = asked.iterations + asked.graph_iterations
    trace: list[tuple[float, ...]] = []

    def step(optimiser: torch.optim.Optimizer, *, graph: bool) -> None:
        terms = _terms(tracker, material, asked, graph=graph)
        weights = (1.0, asked.hidden_weight, asked.temporal_weight, asked.spatial_weight)
        loss = torch.stack([w * term for w, term in zip(weights, terms, strict=True)]).sum()
        if not math.isfinite(float(loss.detach())):
            raise Refusal(f"the training diverged in iteration {len(trace) + 1}; lower learning_rate")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(tracker.parameters(), _LARGEST_GRADIENT)
        optimiser.step()
        trace.append(tuple(float(term.detach()) for term in terms))
        if len(trace) % _EVERY == 0 or len(trace) == total:
            say(len(trace) / total, f"iteration {len(trace)} of {total}: {trace[-1][0]:.3f}")

    optimiser = torch.optim.Adam(tracker.parameters(), lr=asked.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, asked.learning_rate, total_steps=asked.iterations + 1
    )
    for _ in range(asked.iterations):
        step(optimiser, graph=False)
        schedule.step()
    optimiser = torch.optim.Adam(tracker.parameters(), lr=asked.learning_rate * _GRAPH_RATE)
    for _ in range(asked.graph_iterations):
        step(optimiser, graph=True)
    return Fit(tracker, np.array(trace))


def _material(recording: Recording, asked: Settings) -> _Material:
    frames = _scaled(recording.frames)
    kept = ~recording.held_out
    labels = torch.from_numpy(recording.labels[kept])
    order, windows = (
        np.random.default_rng([asked.seed, asked.replica, stream]) for stream in range(2)
    )
    return _Material(
        frames,
        torch.from_numpy(recording.label_frames[kept]),
        labels,
        limbs(torch.from_numpy(recording.skeleton), labels),
        _batches(len(labels), asked.batch, order),
        windows,
        torch.Generator().manual_seed(asked.seed + 1),
    )


def _batches(count: int, size: int, order: np.random.Generator) -> Iterator[Array]:
    """Yield minibatches for ever; all labelled frames take their turn before one comes again."""
    queue = np.zeros(0, np.int64)
    while True:
        while len(queue) < size:
            queue = np.concatenate([queue, order.permutation(count)])
        yield queue[:size]
        queue = queue[size:]


def _terms(tracker: Tracker, material: _Material, asked: Settings, *, graph: bool) -> list[Tensor]:
    """Return the four terms of the objective for the next minibatch; hidden ones are 0 in the first stage."""
    batch = torch.from_numpy(next(material.batches))
    frames, labels = augment(
        material.frames[material.labelled[batch]], material.labels[batch], asked.rotation_deg,
        material.draws,
    )  # fmt: skip
    edge = torch.tensor([frames.shape[3] - 1, frames.shape[2] - 1])
    inside = ((labels >= 0) & (labels <= edge)).all(dim=2)  # NaN is not inside
    terms = [scoremap_loss(tracker(frames), labels.nan_to_num(0.0), inside)]
    if not graph:
        return terms + [terms[0].new_zeros(())] * 3
    length = min(asked.window, len(material.frames))
    start = int(material.windows.integers(len(material.frames) - length + 1))
    maps = tracker(material.frames[start : start + length])
    positions = soft_argmax(maps, asked.sharpness)
    everywhere = torch.ones(positions.shape[:2], dtype=torch.bool)
    return [
        *terms,
        scoremap_loss(maps, positions, everywhere),
        temporal_loss(positions, asked.temporal_limit_px),
        spatial_loss(positions, material.body, asked.spatial_limit),
    ]


def track(tracker: Tracker, recording: Recording, asked: Settings) -> Tracks:
    """Find all parts in all frames of the video.

    Scoremaps are kept as half precision; positions are read from what is kept, so that a consensus of one is the same.
    """
    tracker.eval()
    positions, likelihood, kept = [], [], []
    with torch.no_grad():
        for frames in torch.split(_scaled(recording.frames), _CHUNK):
            maps = tracker(frames).half()
            positions.append(soft_argmax(maps.float(), asked.sharpness).numpy())
            likelihood.append(torch.sigmoid(maps.float().amax(dim=(2, 3))).numpy())
            kept.append(maps.numpy())
    scoremaps = np.concatenate(kept)
    if not np.isfinite(scoremaps).all():
        raise Refusal("the training diverged: scoremaps are not finite; lower learning_rate")
    return Tracks(np.concatenate(positions), np.concatenate(likelihood), scoremaps)


def _scaled(frames: Array) -> Tensor:
    """Return frames (frames, 1, height, width) from -1, black, to 1, white."""
    return torch.from_numpy(frames)[:, None].float() / 127.5 - 1
