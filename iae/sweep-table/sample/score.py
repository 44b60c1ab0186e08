"""Hold the table of the sample against the metrics that it was made of.

    python score.py OUTPUTS

prints what was compared as JSON; exit code 1 and the cells that differ when there are any.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def score(outputs: Path) -> tuple[dict[str, int], list[str]]:
    """Return how many cells were compared, and a sentence for every one that differs."""
    expected = json.loads((_HERE / "expected.json").read_text())
    with (outputs / "table.csv").open(newline="") as stream:
        reader = csv.DictReader(stream)
        rows, columns = list(reader), reader.fieldnames
    missed = []
    if columns != expected["columns"] or len(rows) != expected["rows"]:
        missed.append(f"the table has {len(rows)} rows of {columns}")
    cells = 0
    for number, row in enumerate(rows, start=1):
        path = _HERE / "combinations" / str(number) / "metrics.json"
        metrics = json.loads(path.read_text())
        flat = {**metrics["parameters"], **metrics, "combination": number}
        flat.update({f"first.{key}": value for key, value in metrics["first"].items()})
        for column, text in row.items():
            cells += 1
            if json.loads(text) != flat[column]:
                missed.append(f"row {number}, {column} is {text}, not {flat[column]}")
    return {"rows": len(rows), "cells": cells}, missed


if __name__ == "__main__":
    _scores, _missed = score(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(_scores, indent=2) + "\n")
    sys.stderr.writelines(f"missed: {line}\n" for line in _missed)
    sys.exit(1 if _missed else 0)
