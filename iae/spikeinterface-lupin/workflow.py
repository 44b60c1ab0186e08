"""Entry point of the analysis: /inputs in, /outputs out."""

from __future__ import annotations

import sys
from pathlib import Path

# The interpreter is started isolated (-I), so the folder of the sources is named here.
sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from lupin_sorting.app import main

if __name__ == "__main__":
    sys.exit(main(Path("/inputs"), Path("/outputs")))
