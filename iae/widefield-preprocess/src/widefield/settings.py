"""Read and check config.yaml: which recording, which parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from widefield.refusal import Refusal

_SCHEMA = "neurocaas/config/v1"

LATER = frozenset(
    {
        "localization_threshold",
        "r2_threshold",
        "minimum_rank",
        "maximum_rank",
        "sweeps",
        "penalty_steps",
    }
)
"""Parameters of the second half of the chain, which finds the same configuration."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is asked to do; field names are the parameters of the blueprint.

    `max_shift` and `block_size` are in pixels, `high_pass` and `violet_low_pass` in Hz (0 and None:
    no filter), `false_positive_rate` and `kept_power` are fractions.
    """

    dataset: str
    max_shift: int = 6
    registration_passes: int = 2
    block_size: int = 20
    smoothing: str = "both"
    false_positive_rate: float = 0.05
    max_rank: int = 8
    seed: int = 0
    high_pass: float = 0.1
    violet_low_pass: float | None = None
    max_components: int = 100
    kept_power: float = 0.999


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
    own = {name: value for name, value in parameters.items() if name not in LATER}
    return Settings(dataset=dataset, **_check(own))


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


def _low_pass(name: str, value: Any) -> float | None:
    return None if value is None else _number(0.01, 1000.0, "null or a frequency (Hz)")(name, value)


def _choice(*choices: str) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if value not in choices:
            raise Refusal(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    return check


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "max_shift": _integer(0, 100),
    "registration_passes": _integer(1, 5),
    "block_size": _integer(4, 64),
    "smoothing": _choice("both", "space", "time", "none"),
    "false_positive_rate": _number(0.001, 0.5, "a fraction (not percent)"),
    "max_rank": _integer(1, 64),
    "seed": _integer(0, 2**31 - 1),
    "high_pass": _number(0.0, 10.0, "a frequency (Hz)"),
    "violet_low_pass": _low_pass,
    "max_components": _integer(2, 500),
    "kept_power": _number(0.5, 1.0, "a fraction (not percent)"),
}
