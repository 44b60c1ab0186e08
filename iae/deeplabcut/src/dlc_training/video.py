"""Look at a video before anything is trained: whether it can be decoded to its end, and what it is like."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from dlc_training.refusal import Refusal

_SIDES = (32, 4096)
_MOST_FRAMES = 2_000_000
_SHOWN = 4
_MISSING = 0.01

Array = np.ndarray[Any, np.dtype[Any]]


class Film(NamedTuple):
    """A video of `frames` frames of `width` x `height` pixels; `shown` are some of them, by number."""

    path: Path
    frames: int
    width: int
    height: int
    rate_hz: float
    shown: dict[int, Array]


def look(path: Path, name: str) -> Film:
    """Decode a video once; raise Refusal, with the video's own `name`, when it cannot be."""
    cv2.setNumThreads(0)
    stream = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not stream.isOpened():
            raise Refusal(f"the video {name} cannot be decoded; is it damaged?")
        said = int(stream.get(cv2.CAP_PROP_FRAME_COUNT))
        rate = float(stream.get(cv2.CAP_PROP_FPS))
        if not 0 < said <= _MOST_FRAMES:
            raise Refusal(f"the video {name} says that it has {said} frames")
        wanted = set(np.linspace(0, said - 1, _SHOWN).round().astype(int).tolist())
        shown: dict[int, Array] = {}
        count = 0
        while True:
            # What is not shown is decoded, but not converted.
            if not stream.grab():
                break
            if count in wanted:
                there, frame = stream.retrieve()
                if not there:
                    break
                shown[count] = frame[..., ::-1].copy()
            count += 1
    except cv2.error as error:
        raise Refusal(f"the video {name} cannot be decoded ({error.err})") from error
    finally:
        stream.release()
    # How many there are is an estimate in some containers.
    if said - count > max(2.0, _MISSING * said) or 0 not in shown:
        raise Refusal(
            f"the video {name} says that it has {said} frames, but {count} can be decoded; "
            "it is damaged, or has to be encoded again"
        )
    height, width = shown[0].shape[:2]
    if not all(_SIDES[0] <= side <= _SIDES[1] for side in (width, height)):
        raise Refusal(
            f"the video {name} has {width} x {height} pixels; sides must be {_SIDES[0]} to {_SIDES[1]}"
        )
    if not 0 < rate < np.inf:
        raise Refusal(f"the video {name} has no frame rate")
    return Film(path, count, width, height, rate, shown)
