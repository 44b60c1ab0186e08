"""Read and check config.yaml: which dataset and which parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psvae.refusal import Refusal

_SCHEMA = "neurocaas/config/v1"


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is asked to do; field names are the parameters of the blueprint.

    `alpha`, `beta` and `gamma` are the paper's weights of labels, total correlation and
    orthogonality; `pixel_sd` is the noise of a pixel as a fraction of white.
    """

    dataset: str
    unsupervised_latents: int = 2
    alpha: float = 1000.0
    beta: float = 5.0
    gamma: float = 100.0
    pixel_sd: float = 0.1
    epochs: int = 40
    annealing_epochs: int = 15
    batch: int = 96
    learning_rate: float = 0.0015
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


def _number(low: float, high: float) -> Callable[[str, Any], float]:
    def check(name: str, value: Any) -> float:
        sound = isinstance(value, int | float) and not isinstance(value, bool)
        if not sound or not math.isfinite(value) or not low <= value <= high:
            raise Refusal(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")
        return float(value)

    return check


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "unsupervised_latents": _integer(1, 32),
    "alpha": _number(0.0, 1e6),
    "beta": _number(0.0, 1e4),
    "gamma": _number(0.0, 1e6),
    "pixel_sd": _number(0.001, 1.0),
    "epochs": _integer(1, 10_000),
    "annealing_epochs": _integer(1, 10_000),
    "batch": _integer(8, 4096),
    "learning_rate": _number(1e-6, 0.1),
    "seed": _integer(0, 2**31 - 1),
}
