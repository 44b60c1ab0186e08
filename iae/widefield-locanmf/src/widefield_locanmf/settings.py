"""Read config.yaml, and the parameters in it that are LocaNMF's; the others are the earlier step's."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from locanmf import settings as locanmf_settings
from locanmf.refusal import Refusal

DATASET = "steps/preprocess/corrected.npz"
"""Where the earlier step leaves the corrected movie, below /inputs."""

EARLIER = frozenset(
    {
        "max_shift",
        "registration_passes",
        "block_size",
        "smoothing",
        "false_positive_rate",
        "max_rank",
        "seed",
        "high_pass",
        "violet_low_pass",
        "max_components",
        "kept_power",
    }
)
"""Parameters of the first half of the chain, which finds the same configuration."""


class Asked(NamedTuple):
    """LocaNMF's settings, and all parameters of the chain as they were in force."""

    settings: locanmf_settings.Settings
    parameters: Mapping[str, Any]


def read(inputs: Path) -> Asked:
    """Return what is asked in `inputs/config.yaml`; raise Refusal for anything out of bounds."""
    try:
        config = json.loads((inputs / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal(f"config.yaml cannot be read as JSON: {error}") from error
    parameters = config.get("parameters", {}) if isinstance(config, dict) else None
    if not isinstance(parameters, dict):
        raise Refusal("config.yaml: parameters must be a mapping of names to values")
    own = {name: value for name, value in parameters.items() if name not in EARLIER}
    # LocaNMF checks its parameters as it always does: in a configuration of its own.
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps({**config, "dataset": DATASET, "parameters": own})
        (Path(folder) / "config.yaml").write_text(text, encoding="utf-8")
        settings = locanmf_settings.read(Path(folder))
    names = {field.name for field in fields(settings)} - {"dataset"}
    in_force = {**parameters, **{name: getattr(settings, name) for name in sorted(names)}}
    return Asked(settings, in_force)
