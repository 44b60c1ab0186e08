"""The three stages one after another: registered frames, denoised factors, corrected factors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pmd.decomposition import Decomposition
from pmd.decomposition import analyse as decompose
from pmd.settings import Settings as PmdSettings
from scipy import sparse

from widefield.hemodynamics import Corrected, correct, filtered
from widefield.motion import Shifts, register
from widefield.recording import Array, Recording
from widefield.refusal import Refusal
from widefield.settings import Settings

Progress = Callable[[float, str], None]

_MOTION_ENDS, _PMD_ENDS = 0.3, 0.85


@dataclass(frozen=True, slots=True)
class Result:
    """What every stage found; channel 0 is calcium, channel 1 violet.

    `shifts` (T, 2 channels, 2) in pixels; `mean` (2, H, W) of the registered frames, in the units of
    the recording; `decomposition` of both channels' dF/F, one after the other in time;
    `calcium` and `violet` (K, T) are its courses, filtered; `corrected` has a row for every
    pixel of the frame.
    """

    shifts: Shifts
    mean: Array
    raw: Array
    decomposition: Decomposition
    calcium: Array
    violet: Array
    corrected: Corrected


def check(recording: Recording, settings: Settings) -> None:
    """Raise Refusal for parameters that do not fit the recording."""
    nyquist, frames = recording.frame_rate / 2, len(recording.calcium)
    for name, cut in (
        ("high_pass", settings.high_pass),
        ("violet_low_pass", settings.violet_low_pass),
    ):
        if cut is not None and cut >= nyquist:
            raise Refusal(
                f"{name} is {cut:g} Hz, but {recording.frame_rate:g} frames per second hold "
                f"nothing above {nyquist:g} Hz"
            )
    if settings.high_pass and frames / recording.frame_rate < 1 / settings.high_pass:
        raise Refusal(
            f"{frames} frames last {frames / recording.frame_rate:.3g} s, less than one period of "
            f"high_pass {settings.high_pass:g} Hz; record longer or set it to 0"
        )
    if settings.violet_low_pass is not None and settings.violet_low_pass <= settings.high_pass:
        raise Refusal(
            f"violet_low_pass {settings.violet_low_pass:g} Hz leaves nothing above "
            f"high_pass {settings.high_pass:g} Hz"
        )


def analyse(recording: Recording, settings: Settings, progress: Progress) -> Result:
    """Correct a recording for motion, noise and blood."""
    frames, brain = len(recording.calcium), recording.brain
    shifts = np.empty((frames, 2, 2))
    changes = np.empty((2 * frames, *brain.shape), dtype=np.float32)
    means = np.empty((2, *brain.shape))
    for channel, movie in enumerate((recording.calcium, recording.violet)):
        name = ("calcium", "violet")[channel]

        def moved(share: float, channel: int = channel, name: str = name) -> None:
            progress(_MOTION_ENDS * (channel + share) / 2, f"registering the {name} channel")

        registered, shifts[:, channel] = register(
            movie, settings.max_shift, settings.registration_passes, moved
        )
        means[channel] = registered.mean(axis=0, dtype=np.float64)
        if (means[channel][brain] <= 0).any():
            raise Refusal(
                f"the registered {name} channel is dark inside the atlas; check max_shift"
            )
        base = np.where(brain, means[channel], 1.0)
        changes[channel * frames : (channel + 1) * frames] = np.where(
            brain, registered / base - 1, 0.0
        )
        del registered
    asked = PmdSettings(
        dataset="",
        block_size=settings.block_size,
        smoothing=settings.smoothing,
        false_positive_rate=settings.false_positive_rate,
        max_rank=settings.max_rank,
        seed=settings.seed,
    )
    span = _PMD_ENDS - _MOTION_ENDS
    found = decompose(changes, asked, lambda at, text: progress(_MOTION_ENDS + span * at, text))
    if not len(found.V):
        raise Refusal("PMD found nothing but noise at both wavelengths; record more light")
    progress(_PMD_ENDS, "taking out hemodynamics")
    rate = recording.frame_rate
    calcium = filtered(found.V[:, :frames], rate, settings.high_pass, None)
    violet = filtered(found.V[:, frames:], rate, settings.high_pass, settings.violet_low_pass)
    images = sparse.csr_array(found.U)
    corrected = correct(images, calcium, violet, settings.max_components, settings.kept_power)
    if not corrected.courses.size or not np.any(corrected.images):
        raise Refusal("nothing is left of the calcium channel after the hemodynamic correction")
    return Result(shifts, means, changes[:frames], found, calcium, violet, corrected)
