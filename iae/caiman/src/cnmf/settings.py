"""Read and check config.yaml: which movie, which parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnmf.refusal import Refusal

_SCHEMA = "neurocaas/config/v1"


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is asked to do; field names are the parameters of the blueprint.

    `cell_radius` and `max_shift` are in pixels, `decay_time` is in seconds, `frame_rate` is frames per
    second (Hz) and is used where the dataset does not state its own.
    """

    dataset: str
    components: int
    cell_radius: float = 3.0
    decay_time: float = 0.6
    frame_rate: float | None = None
    max_shift: int = 6
    background: int = 2
    merge_correlation: float = 0.8
    minimum_snr: float = 2.5
    minimum_correlation: float = 0.85


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
    if "components" not in parameters:
        raise Refusal("components is missing: about as many as there are cells, and a few more")
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
    return _number(0.1, 1000.0, "null or frames per second (Hz)")(name, value)


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "components": _integer(1, 1000),
    "cell_radius": _number(1.0, 30.0, "a length in pixels"),
    "decay_time": _number(0.01, 10.0, "a time in seconds"),
    "frame_rate": _rate,
    "max_shift": _integer(0, 50),
    "background": _integer(0, 10),
    "merge_correlation": _number(0.3, 1.0, "a correlation"),
    "minimum_snr": _number(0.5, 100.0, "a ratio"),
    "minimum_correlation": _number(-1.0, 1.0, "a correlation"),
}
