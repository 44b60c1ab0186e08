"""Figure 9 of the paper in small: three trainings and their consensus, as one job, against where the parts really were."""

from __future__ import annotations

import json
import runpy
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from test_sample_jobs import ROOT, Registry, demo_all

pytestmark = [pytest.mark.network, pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(1200)]

TRACKER, CONSENSUS = (ROOT / "iae" / name / "sample" for name in ("deepgraphpose", "dgp-consensus"))


@pytest.fixture(scope="module")
def registry(image_cache):
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not available here")
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-ensemble-"))
    folder.chmod(0o755)
    yield Registry(folder, image_cache)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("name", ["ensemble-dgp"])
def test_the_consensus_of_three_beats_them(registry, name):
    dataset, _ = demo_all.sample_job(name)
    uri = registry.neurocaas("data", "put", str(dataset)).split()[0]
    registry.neurocaas(
        "job", "new", name, "--name", "three", "--group", "example-lab", "--dataset", uri, "--param",
        "replicas=3", "--max-runtime", "14m", "--yes", "--commit",
    )  # fmt: skip
    registry.neurocaas("reconcile", "three", timeout=1000)
    registry.neurocaas("fetch", "three", "../three")
    fetched = registry.repo.parent / "three"
    (combined,) = fetched.rglob("consensus.npz")
    scoring = runpy.run_path(str(CONSENSUS / "score.py"))
    scores, missed = scoring["score"](combined.parent, TRACKER / "truth.npz")
    assert missed == [], json.dumps(scores)
    maps = sorted(path for path in fetched.rglob("scoremaps.npz"))
    assert len(maps) == 3
    first, *others = (np.load(path)["scoremaps"] for path in maps)
    # They differ, in the order of minibatches only, and so by little where all are sure.
    assert all(not np.array_equal(first, other) for other in others)
