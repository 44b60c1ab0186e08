#!/usr/bin/env python3
"""Take real recordings from the nitime package and write them as datasets.

    nitime_datasets.py FOLDER [--cache FOLDER]

The recordings were made by others and are published in the wheel `nitime==0.12.1` (BSD licence),
which pip downloads with its own configuration and checks against the digest below. Nothing of it is
imported or run: the data files are read from the wheel as from any zip file. The datasets are the
same bytes on every machine; their sha256, size and path are printed.

resting-state-left.csv    BOLD of 14 regions of the left hemisphere at rest, 250 samples, 1.89 s each
resting-state-right.csv   the same regions of the right hemisphere in the same scan
event-related-fmri.csv    BOLD near area MT while motion was seen, 3360 samples, 2 s each
grasshopper-receptor.csv  sound level and spikes of an auditory receptor, 2000 bins of 1 ms
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import math
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

_REQUIREMENT = "nitime==0.12.1"
# One wheel serves every CPython from 3.11 on (abi3); the platform is named so that any machine
# that runs pip gets these bytes, whether or not it could import them.
_WHEEL_SHA256 = "19442111829b94fa9aa9849bdfb6aa92bc5467ba74194b18450728e432086882"
_TARGET = ("--only-binary=:all:", "--python-version=3.11", "--platform=manylinux_2_28_x86_64")
_TIMEOUT_SECONDS = 600

# Sampling intervals as the authors give them in nitime's documentation: resting_state_fmri.py
# (TR = 1.89 s) and event_related_fmri.py (TR = 2 s).
_RESTING_INTERVAL = 1.89
_EVENT_INTERVAL = 2.0
# Columns of fmri_timeseries.csv: white matter, ventricles, whole brain, then 14 regions for each
# hemisphere in the same order (the left anterior parahippocampal gyrus lacks its L).
_LEFT, _RIGHT, _COLUMNS = slice(3, 17), slice(17, 31), 31

_BIN_US = 1_000
_STEP_US = 50
_KEPT_US = 2_000_000
_REFERENCE_PASCAL = 2.0e-5


class _Failure(Exception):  # noqa: N818 - the reason why the script stops, as one sentence
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the datasets and print one line for each; return the exit code."""
    parser = argparse.ArgumentParser(description="Write real recordings as datasets.")
    parser.add_argument("folder", type=Path, help="where the datasets are written")
    parser.add_argument("--cache", type=Path, help="where the wheel is kept (default: FOLDER)")
    chosen = parser.parse_args(arguments)
    try:
        chosen.folder.mkdir(parents=True, exist_ok=True)
        wheel = fetch(chosen.cache or chosen.folder)
        for name, text in datasets(wheel).items():
            data = text.encode("ascii")
            _replace(chosen.folder / name, data)
            digest = hashlib.sha256(data).hexdigest()
            sys.stdout.write(f"{digest}  {len(data)}  {chosen.folder / name}\n")
    except (_Failure, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def fetch(cache: Path) -> Path:
    """Return the verified wheel, downloaded once; raise _Failure when pip cannot get it."""
    cache.mkdir(parents=True, exist_ok=True)
    kept = cache / f"nitime-{_WHEEL_SHA256}.whl"
    if kept.is_file() and hashlib.sha256(kept.read_bytes()).hexdigest() == _WHEEL_SHA256:
        return kept
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        pinned = Path(folder) / "requirements.txt"
        pinned.write_text(f"{_REQUIREMENT} --hash=sha256:{_WHEEL_SHA256}\n", encoding="ascii")
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--require-hashes", *_TARGET, "--dest", folder),
            *("--requirement", str(pinned)),
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise _Failure(f"pip did not finish within {_TIMEOUT_SECONDS} s") from error
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            reason = done.stderr.strip().splitlines()[-1:] or ["it gave no reason"]
            raise _Failure(f"pip could not download {_REQUIREMENT}: {reason[0]}")
        if hashlib.sha256(wheels[0].read_bytes()).hexdigest() != _WHEEL_SHA256:
            raise _Failure(f"{wheels[0].name} does not have the expected digest")
        wheels[0].replace(kept)
    return kept


def datasets(wheel: Path) -> dict[str, str]:
    """Return file name and content of every dataset; raise _Failure for another wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            return {
                "resting-state-left.csv": _resting(_member(archive, "fmri_timeseries.csv"), _LEFT),
                "resting-state-right.csv": _resting(
                    _member(archive, "fmri_timeseries.csv"), _RIGHT
                ),
                "event-related-fmri.csv": _event_related(
                    _member(archive, "event_related_fmri.csv")
                ),
                "grasshopper-receptor.csv": _grasshopper(
                    _member(archive, "grasshopper_stimulus1.txt"),
                    _member(archive, "grasshopper_spike_times1.txt"),
                ),
            }
    except (KeyError, zipfile.BadZipFile, ValueError, IndexError) as error:
        raise _Failure(f"{wheel.name} does not hold the recordings: {error}") from error


def _member(archive: zipfile.ZipFile, name: str) -> str:
    return archive.read(f"nitime/data/{name}").decode("ascii")


def _resting(text: str, regions: slice) -> str:
    """Keep the regions of one hemisphere; numbers are copied as they are written."""
    header, *rows = csv.reader(io.StringIO(text))
    if len(header) != _COLUMNS:
        raise ValueError(f"{len(header)} columns of fMRI, expected {_COLUMNS}")
    return _csv(1 / _RESTING_INTERVAL, "BOLD (a.u.)", header[regions], (r[regions] for r in rows))


def _event_related(text: str) -> str:
    """Keep the BOLD signal; the second column marks the trials and is not a measurement."""
    _, *rows = csv.reader(io.StringIO(text))
    return _csv(1 / _EVENT_INTERVAL, "BOLD (%)", ["MT"], ([row[0]] for row in rows))


def _grasshopper(stimulus: str, spikes: str) -> str:
    """Bin sound envelope (root mean square, dB SPL) and spikes (counts) by 1 ms for 2 s.

    The stimulus is Gaussian noise up to 200 Hz, given every 50 us as sound pressure (Pa); spike
    times are in us (header of the spike times; grasshopper.py in nitime's documentation). A bin of
    1 ms resolves the envelope and holds one spike at most.
    """
    bins, samples = _KEPT_US // _BIN_US, _BIN_US // _STEP_US
    pressure = [float(line.split()[1]) for line in _data_lines(stimulus)]
    if len(pressure) < bins * samples:
        raise ValueError(f"{len(pressure)} stimulus samples, expected {bins * samples}")
    counts = [0] * bins
    for line in _data_lines(spikes):
        time = int(float(line))
        if time < _KEPT_US:
            counts[time // _BIN_US] += 1
    rows = []
    for index, count in enumerate(counts):
        part = pressure[index * samples : (index + 1) * samples]
        power = math.fsum(value * value for value in part) / samples
        level = 10 * math.log10(power / _REFERENCE_PASCAL**2)
        rows.append([f"{level:.4f}", str(count)])
    return _csv(1e6 / _BIN_US, "", ["sound level [dB]", "spikes [per ms]"], rows)


def _data_lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _csv(rate: float, units: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return comma-separated text with the sampling rate (Hz) and the units in comments."""
    notes = [f"# sampling_rate: {rate:.9g}", *([f"# units: {units}"] if units else [])]
    return "\n".join([*notes, ",".join(header), *(",".join(row) for row in rows)]) + "\n"


def _replace(path: Path, data: bytes) -> None:
    """Write a file so that a reader never sees half of it."""
    hidden = path.with_name(f".{path.name}.new")
    hidden.write_bytes(data)
    hidden.replace(path)


if __name__ == "__main__":
    sys.exit(main())
