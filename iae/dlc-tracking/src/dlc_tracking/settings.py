"""Read and check config.yaml: which dataset and which parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlc_tracking.refusal import Refusal

_SCHEMA = "neurocaas/config/v1"
_MOST_PARTS = 200
_AXIS = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is asked to do; field names are the parameters of the blueprint.

    `frame_rate` is frames per second (Hz); `speed_threshold` is body lengths per second, and
    `hysteresis` times it has to be exceeded to leave a bout; `minimum_duration`, `merge_gap` and
    `smoothing_window` are seconds; `body_length` is in the units of the tracks (pixels).
    """

    dataset: str
    frame_rate: float
    likelihood_threshold: float = 0.6
    speed_threshold: float = 0.1
    hysteresis: float = 2.0
    minimum_duration: float = 1.0
    merge_gap: float = 0.2
    smoothing_window: float = 0.3
    pooling: str = "median"
    body_parts: tuple[str, ...] = ()
    body_axis: tuple[str, ...] = ()
    body_length: float | None = None

    @property
    def leave_threshold(self) -> float:
        """Return the speed that ends a bout, in body lengths per second."""
        return self.speed_threshold * self.hysteresis


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
    if "frame_rate" not in parameters:
        raise Refusal("frame_rate is missing: the tracks do not say how many frames a second has")
    return {name: _RULES[name](name, value) for name, value in parameters.items()}


def _number(low: float, high: float, meaning: str) -> Callable[[str, Any], float]:
    def check(name: str, value: Any) -> float:
        sound = isinstance(value, int | float) and not isinstance(value, bool)
        if not sound or not math.isfinite(value) or not low <= value <= high:
            raise Refusal(f"{name} must be {meaning} from {low:g} to {high:g}, not {value!r}")
        return float(value)

    return check


def _length(name: str, value: Any) -> float | None:
    if value is None:
        return None
    return _number(1e-6, 1e6, "null or a length in the units of the tracks (pixels)")(name, value)


def _choice(*choices: str) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if value not in choices:
            raise Refusal(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    return check


def _names(counts: range, meaning: str) -> Callable[[str, Any], tuple[str, ...]]:
    def check(name: str, value: Any) -> tuple[str, ...]:
        listed = isinstance(value, list) and all(isinstance(part, str) for part in value)
        if not listed or len(set(value)) < len(value) or (value and len(value) not in counts):
            raise Refusal(f"{name} must be {meaning}, not {value!r}")
        return tuple(value)

    return check


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "frame_rate": _number(1.0, 1000.0, "frames per second (Hz)"),
    "likelihood_threshold": _number(0.0, 1.0, "a likelihood (not percent)"),
    "speed_threshold": _number(0.001, 10.0, "body lengths per second"),
    "hysteresis": _number(1.0, 10.0, "a factor"),
    "minimum_duration": _number(0.1, 600.0, "seconds"),
    "merge_gap": _number(0.0, 10.0, "seconds"),
    "smoothing_window": _number(0.01, 2.0, "seconds"),
    "pooling": _choice("median", "fastest"),
    "body_parts": _names(range(1, _MOST_PARTS + 1), "a list of different body parts"),
    "body_axis": _names(range(_AXIS, _AXIS + 1), "empty or a list of two different body parts"),
    "body_length": _length,
}
