"""Write the results: tables for programs, numbers for people."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dlc_tracking.analysis import Freezing
from dlc_tracking.motion import median
from dlc_tracking.settings import Settings
from dlc_tracking.tracks import Array

_DIGITS = 6
_MINUTE = 60.0


def write(folder: Path, settings: Settings, result: Freezing) -> Mapping[str, Any]:
    """Write bouts.csv, frames.csv and metrics.json; return the metrics.

    Speeds of unknown frames are empty cells.
    """
    rate = settings.frame_rate
    lines = [
        "bout,onset_s,offset_s,duration_s,first_frame,last_frame,mean_speed_body_lengths_per_s\n"
    ]
    for number, bout in enumerate(result.bouts, 1):
        onset, offset = bout.seconds(rate)
        lines.append(
            f"{number},{onset:.6f},{offset:.6f},{bout.frames / rate:.6f},{bout.first},{bout.last},"
            f"{_text(_mean(result.speed[bout.first : bout.last + 1]))}\n"
        )
    (folder / "bouts.csv").write_text("".join(lines), encoding="ascii")
    lines = ["frame,time_s,speed_body_lengths_per_s,tracked,freezing\n"]
    for frame, (speed, frozen) in enumerate(zip(result.speed, result.freezing, strict=True)):
        known = not math.isnan(speed)
        lines.append(f"{frame},{frame / rate:.6f},{_text(speed)},{int(known)},{int(frozen)}\n")
    (folder / "frames.csv").write_text("".join(lines), encoding="ascii")
    metrics = _metrics(settings, result)
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return metrics


def _metrics(settings: Settings, result: Freezing) -> dict[str, Any]:
    rate, frames = settings.frame_rate, len(result.speed)
    known = ~np.isnan(result.speed)
    durations = np.array([bout.frames / rate for bout in result.bouts])
    return {
        "frames": frames,
        "frame_rate_hz": rate,
        "duration_s": _rounded(frames / rate),
        "body_parts": list(result.parts),
        "body_length": _rounded(result.length),
        "body_axis": list(result.axis) if result.axis else None,
        "smoothing_frames": result.window,
        "enter_below_body_lengths_per_s": settings.speed_threshold,
        "leave_above_body_lengths_per_s": _rounded(settings.leave_threshold),
        "positions_below_likelihood": result.unlikely,
        "positions_that_jumped": result.jumps,
        "tracked_fraction": _rounded(known.mean()),
        "freezing": {
            "bouts": len(result.bouts),
            "total_s": _rounded(durations.sum()),
            "fraction_of_tracked": _rounded(result.freezing.sum() / known.sum()),
            "bouts_per_minute": _rounded(len(result.bouts) / (frames / rate / _MINUTE)),
            "latency_s": _rounded(result.bouts[0].first / rate) if result.bouts else None,
            "mean_duration_s": _rounded(durations.mean()) if result.bouts else None,
            "median_duration_s": _rounded(np.median(durations)) if result.bouts else None,
            "longest_s": _rounded(durations.max()) if result.bouts else None,
        },
        "median_speed_body_lengths_per_s": {
            "freezing": _median(result.speed[result.freezing]),
            "moving": _median(result.speed[known & ~result.freezing]),
        },
        "per_minute": _per_minute(result, rate),
    }


def _per_minute(result: Freezing, rate: float) -> list[dict[str, float | None]]:
    """Return the share of the tracked frames that is freezing, minute by minute."""
    minute = np.floor(np.arange(len(result.speed)) / rate / _MINUTE).astype(int)
    known = np.bincount(minute, weights=~np.isnan(result.speed))
    frozen = np.bincount(minute, weights=result.freezing)
    return [
        {"minute": index, "freezing_fraction": _rounded(part / whole) if whole else None}
        for index, (part, whole) in enumerate(zip(frozen, known, strict=True))
    ]


def _mean(speed: Array) -> float:
    known = speed[~np.isnan(speed)]
    return float(known.mean()) if len(known) else math.nan


def _median(speed: Array) -> float | None:
    return _rounded(float(median(speed))) if len(speed) else None


def _text(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.{_DIGITS}g}"


def _rounded(value: float) -> float:
    """Keep the digits that do not depend on the processor, so that equal results read equal."""
    return float(f"{value:.{_DIGITS}g}")
