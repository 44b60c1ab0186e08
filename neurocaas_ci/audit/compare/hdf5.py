"""Have HDF5 files compared by a process of their own.

The HDF5 library trusts the bytes that it reads: of a few thousand damaged files one crashes it and
some keep it busy for ever. So a short-lived process with bounds on memory and time reads them, and
what becomes of that process is told as a verdict.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from typing import Any

from neurocaas_ci.audit.compare.content import Content, Context
from neurocaas_ci.audit.compare.formats import hdf5_start
from neurocaas_ci.audit.compare.result import Part, different
from neurocaas_ci.audit.compare.tolerance import Tolerance
from neurocaas_ci.audit.compare.trouble import ImpossibleError, UnreadableError, require

_COMMAND = (sys.executable, "-P", "-m", "neurocaas_ci.audit.compare.hdf5_reader")
_MATLAB = b"MATLAB 7.3 MAT-file"
_MATLAB_TEXT = 116
# Plugins are code that a file asks for by number; threads only cost address space here.
_ENVIRONMENT = {"HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1"}


def compare(expected: Content, actual: Content, context: Context, tolerance: Tolerance) -> Part:
    """Compare two HDF5 files: links, types, shapes, values and attributes.

    Raise UnreadableError when one is damaged, ImpossibleError when a bound is reached or the
    library crashes.
    """
    require("h5py", "numpy")
    if not _same_before(expected, actual):
        return different("has other bytes before the HDF5 part")
    handles = [expected.file.fileno(), actual.file.fileno()]
    asked = {
        "files": handles,
        "tolerance": {
            "rtol": str(tolerance.rtol),
            "atol": str(tolerance.atol),
            "norm": tolerance.norm,
            "bitwise": tolerance.bitwise,
        },
        "limits": asdict(replace(context.limits, unpacked=max(0, context.budget.left))),
    }
    said = _ask(asked, handles, context.limits.seconds)
    context.budget.spend(said["spent"])
    if "unreadable" in said:
        raise UnreadableError(*said["unreadable"])
    if "impossible" in said:
        raise ImpossibleError(said["impossible"])
    return Part(**{**said["part"], "details": tuple(said["part"]["details"])})


def _same_before(expected: Content, actual: Content) -> bool:
    """Compare the block before HDF5; MATLAB begins it with 116 bytes of text that hold a date."""
    blocks = [side.head(hdf5_start(side) or 0) for side in (expected, actual)]
    if all(block.startswith(_MATLAB) for block in blocks):
        blocks = [block[_MATLAB_TEXT:] for block in blocks]
    return blocks[0] == blocks[1]


def _ask(asked: dict[str, Any], handles: list[int], seconds: int) -> dict[str, Any]:
    try:
        done = subprocess.run(
            _COMMAND,
            input=json.dumps(asked).encode(),
            capture_output=True,
            check=False,
            pass_fds=handles,
            timeout=seconds,
            env={**os.environ, **_ENVIRONMENT},
        )
    except subprocess.TimeoutExpired as error:
        raise ImpossibleError(f"reading HDF5 took longer than {seconds} s") from error
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise ImpossibleError(f"the HDF5 library crashed or used up its time ({name})")
    if done.returncode > 0:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise ImpossibleError(f"the process that reads HDF5 failed: {last[:200]}")
    said: dict[str, Any] = json.loads(done.stdout)
    return said
