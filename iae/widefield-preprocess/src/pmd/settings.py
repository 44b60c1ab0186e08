"""Read and check config.yaml: which movie, which parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pmd.refusal import Refusal

_SCHEMA = "neurocaas/config/v1"


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is asked to do; field names are the parameters of the blueprint.

    `block_size` is in pixels; `frame_rate` is frames per second (Hz) and is used where the dataset
    does not state its own.
    """

    dataset: str
    block_size: int = 16
    overlap: bool = True
    smoothing: str = "both"
    false_positive_rate: float = 0.05
    max_rank: int = 16
    max_failures: int = 3
    rounds: int = 3
    seed: int = 0
    frame_rate: float | None = None


def read(inputs: Path) -> Settings:
    """Return the settings in `inputs/config.yaml`; raise Refusal for anything out of bounds."""
    try:
        text = (inputs / "config.yaml").read_text(encoding="utf-8")
        config = json.loads(text)  # it is written in YAML's JSON subset
    except (OSError, ValueError) as error:
        raise Refusal(f"config.yaml cannot be read as JSON: {error}") from error
    if not isinstance(config, dict) or config.get("schema") != _SCHEMA:
        raise Refusal(f"config.yaml does not say schema: {_SCHEMA}")
    dataset = config.get("dataset")
    if not isinstance(dataset, str) or not dataset:
        raise Refusal("config.yaml names no dataset; this analysis needs one")
    parameters = config.get("parameters", {})
    if not isinstance(parameters, dict):
        raise Refusal("config.yaml: parameters must be a mapping of names to values")
    return Settings(dataset=dataset, **_check(parameters))


def _check(parameters: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(parameters) - set(_RULES))
    if unknown:
        raise Refusal(
            f"parameter {unknown[0]!r} does not exist; there are: {', '.join(sorted(_RULES))}"
        )
    return {name: _RULES[name](name, value) for name, value in parameters.items()}


def _integer(low: int, high: int) -> Callable[[str, Any], int]:
    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Refusal(f"{name} must be a whole number from {low} to {high}, not {value!r}")
        return value

    return check


def _number(low: float, high: float, meaning: str) -> Callable[[str, Any], float]:
    def check(name: str, value: Any) -> float:
        sound = isinstance(value, int | float) and not isinstance(value, bool)
        if not sound or not math.isfinite(value) or not low <= value <= high:
            raise Refusal(f"{name} must be {meaning} from {low:g} to {high:g}, not {value!r}")
        return float(value)

    return check


def _rate(name: str, value: Any) -> float | None:
    if value is None:
        return None
    return _number(1e-3, 1e5, "null or frames per second (Hz)")(name, value)


def _choice(*choices: str) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if value not in choices:
            raise Refusal(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    return check


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refusal(f"{name} must be true or false, not {value!r}")
    return value


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "block_size": _integer(4, 64),
    "overlap": _boolean,
    "smoothing": _choice("both", "space", "time", "none"),
    "false_positive_rate": _number(0.001, 0.5, "a fraction (not percent)"),
    "max_rank": _integer(1, 64),
    "max_failures": _integer(1, 10),
    "rounds": _integer(1, 20),
    "seed": _integer(0, 2**31 - 1),
    "frame_rate": _rate,
}
