#!/usr/bin/env python3
"""Write docs/paper-analyses.md: which of the paper's analyses are in the catalogue, and under which name.

python scripts/document_paper.py           (with --check: only compare, exit 1 when it is stale)

Whether one is here is read from registry/blueprints/, never from this file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

_ROOT = Path(__file__).resolve().parent.parent
_WHERE = "docs/paper-analyses.md"
_MISSING = "not in the catalogue yet"


class _Row(NamedTuple):
    """One analysis: what it does, the blueprints that are this method, why there may be none.

    `instead` are blueprints for the same purpose that are another method, under their own names.
    """

    name: str
    purpose: str
    blueprints: tuple[str, ...]
    why: str = _MISSING
    instead: tuple[str, ...] = ()


_ROWS = (
    _Row("Kalman smoother", "time series", ("kalman-smoother", "kalman-ensemble")),
    _Row("PMD", "denoising and compression of imaging", ("pmd",)),
    _Row("LocaNMF", "demixing of widefield imaging", ("locanmf",)),
    _Row(
        "Widefield chain", "widefield imaging from the camera on", ("widefield", "widefield-sweep")
    ),
    _Row("BarDensr", "in-situ sequencing", ("bardensr",)),
    _Row("EPI", "parameters of models", ("epi",)),
    _Row("DLC tracking (Polleux)", "behaviour from tracks", ("dlc-tracking",)),
    _Row(
        "YASS",
        "spike sorting",
        ("yass",),
        "**not available**: its last release on the package index (`yass-algorithm` 0.9, of 2018) calls TensorFlow 1 (`tf.contrib`), of which there is no build for the Python of these environments",
        ("spikeinterface-lupin",),
    ),
    _Row("CaImAn", "demixing of calcium imaging", ("caiman",)),
    _Row("DeepLabCut", "pose", ("deeplabcut",)),
    _Row("DeepGraphPose", "pose, semi-supervised; ensembles", ("deepgraphpose", "ensemble-dgp")),
    _Row("LFADS", "dynamics of spike trains", ("lfads",)),
    _Row("BehaveNet, PS-VAE", "behavioural video", ("behavenet-psvae",)),
)
_IS = {
    "upstream": "the authors' program",
    "from-paper": "written from the publications",
    None: "written for this registry",
}


def page(root: Path) -> str:
    """Return the page for the registry in `root`."""
    registry = Registry(FolderTree(root))
    names = set(registry.blueprints())
    lines = ["| the paper's analysis | for | here | implementation |", "|---|---|---|---|"]
    found = 0
    for row in _ROWS:
        here = [name for name in row.blueprints if name in names]
        found += bool(here)
        other = [name for name in row.instead if name in names]
        cell = ", ".join(map(_link, here)) or row.why
        if other and not here:
            cell += f"; another method for this purpose: {', '.join(map(_link, other))}"
        kinds: list[str] = []
        for name in here:
            blueprint = registry.blueprint(name).value
            if blueprint is None:
                sys.exit(f"registry/blueprints/{name}.yaml is not valid")
            kinds.append(_IS[blueprint.implementation])
        how = "; ".join(dict.fromkeys(kinds)) or "none"
        lines.append(f"| {row.name} | {row.purpose} | {cell} | {how} |")
    return "\n".join(
        [
            "# The analyses of the paper",
            "",
            "<!-- Written by scripts/document_paper.py from registry/blueprints/; a test compares. -->",
            "",
            (
                f"Of the {len(_ROWS)} analyses with which NeuroCAAS was introduced (Abe et al. 2021), {found} "
                "are in this catalogue. A method is never offered under another one's name."
            ),
            "",
            *lines,
            "",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or compare it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--root", type=Path, default=_ROOT)
    options = parser.parse_args(arguments)
    path, text = options.root / _WHERE, page(options.root)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return 0
    if not options.check:
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{'stale' if options.check else 'wrote'}: {_WHERE}\n")
    return 1 if options.check else 0


def _link(name: str) -> str:
    return f"[{name}](analyses/{name}.md)"


if __name__ == "__main__":
    sys.exit(main())
