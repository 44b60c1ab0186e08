"""Combine the replicas between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from kalman_consensus import members
from kalman_consensus.combine import Consensus, combine, summarise
from kalman_consensus.refusal import EXIT_CODE, Refusal

_DIGITS = 6


def main(inputs: Path, outputs: Path) -> int:
    """Return the exit code: 0, or 65 when the input is refused (the sentence is on stderr)."""
    try:
        _run(inputs, outputs)
    except Refusal as refusal:
        sys.stderr.write(f"error: {refusal}\n")
        return EXIT_CODE
    return 0


def _run(inputs: Path, outputs: Path) -> None:
    _progress(0.0, "reading replicas")
    found = members.read(inputs)
    _progress(0.3, f"combining {len(found.mean)} replicas")
    consensus = combine(found)
    _write(outputs, found, consensus)
    _progress(0.6, "drawing")
    # Imported late: a refused input must not wait for the drawing library.
    from kalman_consensus.figure import draw

    draw(outputs / "figure.png", found, consensus)
    _progress(1.0, "done")


def _write(folder: Path, found: members.Members, consensus: Consensus) -> None:
    rate: dict[str, Any] = {}
    if found.sampling_rate is not None:
        rate["sampling_rate"] = found.sampling_rate
    np.savez(
        folder / "consensus.npz",
        signal_mean=consensus.mean,
        signal_sd=consensus.sd,
        within_sd=consensus.within,
        between_sd=consensus.between,
        replica_mean=found.mean,
        observations=found.observations,
        channels=np.array(found.channels),
        units=np.array(found.units),
        held_out_values=found.values,
        held_out_lds=found.lds,
        held_out_white_noise=found.white_noise,
        **rate,
    )
    lds, white = (summarise(t, found.values) for t in (found.lds, found.white_noise))
    gain = summarise(found.lds - found.white_noise, found.values)
    variance = float(np.mean(consensus.between**2) / np.mean(consensus.sd**2))
    metrics = {
        "replicas": len(found.mean),
        "samples": found.observations.shape[0],
        "channels": found.observations.shape[1],
        "held_out_values": int(found.values.sum()),
        "lds_nats_per_value": {"mean": _rounded(lds.mean), "sd": _rounded(lds.sd)},
        "white_noise_nats_per_value": {"mean": _rounded(white.mean), "sd": _rounded(white.sd)},
        "gain_nats_per_value": {"mean": _rounded(gain.mean), "sd": _rounded(gain.sd)},
        "between_replica_share_of_variance": _rounded(variance),
        "per_replica": [
            {
                "replica": k,
                "held_out_values": int(found.values[k]),
                "lds_nats_per_value": _rounded(found.lds[k] / found.values[k]),
                "white_noise_nats_per_value": _rounded(found.white_noise[k] / found.values[k]),
            }
            for k in range(len(found.mean))
        ],
    }
    text = json.dumps(metrics, indent=2, allow_nan=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="ascii")


def _rounded(value: float) -> float:
    """Keep the digits that do not depend on the processor, so that equal results read equal."""
    return float(f"{value:.{_DIGITS}g}")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
