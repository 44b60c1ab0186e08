"""Read and check config.yaml: which dataset, which parameters, which replica."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kalman_smoother.refusal import Refusal

_SCHEMA = "neurocaas/config/v1"
_LARGEST_RATE = 1e6
_MOST_REPLICAS = 9


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is asked to do; field names are the parameters of the blueprint.

    `sampling_rate` is samples per second and is used where the dataset does not state its own;
    `tolerance` is nats per observed value; `replicas` is the number of folds when `replica` is set.
    """

    dataset: str
    replica: int | None
    latent_dimension: int = 4
    em_iterations: int = 50
    tolerance: float = 1e-6
    initialisation: str = "subspace"
    seed: int = 0
    observation_noise: str = "diagonal"
    standardize: bool = True
    held_out_fraction: float = 0.1
    sampling_rate: float | None = None
    replicas: int = 3


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
    checked = _check(parameters)
    settings = Settings(dataset=dataset, replica=_replica(config.get("replica")), **checked)
    if settings.replica is not None and settings.replica >= settings.replicas:
        raise Refusal(
            f"replica {settings.replica} does not exist: parameter replicas is {settings.replicas}"
            " and replicas count from 0"
        )
    return settings


def _check(parameters: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(parameters) - set(_RULES))
    if unknown:
        raise Refusal(
            f"parameter {unknown[0]!r} does not exist; there are: {', '.join(sorted(_RULES))}"
        )
    return {name: _RULES[name](name, value) for name, value in parameters.items()}


def _replica(value: Any) -> int | None:
    return None if value is None else int(_integer(0, _MOST_REPLICAS - 1)("replica", value))


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
    return _number(1e-6, _LARGEST_RATE, "null or samples per second (Hz)")(name, value)


def _choice(*choices: str) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if value not in choices:
            raise Refusal(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    return check


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refusal(f"{name} must be true or false, not {value!r}")
    return value


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "latent_dimension": _integer(1, 32),
    "em_iterations": _integer(0, 500),
    "tolerance": _number(0.0, 1.0, "nats per observed value"),
    "initialisation": _choice("subspace", "random", "dataset"),
    "seed": _integer(0, 2**31 - 1),
    "observation_noise": _choice("diagonal", "full"),
    "standardize": _boolean,
    "held_out_fraction": _number(0.0, 0.5, "a fraction (not percent)"),
    "sampling_rate": _rate,
    "replicas": _integer(2, _MOST_REPLICAS),
}
