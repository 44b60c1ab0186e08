"""From a speed to bouts: two thresholds, gaps bridged, short ones dropped; I/O is not handled here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlc_tracking.motion import Flags
from dlc_tracking.tracks import Array

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Bout:
    """Frames `first` to `last`, both included."""

    first: int
    last: int

    @property
    def frames(self) -> int:
        """Return the number of frames."""
        return self.last - self.first + 1

    def seconds(self, rate: float) -> tuple[float, float]:
        """Return onset and offset: frame t is the time from t / rate to (t + 1) / rate."""
        return self.first / rate, (self.last + 1) / rate


def runs(flags: Flags) -> list[Bout]:
    """Return the longest stretches of frames that are all set, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [Bout(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def flags_of(bouts: list[Bout], frames: int) -> Flags:
    """Return which of `frames` frames belong to a bout."""
    flags = np.zeros(frames, dtype=bool)
    for bout in bouts:
        flags[bout.first : bout.last + 1] = True
    return flags


def still(speed: Array, enter: float, leave: float) -> Flags:
    """Return the frames (T,) that are still, by hysteresis with two thresholds.

    A stretch of frames below `leave` counts when at least one of them is below `enter`
    (`enter <= leave`). Frames of unknown speed (NaN) are never still and part two stretches.
    """
    slow: Flags = speed < leave
    starts = np.concatenate(([0], np.cumsum(speed < enter)))
    return flags_of([r for r in runs(slow) if starts[r.last + 1] > starts[r.first]], len(speed))


def bridged(flags: Flags, known: Flags, rate: float, longest: float) -> Flags:
    """Return `flags` with gaps between two bouts set that last `longest` seconds or less.

    A gap with a frame of which nothing is known is not bridged: nobody saw the animal there.
    """
    result = flags.copy()
    for gap in runs(~flags):
        inside = gap.first > 0 and gap.last < len(flags) - 1
        if inside and _lasts_at_most(gap, rate, longest) and known[gap.first : gap.last + 1].all():
            result[gap.first : gap.last + 1] = True
    return result


def long_enough(flags: Flags, rate: float, shortest: float) -> list[Bout]:
    """Return the bouts that last `shortest` seconds or more."""
    return [bout for bout in runs(flags) if bout.frames >= shortest * rate - _ROUNDING]


def _lasts_at_most(gap: Bout, rate: float, longest: float) -> bool:
    return gap.frames <= longest * rate + _ROUNDING
