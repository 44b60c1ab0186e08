"""Read and check config.yaml: which dataset and which parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lupin_sorting.refusal import Refusal

_SCHEMA = "neurocaas/config/v1"


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is asked to do; field names are the parameters of the blueprint.

    Frequencies and rates are in Hz, radii in micrometres, `detect_threshold` in noise levels.
    """

    dataset: str
    freq_min: float = 150.0
    freq_max: float = 7000.0
    detect_threshold: float = 5.0
    peak_sign: str = "neg"
    min_firing_rate: float = 0.1
    whitening_radius_um: float = 100.0
    template_radius_um: float = 100.0
    seed: int = 0


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
    if settings.freq_min >= settings.freq_max:
        raise Refusal(
            f"freq_min ({settings.freq_min:g} Hz) must be below freq_max ({settings.freq_max:g} Hz)"
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


def _choice(*choices: str) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if value not in choices:
            raise Refusal(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    return check


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "freq_min": _number(1.0, 2000.0, "a frequency in Hz"),
    "freq_max": _number(500.0, 50000.0, "a frequency in Hz"),
    "detect_threshold": _number(2.0, 50.0, "a number of noise levels"),
    # Upstream takes "pos" too, but looks for its first spikes among negative ones, and then fails.
    "peak_sign": _choice("neg", "both"),
    "min_firing_rate": _number(0.0, 100.0, "a rate in Hz"),
    "whitening_radius_um": _number(10.0, 1000.0, "a length in micrometres"),
    "template_radius_um": _number(10.0, 1000.0, "a length in micrometres"),
    "seed": _integer(0, 2**31 - 1),
}
