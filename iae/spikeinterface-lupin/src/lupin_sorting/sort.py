"""Run Lupin on a recording: the one module that needs SpikeInterface."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import spikeinterface.core as si
from probeinterface import Probe
from spikeinterface.sorters.internal.lupin import LupinSorter
from spikeinterface.sorters.utils import SpikeSortingError

from lupin_sorting.recording import Array, Recording
from lupin_sorting.refusal import Refusal
from lupin_sorting.seeds import seeded
from lupin_sorting.settings import Settings
from lupin_sorting.units import standing_out

_CONTACT_UM = 5.0
_LEVELS = 5.0  # upstream looks for the first spikes at this threshold, whatever is asked for
_FEW = 100


class Spikes(NamedTuple):
    """Spikes in the order of time: samples (N,), units (N,) from 0 to `count` - 1."""

    samples: Array
    units: Array
    count: int


class _Lupin(LupinSorter):  # type: ignore[misc]
    """Lupin without torch.

    Only the check before a run asks for it: of all steps template matching alone can use it, and
    takes numpy where it is not installed.
    """

    @classmethod
    def is_installed(cls) -> bool:
        return True


def sort(recording: Recording, asked: Settings, scratch: Path | None = None) -> Spikes:
    """Return the spikes of a recording; units are numbered in the order in which Lupin gives them."""
    # One process: results must not depend on how many there are.
    si.set_global_job_kwargs(n_jobs=1, progress_bar=False)
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        plain = si.NumpyRecording([recording.traces], recording.rate)
        probe = Probe(ndim=2)
        probe.set_contacts(
            recording.locations, shapes="circle", shape_params={"radius": _CONTACT_UM}
        )
        probe.set_device_channel_indices(np.arange(len(recording.locations)))
        plain.set_probe(probe)
        plain.set_channel_gains(recording.gain)
        plain.set_channel_offsets(0.0)
        saved = plain.save(folder=folder / "recording")
        output = _Lupin.initialize_folder(saved, folder / "lupin", False, True)
        _Lupin.set_params_to_folder(saved, output, _parameters(asked), False)
        _Lupin.setup_recording(saved, output, verbose=False)
        try:
            with seeded(asked.seed):
                _Lupin.run_from_folder(output, True, False)
        except SpikeSortingError as error:
            _refuse_silence(recording, asked, error)
            raise
        sorting = _Lupin.get_result_from_folder(output)
        vector = sorting.to_spike_vector()
        samples, units = (
            vector["sample_index"].astype(np.int64),
            vector["unit_index"].astype(np.int64),
        )
    order = np.lexsort((units, samples))
    return Spikes(samples[order], units[order], len(sorting.unit_ids))


def _refuse_silence(recording: Recording, asked: Settings, error: Exception) -> None:
    """Raise Refusal where upstream failed because there is hardly a spike to be found."""
    levels = max(asked.detect_threshold, _LEVELS)
    count = standing_out(recording, (asked.freq_min, asked.freq_max), levels)
    if count < _FEW:
        raise Refusal(
            f"{Path(asked.dataset).name}: {count} peaks of at least {levels:g} noise levels on all "
            "channels together are too few to find units among"
        ) from error


def _parameters(asked: Settings) -> dict[str, object]:
    """Return the parameters of Lupin; whatever is not named keeps its own default."""
    return {
        "freq_min": asked.freq_min,
        "freq_max": asked.freq_max,
        "detect_threshold": asked.detect_threshold,
        "peak_sign": asked.peak_sign,
        "min_firing_rate": asked.min_firing_rate,
        "whitening_radius_um": asked.whitening_radius_um,
        "template_radius_um": asked.template_radius_um,
        "seed": asked.seed,
        # "auto" asks how much memory is free, and results must not depend on that.
        "cache_preprocessing_mode": "folder",
        "save_array": False,
    }
