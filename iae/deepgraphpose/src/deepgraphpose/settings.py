"""Read and check config.yaml: which video, which parameters, which replica of an ensemble."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepgraphpose.refusal import Refusal

_SCHEMA = "neurocaas/config/v1"


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is asked to do; field names from `channels` on are the parameters of the blueprint.

    `replica` is which of an ensemble's trainings this is: it changes the order of minibatches and nothing else.
    """

    dataset: str
    replica: int = 0
    channels: int = 16
    iterations: int = 300
    graph_iterations: int = 150
    batch: int = 8
    window: int = 8
    learning_rate: float = 0.01
    temporal_weight: float = 0.02
    spatial_weight: float = 0.5
    hidden_weight: float = 0.2
    temporal_limit_px: float = 4.0
    spatial_limit: float = 1.2
    rotation_deg: float = 180.0
    sharpness: float = 3.0
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
    replica = config.get("replica")
    asked = 0 if replica is None else _integer(0, 10_000)("replica", replica)
    return Settings(dataset=dataset, replica=asked, **_check(parameters))


def _check(parameters: Mapping[str, Any]) -> dict[str, Any]:
    # How many replicas there are concerns the consensus only.
    own = {name: value for name, value in parameters.items() if name != "replicas"}
    unknown = sorted(set(own) - set(_RULES))
    if unknown:
        raise Refusal(
            f"parameter {unknown[0]!r} does not exist; there are: {', '.join(sorted(_RULES))}"
        )
    return {name: _RULES[name](name, value) for name, value in own.items()}


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
    "channels": _integer(4, 256),
    "iterations": _integer(1, 1_000_000),
    "graph_iterations": _integer(0, 1_000_000),
    "batch": _integer(1, 256),
    "window": _integer(2, 256),
    "learning_rate": _number(1e-6, 0.1),
    "temporal_weight": _number(0.0, 100.0),
    "spatial_weight": _number(0.0, 100.0),
    "hidden_weight": _number(0.0, 100.0),
    "temporal_limit_px": _number(0.0, 1000.0),
    "spatial_limit": _number(0.0, 10.0),
    "rotation_deg": _number(0.0, 180.0),
    "sharpness": _number(0.1, 100.0),
    "seed": _integer(0, 2**31 - 1),
}
