"""Turn, scale, shift and dim labelled frames, and take their labels along."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

_SCALE, _SHIFT, _LIGHT, _NOISE = 0.15, 0.06, 0.15, 0.02


def augment(frames: Tensor, labels: Tensor, rotation: float, draws: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return frames (frames, 1, height, width) and labels (frames, parts, 2) after one random change each.

    `rotation` is the largest turn in degrees. A part can leave the picture; what is beyond its edge is mirrored.
    """
    count, _, height, width = frames.shape
    angle = _between(count, math.radians(rotation), draws)
    scale = 1 + _between(count, _SCALE, draws)
    sides = torch.tensor([width, height], dtype=torch.float32)
    shift = torch.stack([_between(count, _SHIFT, draws) for _ in range(2)], dim=1) * sides
    light = 1 + _between(count, _LIGHT, draws)
    noise = _NOISE * torch.randn(frames.shape, generator=draws)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    turn = torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1)
    # The new picture at p shows the old one at turn (p - centre) + centre + shift.
    half = (sides - 1) / 2
    relative = torch.cat([turn * half / half[:, None], (shift / half)[..., None]], dim=2)
    grid = functional.affine_grid(relative, list(frames.shape), align_corners=True)
    seen = functional.grid_sample(frames, grid, align_corners=True, padding_mode="reflection")
    inverse = torch.stack([torch.stack([cos, sin], dim=1), torch.stack([-sin, cos], dim=1)], dim=1)
    inverse = inverse / (scale**2)[:, None, None]
    moved = (labels - half - shift[:, None]) @ inverse.transpose(1, 2) + half
    return seen * light[:, None, None, None] + noise, moved


def _between(count: int, most: float, draws: torch.Generator) -> Tensor:
    return (torch.rand(count, generator=draws) * 2 - 1) * most
