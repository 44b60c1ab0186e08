"""Prove that an environment with upstream CaImAn works: its compiled part deconvolves a known trace.

This is no analysis yet: it reads nothing, writes check.json, and fails when the package does not do
what its papers say (OASIS, Friedrich et al. 2017).
"""

import json
import sys

import caiman
import numpy as np
from caiman.source_extraction.cnmf.oasis import constrained_oasisAR1

_FRAMES, _DECAY, _NOISE, _RATE = 2000, 0.95, 0.2, 0.02
_LEAST = 0.9


def main() -> int:
    """Return 0 when the deconvolved trace correlates with the true one, else 1."""
    rng = np.random.default_rng(1)
    spikes = (rng.random(_FRAMES) < _RATE).astype(float)
    calcium = np.zeros(_FRAMES)
    for frame in range(_FRAMES):
        before = calcium[frame - 1] if frame else 0.0
        calcium[frame] = _DECAY * before + spikes[frame]
    trace = (calcium + _NOISE * rng.standard_normal(_FRAMES)).astype(np.float32)
    found = constrained_oasisAR1(trace, np.float32(_DECAY), np.float32(_NOISE))[0]
    correlation = float(np.corrcoef(found, calcium)[0, 1])
    with open("/outputs/check.json", "w", encoding="utf-8") as file:
        json.dump({"caiman": caiman.__version__, "correlation": correlation}, file)
    print(f"caiman {caiman.__version__}: correlation with the true trace {correlation:.3f}")
    return 0 if correlation >= _LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
