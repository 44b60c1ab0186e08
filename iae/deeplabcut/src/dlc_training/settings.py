"""Read and check config.yaml: which project, which parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlc_training.refusal import Refusal

_REQUIRED = ("backbone", "epochs", "label_radius_px", "rotation_deg")
_SCHEMA = "neurocaas/config/v1"
BACKBONES = {
    "test_resnet": 96,
    "resnet10t": 512,
    "resnet18": 512,
    "resnet34": 512,
    "resnet50": 2048,
}
"""Networks that pictures are read with, as timm names them, and how many channels come out."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is asked to do; field names from `backbone` on are the parameters of the blueprint.

    Those without a default depend on the pictures.
    """

    dataset: str
    backbone: str
    epochs: int
    label_radius_px: float
    rotation_deg: float
    output_stride: int = 16
    batch_size: int = 8
    learning_rate: float = 0.003
    training_fraction: float = 0.9
    crop_px: int = 448
    scaling: float = 0.2
    likelihood_cutoff: float = 0.6
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
    missing = [name for name in _REQUIRED if name not in parameters]
    if missing:
        raise Refusal(f"parameter {missing[0]!r} is missing; it depends on the pictures")
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


def _choice(*choices: str | int) -> Callable[[str, Any], str | int]:
    def check(name: str, value: Any) -> str | int:
        for choice in choices:
            if choice == value and type(choice) is type(value):
                return choice
        raise Refusal(f"{name} must be one of {', '.join(map(str, choices))}, not {value!r}")

    return check


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "backbone": _choice(*BACKBONES),
    "epochs": _integer(1, 10_000),
    "output_stride": _choice(8, 16, 32),
    "batch_size": _integer(2, 256),
    "learning_rate": _number(1e-6, 0.1),
    "training_fraction": _number(0.5, 0.99),
    "crop_px": _integer(64, 2048),
    "rotation_deg": _number(0.0, 180.0),
    "scaling": _number(0.0, 0.5),
    "label_radius_px": _number(2.0, 200.0),
    "likelihood_cutoff": _number(0.0, 1.0),
    "seed": _integer(0, 2**31 - 1),
}
