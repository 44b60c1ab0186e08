"""Make the sample: what six combinations of a made-up analysis would leave.

    python generate.py

writes combinations/<n>/metrics.json. Needs nothing but Python; the same bytes every time.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

_SIZES, _THRESHOLDS = (8, 16), (0.7, 0.8, 0.9)


def main() -> None:
    """Write the files beside this script."""
    here = Path(__file__).resolve().parent
    for number, (size, threshold) in enumerate(itertools.product(_SIZES, _THRESHOLDS), start=1):
        components = 40 - size + round(20 * threshold)
        metrics = {
            "parameters": {"rounds": 3, "size": size, "threshold": threshold},
            "components": components,
            "r2": round(1 - 1 / components - 0.02 * threshold, 6),
            "converged": threshold < 0.85,
            "first": {"frames": 500, "rank_mean": size / 4},
            "by_region": [components // 2, components - components // 2],
        }
        folder = here / "combinations" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")


if __name__ == "__main__":
    main()
