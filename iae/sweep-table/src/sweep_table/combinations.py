"""Read what every combination of a sweep left, and line it up; say in one sentence why it cannot be."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sweep_table.refusal import Refusal

_SCHEMA = "neurocaas/config/v1"
_PARAMETERS = "parameters"

Value = str | int | float | bool | None


class Table(NamedTuple):
    """Rows of combinations, in their order: the values of `swept` parameters, and `metrics`.

    A metric is a single value of metrics.json; nested ones are named with dots. What a combination
    does not report is None.
    """

    swept: tuple[str, ...]
    metrics: tuple[str, ...]
    points: tuple[tuple[Value, ...], ...]
    values: tuple[tuple[Value, ...], ...]


def read(inputs: Path) -> Table:
    """Return the table of `inputs/combinations/<n>/metrics.json`; raise Refusal when there is none."""
    swept = _swept(inputs / "config.yaml")
    folders = _folders(inputs / "combinations")
    points: list[tuple[Value, ...]] = []
    found: list[dict[str, Value]] = []
    for folder in folders:
        metrics = _metrics(folder)
        parameters = metrics.pop(_PARAMETERS, None)
        if not isinstance(parameters, dict):
            raise Refusal(
                f"combination {folder.name}: its metrics.json does not say with which parameters it "
                "was computed"
            )
        missing = [name for name in swept if name not in parameters]
        if missing:
            raise Refusal(f"combination {folder.name}: its metrics.json does not tell {missing[0]}")
        points.append(tuple(_plain(parameters[name]) for name in swept))
        found.append(dict(_flat(metrics, "")))
    if len(set(map(repr, points))) < len(points):
        raise Refusal("two combinations say that they were computed with the same parameters")
    names = tuple(dict.fromkeys(name for row in found for name in row))
    values = tuple(tuple(row.get(name) for name in names) for row in found)
    return Table(swept, names, tuple(points), values)


def _swept(path: Path) -> tuple[str, ...]:
    """Return the names of the swept parameters, by step and alphabet."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal(f"config.yaml cannot be read as JSON: {error}") from error
    if not isinstance(config, dict) or config.get("schema") != _SCHEMA:
        raise Refusal(f"config.yaml does not say schema: {_SCHEMA}")
    parameters = config.get(_PARAMETERS)
    sweep = parameters.get("sweep", {}) if isinstance(parameters, dict) else None
    if not isinstance(sweep, dict) or not all(isinstance(axes, dict) for axes in sweep.values()):
        raise Refusal("config.yaml: parameters.sweep must be a mapping of steps to parameters")
    return tuple(name for _, axes in sorted(sweep.items()) for name in sorted(axes))


def _folders(parent: Path) -> list[Path]:
    folders = [path for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []
    strange = [path.name for path in folders if not path.name.isdecimal()]
    if strange:
        raise Refusal(f"combinations/{strange[0]} is no number of a combination")
    numbers = sorted(int(path.name) for path in folders)
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise Refusal(f"combinations must be numbered from 1 without gaps, not {numbers[:20]}")
    return sorted(folders, key=lambda path: int(path.name))


def _metrics(folder: Path) -> dict[str, Any]:
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal(f"combination {folder.name}: no readable metrics.json ({error})") from error
    if not isinstance(metrics, dict):
        raise Refusal(f"combination {folder.name}: metrics.json is no mapping of names to values")
    return metrics


def _flat(metrics: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Value]]:
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif not isinstance(value, list):  # a list has no one place in a row
            yield f"{prefix}{name}", _plain(value)


def _plain(value: Any) -> Value:
    if isinstance(value, float) and not math.isfinite(value):
        raise Refusal(f"metrics.json holds {value}, which is no number")
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return json.dumps(value, sort_keys=True)
