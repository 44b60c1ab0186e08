"""Read and check config.yaml: which dataset and which parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locanmf.refusal import Refusal

_SCHEMA = "neurocaas/config/v1"


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is asked to do; field names are the parameters of the blueprint.

    Both thresholds are fractions: of a component's squared image that lies in its region, and of
    the power of a region that its components explain.
    """

    dataset: str
    localization_threshold: float = 0.8
    r2_threshold: float = 0.99
    minimum_rank: int = 1
    maximum_rank: int = 4
    sweeps: int = 15
    penalty_steps: int = 20


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
    if settings.minimum_rank > settings.maximum_rank:
        raise Refusal(
            f"minimum_rank {settings.minimum_rank} is more than maximum_rank {settings.maximum_rank}"
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


def _fraction(low: float, high: float) -> Callable[[str, Any], float]:
    def check(name: str, value: Any) -> float:
        sound = isinstance(value, int | float) and not isinstance(value, bool)
        if not sound or not math.isfinite(value) or not low <= value <= high:
            raise Refusal(
                f"{name} must be a fraction (not percent) from {low:g} to {high:g}, not {value!r}"
            )
        return float(value)

    return check


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "localization_threshold": _fraction(0.0, 0.99),
    "r2_threshold": _fraction(0.0, 1.0),
    "minimum_rank": _integer(1, 20),
    "maximum_rank": _integer(1, 20),
    "sweeps": _integer(1, 200),
    "penalty_steps": _integer(0, 50),
}
