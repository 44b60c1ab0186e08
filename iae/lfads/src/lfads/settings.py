"""Read and check config.yaml: which recording and which parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lfads.refusal import Refusal

_SCHEMA = "neurocaas/config/v1"


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is asked to do; field names are the parameters of the blueprint.

    `kl_weight` scales the divergence of the posterior from the prior at the end of the warm-up, `l2_weight` the
    squared recurrent weights of the generator; losses count in nats per trial.
    """

    dataset: str
    factors: int = 6
    generator_units: int = 64
    encoder_units: int = 48
    initial_condition_dim: int = 32
    epochs: int = 120
    batch: int = 130
    learning_rate: float = 0.006
    warmup_epochs: int = 40
    kl_weight: float = 0.3
    l2_weight: float = 0.001
    dropout: float = 0.05
    hold_out_every: int = 6
    posterior_samples: int = 16
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
    "factors": _integer(1, 200),
    "generator_units": _integer(2, 1024),
    "encoder_units": _integer(2, 1024),
    "initial_condition_dim": _integer(1, 512),
    "epochs": _integer(1, 10_000),
    "batch": _integer(1, 10_000),
    "learning_rate": _number(1e-6, 0.1),
    "warmup_epochs": _integer(0, 10_000),
    "kl_weight": _number(0.0, 10.0),
    "l2_weight": _number(0.0, 10.0),
    "dropout": _number(0.0, 0.9),
    "hold_out_every": _integer(2, 1000),
    "posterior_samples": _integer(1, 1000),
    "seed": _integer(0, 2**31 - 1),
}
