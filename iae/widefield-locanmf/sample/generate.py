"""Make the sample: what the first half of the chain leaves of its own sample.

    python generate.py

runs the sources of iae/widefield-preprocess on their sample (seeded, see its generate.py) and copies what the
second half reads to steps/preprocess, and of the truth what it should find. Needs numpy, scipy
and matplotlib.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

_HERE = Path(__file__).resolve().parent
_EARLIER = _HERE.parents[1] / "widefield-preprocess"


def main() -> None:
    """Write the files beside this script."""
    sys.path.insert(0, str(_EARLIER / "src"))
    from widefield.app import main as preprocess

    target = _HERE / "steps" / "preprocess"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if preprocess(_EARLIER / "sample", Path(folder)) != 0:
            sys.exit("the first half of the chain failed")
        found = np.load(Path(folder) / "corrected.npz")
        np.savez_compressed(target / "corrected.npz", **found)
        shutil.copy(Path(folder) / "metrics.json", target)
    truth = np.load(_EARLIER / "sample" / "truth.npz")
    np.savez_compressed(_HERE / "truth.npz", courses=truth["courses"], regions=truth["regions"])


if __name__ == "__main__":
    main()
