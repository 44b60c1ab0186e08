"""The terms of Deep Graph Pose for frames that nobody labelled: what time and the body forbid.

Wu et al. 2020, section 2: a graph over the positions of all parts in all frames, whose potentials are the scoremaps, the
steps between frames and the limbs. The posterior of hidden positions is a Gaussian around the soft argmax of
the scoremap, by the same network (structured variational inference); its width is fixed, so its entropy is a constant
and left out.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from deepgraphpose.network import bumps

BUMP_PX = 2.6
"""Standard deviation of the Gaussian that a scoremap should show, in pixels."""
_POSITIVE = 20.0
_LEAST = 1e-6  # px^2: the root has no slope at 0


class Limbs(NamedTuple):
    """Edges of the skeleton (edges, 2), and mean and longest length of each in the labels, in pixels."""

    edges: Tensor
    mean: Tensor
    longest: Tensor


def limbs(skeleton: Tensor, labels: Tensor) -> Limbs:
    """Measure the edges that are marked as a whole in at least one labelled frame; others constrain nothing."""
    lengths = (labels[:, skeleton[:, 0]] - labels[:, skeleton[:, 1]]).norm(dim=2)
    known = ~lengths.isnan()
    count = known.sum(dim=0)
    filled = lengths.nan_to_num(0.0)
    keep = (count > 0) & (filled.amax(dim=0) > 0)
    mean = filled.sum(dim=0)[keep] / count[keep]
    return Limbs(skeleton[keep], mean, filled.amax(dim=0)[keep])


def scoremap_loss(scoremaps: Tensor, positions: Tensor, which: Tensor) -> Tensor:
    """Return the sigmoid cross-entropy between scoremaps and Gaussians at positions, averaged where `which` (frames, parts).

    The bump covers few cells, so cells count by up to 20 times more the nearer they are to its peak.
    """
    target = bumps(positions, scoremaps.shape[2], scoremaps.shape[3], BUMP_PX)
    weight = torch.tensor(_POSITIVE)
    each = functional.binary_cross_entropy_with_logits(
        scoremaps, target, reduction="none", pos_weight=weight
    )
    chosen = which.to(each.dtype)
    return _POSITIVE * (each.mean(dim=(2, 3)) * chosen).sum() / chosen.sum().clamp(min=1)


def temporal_loss(positions: Tensor, limit: float) -> Tensor:
    """Return by how much steps of positions (frames, parts, 2) from frame to frame exceed `limit` pixels, on average."""
    return functional.relu(_length(positions[1:] - positions[:-1]) - limit).mean()


def spatial_loss(positions: Tensor, body: Limbs, limit: float) -> Tensor:
    """Return by how much limbs exceed `limit` times the longest that was labelled, in mean lengths, on average."""
    if not len(body.edges):
        return positions.new_zeros(())
    length = _length(positions[:, body.edges[:, 0]] - positions[:, body.edges[:, 1]])
    return (functional.relu(length - limit * body.longest) / body.mean).mean()


def _length(differences: Tensor) -> Tensor:
    return (differences.square().sum(dim=2) + _LEAST).sqrt()
