"""The tracker: a small network that draws a scoremap for each body part, and where a scoremap says the part is."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 2
"""Pixels of the video along one side of a cell of a scoremap."""
_GROUPS = 4


def _layer(before: int, after: int, stride: int = 1) -> nn.Sequential:
    # GroupNorm, since statistics of a batch of eight frames would tie them together.
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.GroupNorm(_GROUPS, after), nn.ReLU()
    )


class Tracker(nn.Module):
    """An encoder that halves the picture three times and a decoder that doubles it twice, with what was seen on the way."""

    def __init__(self, parts: int, channels: int) -> None:
        super().__init__()
        width = _GROUPS * -(-channels // _GROUPS)
        self.to_halves = _layer(1, width, 2)
        self.to_quarters = _layer(width, 2 * width, 2)
        self.to_eighths = nn.Sequential(_layer(2 * width, 3 * width, 2), _layer(3 * width, 3 * width))
        self.back_to_quarters = _layer(5 * width, 2 * width)
        self.back_to_halves = _layer(3 * width, 2 * width)
        self.scores = nn.Conv2d(2 * width, parts, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Return scoremaps (frames, parts, height / 2, width / 2), logits, of frames (frames, 1, height, width)."""
        half = self.to_halves(frames)
        quarter = self.to_quarters(half)
        deep = self.to_eighths(quarter)
        deep = self.back_to_quarters(torch.cat([_doubled(deep), quarter], dim=1))
        deep = self.back_to_halves(torch.cat([_doubled(deep), half], dim=1))
        scoremaps: Tensor = self.scores(deep)
        return scoremaps


def _doubled(maps: Tensor) -> Tensor:
    return functional.interpolate(maps, scale_factor=2.0, mode="nearest")


def cells(count: int) -> Tensor:
    """Return the places of `count` cells along one side, in pixels of the video."""
    return torch.arange(count, dtype=torch.float32) * STRIDE + (STRIDE - 1) / 2


def soft_argmax(scoremaps: Tensor, sharpness: float) -> Tensor:
    """Return where scoremaps (frames, parts, rows, columns) peak: x and y (frames, parts, 2) in pixels.

    The mean place under the softmax of the scoremap times `sharpness`, which can be differentiated: the mean of q
    in Wu et al. 2020, and `softargmax` in Abe et al. 2021.
    """
    frames, parts, rows, columns = scoremaps.shape
    weights = functional.softmax((scoremaps * sharpness).reshape(frames, parts, -1), dim=2)
    weights = weights.reshape(scoremaps.shape)
    x = (weights.sum(dim=2) * cells(columns)).sum(dim=2)
    y = (weights.sum(dim=3) * cells(rows)).sum(dim=2)
    return torch.stack([x, y], dim=2)


def bumps(positions: Tensor, rows: int, columns: int, width: float) -> Tensor:
    """Return Gaussian targets (frames, parts, rows, columns) with peak 1 at positions (frames, parts, 2); width in pixels."""
    x = cells(columns) - positions[..., 0, None]
    y = cells(rows) - positions[..., 1, None]
    squares = y[..., :, None] ** 2 + x[..., None, :] ** 2
    return torch.exp(-squares / (2 * width**2))
