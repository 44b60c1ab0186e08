"""Draw the table: one row per metric that differs, one column per combination, dark where it is high."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sweep_table.combinations import Table, Value

_INK, _SOFT = "#22262b", "#8a929c"
_MOST_ROWS, _MOST_COLUMNS = 16, 24
_DARK = 0.55
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def draw(path: Path, table: Table) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    columns = min(len(table.points), _MOST_COLUMNS)
    rows = _differing(table)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        over = " x ".join(table.swept) or "nothing"
        figure.text(0.03, 0.945, f"{len(table.points)} combinations of {over}", fontsize=18,
                    fontweight="bold")  # fmt: skip
        shown = "" if columns == len(table.points) else f"; the first {columns} are shown"
        figure.text(0.03, 0.91, "Metrics that differ between combinations, each row from its lowest "
                    f"(white) to its highest (blue){shown}. All of them are in table.csv.",
                    fontsize=12, color=_SOFT)  # fmt: skip
        if rows:
            axes = figure.add_axes((0.25, 0.05, 0.72, 0.68))
            _cells(axes, table, rows[:_MOST_ROWS], columns)
        else:
            figure.text(0.03, 0.5, "No metric differs.", fontsize=14, color=_SOFT)
        figure.savefig(path, metadata={"Software": None})


def _differing(table: Table) -> list[int]:
    """Return which metrics are numbers (or yes and no) and not the same everywhere."""
    found = []
    for at in range(len(table.metrics)):
        column = [values[at] for values in table.values]
        numbers = all(isinstance(value, int | float) for value in column)
        if numbers and len(set(column)) > 1:
            found.append(at)
    return found


def _cells(axes: Axes, table: Table, rows: list[int], columns: int) -> None:
    for height, at in enumerate(rows):
        values = [row[at] for row in table.values[:columns]]
        numbers = np.array(values, dtype=float)
        low, span = numbers.min(), float(np.ptp(numbers)) or 1.0
        for column, (value, number) in enumerate(zip(values, numbers, strict=True)):
            share = float((number - low) / span)
            colour = mpl.colormaps["Blues"](0.85 * share)
            axes.fill_between((column, column + 1), height, height + 1, color=colour, linewidth=0)
            ink = "white" if share > _DARK else _INK
            axes.text(column + 0.5, height + 0.5, _text(value), ha="center", va="center",
                      color=ink, fontsize=10)  # fmt: skip
    axes.set_xlim(0, columns)
    axes.set_ylim(len(rows), 0)
    axes.set_yticks(np.arange(len(rows)) + 0.5, [_name(table.metrics[at]) for at in rows])
    labels = [
        "\n".join([*map(_text, point), f"#{number}"])
        for number, point in enumerate(table.points[:columns], start=1)
    ]
    axes.set_xticks(np.arange(columns) + 0.5, labels, fontsize=10.5)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    if table.swept:
        names = "\n".join([*table.swept, "combination"])
        axes.annotate(names, (0, 1), xytext=(-9, 4), xycoords="axes fraction", color=_SOFT,
                      textcoords="offset points", ha="right", va="bottom", fontsize=10.5)  # fmt: skip


def _name(metric: str) -> str:
    return metric.replace("_", " ").replace(".", ": ")


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
