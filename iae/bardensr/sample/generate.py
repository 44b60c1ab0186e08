"""Make the sample: simulated images of barcoded RNA amplicons (rolonies), with known places.

    python generate.py

writes dataset/tissue.npz (what the analysis gets: photon counts and a codebook) and truth.csv (what
it should find). Needs numpy; the same bytes every time. Rolonies lie anywhere between pixels, many
of them overlap; frames differ in gain, channels bleed into their neighbours, and some dye is carried
over to the next round.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_SEED = 20_261_130
_SIDE, _MARGIN = 56, 2.0  # pixels
_ROUNDS, _CHANNELS = 7, 4
_GENES, _UNUSED, _SPOTS = 40, 10, 280
_DISTANCE = 3  # rounds in which two barcodes differ, at least
_PSF = 1.3  # pixels
_PIXEL_UM = 0.32
_PHOTONS, _DARK = 260.0, 60.0  # at the peak of a mean rolony; of the background


def _barcodes(rng: np.random.Generator) -> np.ndarray:
    """Channels (J, R) of barcodes that differ enough."""
    chosen: list[np.ndarray] = []
    while len(chosen) < _GENES + _UNUSED:
        new = rng.integers(0, _CHANNELS, _ROUNDS)
        if all(np.sum(new != old) >= _DISTANCE for old in chosen):
            chosen.append(new)
    return np.array(chosen)


def main() -> None:
    """Write the two files beside this script."""
    rng = np.random.default_rng(_SEED)
    barcodes = _barcodes(rng)
    codebook = np.zeros((len(barcodes), _ROUNDS, _CHANNELS), dtype=np.uint8)
    np.put_along_axis(codebook, barcodes[:, :, None], 1, axis=2)
    genes = rng.choice(_GENES, _SPOTS, p=rng.dirichlet(np.full(_GENES, 3.0)))
    places = rng.uniform(_MARGIN, _SIDE - 1 - _MARGIN, (_SPOTS, 2))
    strengths = _PHOTONS * rng.uniform(0.6, 1.4, _SPOTS)
    gains = rng.uniform(0.6, 1.4, (_ROUNDS, _CHANNELS))
    bleed = np.eye(_CHANNELS)
    bleed[0, 1], bleed[1, 0], bleed[2, 3], bleed[3, 2] = 0.10, 0.25, 0.20, 0.08
    carried = rng.uniform(0.04, 0.12, _CHANNELS)
    seen = codebook.transpose(1, 2, 0).astype(float)
    for number in range(1, _ROUNDS):
        seen[number] += carried[:, None] * seen[number - 1]
    seen = gains[:, :, None] * np.einsum("cd,rdj->rcj", bleed, seen)
    axis = np.arange(_SIDE)
    down = np.exp(-((axis - places[:, :1]) ** 2) / (2 * _PSF**2))
    across = np.exp(-((axis - places[:, 1:]) ** 2) / (2 * _PSF**2))
    spots = strengths[:, None, None] * down[:, :, None] * across[:, None, :]
    images = np.tensordot(seen[:, :, genes], spots, axes=1)
    # Tissue glows by itself, more in the middle.
    far = np.hypot(*np.meshgrid(axis - 30.0, axis - 22.0, indexing="ij"))
    glow = _DARK * (0.6 + 0.8 * np.exp(-((far / 20) ** 2)))
    counts = rng.poisson(images + glow * rng.uniform(0.8, 1.2, (_ROUNDS, _CHANNELS, 1, 1)))
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    names = [f"gene{number:02d}" for number in range(1, _GENES + 1)]
    names += [f"unused{number:02d}" for number in range(1, _UNUSED + 1)]
    np.savez_compressed(
        here / "dataset" / "tissue.npz",
        images=counts.astype(np.uint16),
        codebook=codebook,
        genes=np.array(names),
        unused=np.arange(len(names)) >= _GENES,
        pixel_size_um=np.array(_PIXEL_UM),
        units=np.array("photons"),
    )
    lines = ["y_px,x_px,gene,intensity"]
    lines += [
        f"{y:.3f},{x:.3f},{names[gene]},{strength:.1f}"
        for (y, x), gene, strength in zip(places, genes, strengths, strict=True)
    ]
    (here / "truth.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
