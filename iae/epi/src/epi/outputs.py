"""Write the results: samples and the flow for programs, numbers for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from epi.check import Check
from epi.dataset import Question
from epi.flow import Array
from epi.inference import Result
from epi.oscillator import PARAMETERS, STATISTICS, statistics
from epi.property import NAMES
from epi.settings import Settings

_DIGITS = 6


def write(
    folder: Path, question: Question, asked: Settings, result: Result, check: Check
) -> tuple[Array, Array, Mapping[str, Any]]:
    """Write samples.csv, flow.npz and metrics.json; return samples, log densities and metrics."""
    flow, wanted = result.flow, question.wanted
    rng = np.random.default_rng((asked.seed, 1))
    theta, logq = flow.sample(max(asked.samples, 20_000), rng)
    violations = wanted.violations(theta)[0].mean(axis=0)
    values, _ = statistics(theta, wanted.tau)
    head = ",".join((*PARAMETERS, "log_density", *STATISTICS))
    rows = np.column_stack([theta, logq, values])[: asked.samples]
    lines = [head, *(",".join(f"{number:.6g}" for number in row) for row in rows)]
    (folder / "samples.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    np.savez(
        folder / "flow.npz",
        weights=flow.weights,
        layers=np.array(flow.shape.layers),
        units=np.array(flow.shape.units),
        bounds=question.bounds,
        trace=result.trace,
        trace_columns=np.array(["step", "entropy", *NAMES]),
        simulated_systems=check.systems,
        simulated_growth_rate_per_s=check.measured[:, 0],
        simulated_frequency_hz=check.measured[:, 1],
    )
    metrics = _metrics(question, asked, result, check, (violations, values, float(-logq.mean())))
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return theta, logq, metrics


def _metrics(
    question: Question,
    asked: Settings,
    result: Result,
    check: Check,
    found: tuple[Array, Array, float],
) -> dict[str, Any]:
    violations, values, entropy = found
    wanted = question.wanted
    measured = check.measured[check.swings]
    first = next((epoch for epoch in result.epochs if epoch.converged), None)
    return {
        "converged": result.epochs[result.chosen].converged,
        "entropy_nats": _rounded(entropy),
        "initial_entropy_nats": _rounded(result.initial_entropy),
        "entropy_when_first_converged_nats": None if first is None else _rounded(first.entropy),
        "largest_violation": _rounded(float(np.abs(violations).max())),
        "violations": {
            name: _rounded(float(value)) for name, value in zip(NAMES, violations, strict=True)
        },
        "property": {
            name: {
                "wanted": {"mean": float(wanted.means[k]), "sd": float(wanted.sds[k])},
                "found": _moments(values[:, k]),
                "simulated": _moments(measured[:, k]),
            }
            for k, name in enumerate(STATISTICS)
        },
        "simulated_systems": len(check.systems),
        "simulated_that_swing": _rounded(float(check.swings.mean())),
        "chosen_epoch": result.chosen + 1,
        "epochs": [
            {
                "entropy_nats": _rounded(epoch.entropy),
                "largest_violation": _rounded(float(np.abs(epoch.violations).max())),
                "penalty": epoch.penalty,
                "converged": epoch.converged,
            }
            for epoch in result.epochs
        ],
        "tolerance": asked.tolerance,
    }


def _moments(values: Array) -> dict[str, float | None]:
    if len(values) < 2:  # noqa: PLR2004 - a spread needs two
        return {"mean": None, "sd": None}
    return {"mean": _rounded(float(values.mean())), "sd": _rounded(float(values.std()))}


def _rounded(value: float) -> float:
    """Keep the digits that do not depend on the processor, so that equal results read equal."""
    return float(f"{value:.{_DIGITS}g}")
