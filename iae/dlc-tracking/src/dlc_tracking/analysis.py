"""The analysis itself: tracks and settings become a speed and bouts of freezing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlc_tracking import motion
from dlc_tracking.bouts import Bout, bridged, flags_of, long_enough, still
from dlc_tracking.motion import Flags
from dlc_tracking.refusal import Refusal
from dlc_tracking.settings import Settings
from dlc_tracking.tracks import Array, Tracks

_TWO = 2


@dataclass(frozen=True, slots=True)
class Freezing:
    """Everything that is written out.

    `xy` (T, K, 2) are the positions that were used, NaN elsewhere, of the body parts `parts`;
    `length` is the body length in their units, measured between the two parts `axis` (None when it
    was given); `speed` (T,) is in body lengths per second, NaN where the animal was not tracked.
    """

    parts: tuple[str, ...]
    xy: Array
    length: float
    axis: tuple[str, str] | None
    speed: Array
    freezing: Flags
    bouts: tuple[Bout, ...]
    window: int
    unlikely: int
    jumps: int


def analyse(tracks: Tracks, settings: Settings, name: str) -> Freezing:
    """Find the bouts; raise Refusal, naming the dataset, when the tracks cannot show any."""
    rate, frames = settings.frame_rate, len(tracks.xy)
    if frames < settings.minimum_duration * rate:
        raise Refusal(
            f"{name}: {frames} frames at {rate:g} Hz are shorter than minimum_duration "
            f"({settings.minimum_duration:g} s)"
        )
    chosen = _chosen(tracks, settings.body_parts, "body_parts", name)
    sure = motion.confident(tracks.xy, tracks.likelihood, settings.likelihood_threshold)
    for index in chosen:
        if np.isnan(sure[:, index]).all():
            raise Refusal(
                f"{name}: body part {tracks.parts[index]!r} is never as likely as "
                f"likelihood_threshold ({settings.likelihood_threshold:g}); "
                "leave it out of body_parts or lower the threshold"
            )
    clean = motion.without_jumps(sure)
    length, axis = _length(tracks, settings, clean, chosen, name)
    used = clean[:, chosen]
    window = motion.window_frames(settings.smoothing_window, rate)
    speed = motion.pooled(motion.part_speed(used / length, rate, window), settings.pooling)
    if np.isnan(speed).all():
        raise Refusal(
            f"{name}: half of the body parts are never tracked together for {window} frames; "
            "lower likelihood_threshold or choose body_parts that are tracked well"
        )
    frozen = still(speed, settings.speed_threshold, settings.leave_threshold)
    frozen = bridged(frozen, ~np.isnan(speed), rate, settings.merge_gap)
    bouts = long_enough(frozen, rate, settings.minimum_duration)
    return Freezing(
        parts=tuple(tracks.parts[index] for index in chosen),
        xy=used,
        length=length,
        axis=axis,
        speed=speed,
        freezing=flags_of(bouts, frames),
        bouts=tuple(bouts),
        window=window,
        unlikely=_lost(tracks.xy[:, chosen], sure[:, chosen]),
        jumps=_lost(sure[:, chosen], used),
    )


def _chosen(tracks: Tracks, names: tuple[str, ...], parameter: str, dataset: str) -> list[int]:
    for part in names:
        if part not in tracks.parts:
            raise Refusal(
                f"{dataset}: there is no body part {part!r}, which {parameter} names; "
                f"there are: {', '.join(tracks.parts[:20])}"
            )
    return [tracks.parts.index(part) for part in names] or list(range(len(tracks.parts)))


def _length(
    tracks: Tracks, settings: Settings, clean: Array, chosen: list[int], name: str
) -> tuple[float, tuple[str, str] | None]:
    """Return the body length in the units of the tracks, and the parts it was measured between."""
    if settings.body_length is not None:
        return settings.body_length, None
    ends = chosen
    if settings.body_axis:
        ends = _chosen(tracks, settings.body_axis, "body_axis", name)
    if len(ends) < _TWO:
        raise Refusal(f"{name}: a single body part has no length; give body_length or body_axis")
    axis = (0, 1) if settings.body_axis else None
    length, (one, other) = motion.body_length(clean[:, ends], axis)
    pair = (tracks.parts[ends[one]], tracks.parts[ends[other]])
    if not length > 0:
        raise Refusal(
            f"{name}: {pair[0]!r} and {pair[1]!r} are never apart and in sight together, so there "
            "is no body length; give body_length or another body_axis"
        )
    return length, pair


def _lost(before: Array, after: Array) -> int:
    return int(np.sum(np.isnan(after[:, :, 0]) & ~np.isnan(before).any(axis=2)))
