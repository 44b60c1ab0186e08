"""Make the table between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

from sweep_table import combinations
from sweep_table.combinations import Table, Value
from sweep_table.refusal import EXIT_CODE, Refusal


def main(inputs: Path, outputs: Path) -> int:
    """Return the exit code: 0, or 65 when the input is refused (the sentence is on stderr)."""
    try:
        _run(inputs, outputs)
    except Refusal as refusal:
        sys.stderr.write(f"error: {refusal}\n")
        return EXIT_CODE
    return 0


def _run(inputs: Path, folder: Path) -> None:
    _progress(0.0, "reading combinations")
    table = combinations.read(inputs)
    _progress(0.3, f"{len(table.points)} combinations")
    _write(folder, table)
    _progress(0.5, "drawing")
    # Imported late: a refused input must not wait for the drawing library.
    from sweep_table.figure import draw

    draw(folder / "figure.png", table)
    _progress(1.0, "done")


def _write(folder: Path, table: Table) -> None:
    with (folder / "table.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["combination", *table.swept, *table.metrics])
        rows = zip(table.points, table.values, strict=True)
        for number, (point, values) in enumerate(rows, start=1):
            writer.writerow([number, *map(_cell, (*point, *values))])
    metrics = {
        "combinations": len(table.points),
        "swept": list(table.swept),
        "rows": [
            {
                "combination": number,
                "parameters": dict(zip(table.swept, point, strict=True)),
                "metrics": dict(zip(table.metrics, values, strict=True)),
            }
            for number, (point, values) in enumerate(
                zip(table.points, table.values, strict=True), start=1
            )
        ],
    }
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")


def _cell(value: Value) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
