"""Read and check config.yaml: which dataset and which parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bardensr.refusal import Refusal

_SCHEMA = "neurocaas/config/v1"


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is asked to do; field names are the parameters of the blueprint.

    `psf_sigma` and `minimum_distance` are in pixels; `sparsity` and `minimum_score` count standard
    deviations of what noise does to a density and to a spot; `false_discovery_rate` is a fraction.
    """

    dataset: str
    psf_sigma: float = 1.3
    sparsity: float = 3.0
    turns: int = 12
    iterations: int = 40
    estimate_gain: bool = True
    estimate_bleed: bool = True
    estimate_phasing: bool = True
    minimum_score: float = 10.0
    false_discovery_rate: float = 0.02
    minimum_distance: float = 2.0


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
    settings = Settings(dataset=dataset, **_check(parameters))
    if (settings.estimate_bleed or settings.estimate_phasing) and not settings.estimate_gain:
        raise Refusal(
            "estimate_bleed and estimate_phasing need estimate_gain; set them to false too"
        )
    return settings


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


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refusal(f"{name} must be true or false, not {value!r}")
    return value


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "psf_sigma": _number(0.5, 10.0, "a length in pixels"),
    "sparsity": _number(0.0, 100.0, "a number of standard deviations"),
    "turns": _integer(1, 100),
    "iterations": _integer(1, 1000),
    "estimate_gain": _boolean,
    "estimate_bleed": _boolean,
    "estimate_phasing": _boolean,
    "minimum_score": _number(0.0, 1000.0, "a number of standard deviations"),
    "false_discovery_rate": _number(0.0, 1.0, "a fraction (not percent)"),
    "minimum_distance": _number(1.0, 20.0, "a length in pixels"),
}
