"""Hold the rates that the analysis inferred for the sample against those that made its spikes.

    python score.py OUTPUTS

prints the scores as JSON; exit code 1 and the bars that were missed when there are any. Needs numpy
and scipy. Everything is of held-out trials, whose spikes the model sees when it infers their rates but was not
fitted to. So bits per spike, counted on these very spikes, flatter whatever follows them, smoothing as well;
expected bits are those on spikes that the true rates would make another time. The baseline is a
Gaussian of whichever of eight widths is best for it, chosen with the truth.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

_HERE = Path(__file__).resolve().parent
_WIDTHS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)  # bins
_LEAST = 1e-6  # spikes a bin


def r2(found: np.ndarray, true: np.ndarray) -> float:
    """Return the share of variance explained over trials and bins of all neurons."""
    return float(1 - np.sum((found - true) ** 2) / np.sum((true - true.mean(axis=(0, 1))) ** 2))


def bits_per_spike(spikes: np.ndarray, rates: np.ndarray, null: np.ndarray) -> float:
    """Return the gain over the mean rates in bits a spike; rates count in spikes a bin.

    With true rates in the place of spikes it is the expectation over spikes.
    """
    rates = np.maximum(rates, _LEAST)
    gain = np.sum(spikes * np.log(rates)) - rates.sum()
    flat = np.broadcast_to(null, spikes.shape)
    gain -= np.sum(spikes * np.log(flat)) - flat.sum()
    return float(gain / spikes.sum() / np.log(2))


def latent_r2(factors: np.ndarray, states: np.ndarray, held_out: np.ndarray) -> list[float]:
    """Return how well each Lorenz variable of held-out trials follows linearly from the factors."""
    known = np.concatenate([factors, np.ones((*factors.shape[:2], 1))], axis=2)
    fitted = known[~held_out].reshape(-1, known.shape[2])
    weights = np.linalg.lstsq(fitted, states[~held_out].reshape(-1, 3), rcond=None)[0]
    found, true = known[held_out] @ weights, states[held_out]
    return [r2(found[..., [k]], true[..., [k]]) for k in range(3)]


def score(outputs: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the scores, and a sentence for every bar that was missed."""
    bars = json.loads((_HERE / "expected.json").read_text())
    with np.load(_HERE / "truth.npz") as file:
        condition = file["condition"]
        true = file["rates"][condition].astype(np.float64)
        states = file["states"][condition].astype(np.float64)
    with np.load(_HERE / "dataset/lorenz.npz") as file:
        spikes, width = file["spikes"].astype(np.float64), float(file["bin_width_s"])
    with np.load(outputs / "rates.npz") as file:
        rates = file["rates_hz"].astype(np.float64) * width
        factors, held_out = file["factors"].astype(np.float64), file["held_out"]
    null = spikes[~held_out].mean(axis=(0, 1))
    seen, true_rates, found = spikes[held_out], true[held_out], rates[held_out]
    smooth = [gaussian_filter1d(spikes, width, axis=1)[held_out] for width in _WIDTHS]
    baseline = max(r2(one, true_rates) for one in smooth)
    bits, oracle = (bits_per_spike(seen, one, null) for one in (found, true_rates))
    expected, best = (bits_per_spike(true_rates, one, null) for one in (found, true_rates))
    smoothed = max(bits_per_spike(true_rates, one, null) for one in smooth)
    rate = r2(found, true_rates)
    scores = {
        "rate_r2": rate,
        "rate_r2_of_smoothing": baseline,
        "rate_r2_above_smoothing": rate - baseline,
        "bits_per_spike": bits,
        "bits_per_spike_of_the_true_rates": oracle,
        "share_of_the_oracles_bits": bits / oracle,
        "share_of_the_oracles_expected_bits": expected / best,
        "share_of_expected_bits_of_smoothing": smoothed / best,
        "lorenz_r2": latent_r2(factors, states, held_out),
        "held_out_trials": int(held_out.sum()),
    }
    return scores, list(_missed(scores, bars))


def _missed(scores: dict[str, Any], bars: dict[str, Any]) -> Any:
    for name, bar in bars.items():
        found = np.atleast_1d(scores[name])
        if not (
            (found >= bar.get("minimum", -np.inf)) & (found <= bar.get("maximum", np.inf))
        ).all():
            yield f"{name} is {scores[name]}"


if __name__ == "__main__":
    _scores, _sentences = score(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(_scores, indent=2) + "\n")
    sys.stderr.writelines(f"missed: {line}\n" for line in _sentences)
    sys.exit(1 if _sentences else 0)
