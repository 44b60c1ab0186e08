"""Make the sources of the shipped environments importable, as their entry points do."""

import json
import sys

import numpy as np
import pytest
from analyses_support import ROOT

for _name in ("kalman-smoother", "kalman-consensus", "pmd"):
    sys.path.insert(0, str(ROOT / "iae" / _name / "src"))

from kalman_smoother.system import System  # noqa: E402


@pytest.fixture
def make_system():
    """A random stable system; D latents, N channels."""

    def make(rng, latents, channels, *, full=False):
        rotation = np.linalg.qr(rng.normal(size=(latents, latents)))[0]
        noise = np.diag(rng.uniform(0.3, 2.0, channels))
        if full:
            root = rng.normal(size=(channels, channels))
            noise = noise + 0.3 * root @ root.T
        root = rng.normal(size=(latents, latents))
        return System(
            A=0.95 * rotation,
            C=rng.normal(size=(channels, latents)),
            Q=0.1 * np.eye(latents) + 0.05 * root @ root.T,
            R=noise,
            m0=rng.normal(size=latents),
            V0=np.eye(latents) + 0.1 * root @ root.T,
            d=rng.normal(size=channels),
        )

    return make


@pytest.fixture
def draw():
    """Samples of a system, (T, N)."""

    def draw(rng, system, samples):
        state = rng.multivariate_normal(system.m0, system.V0)
        rows = []
        for _ in range(samples):
            rows.append(rng.multivariate_normal(system.C @ state + system.d, system.R))
            state = rng.multivariate_normal(system.A @ state, system.Q)
        return np.array(rows)

    return draw


@pytest.fixture
def case(tmp_path):
    """Lay out /inputs for the smoother and run it; answers (exit code, outputs folder)."""
    from kalman_smoother.app import main

    def run(name, content, *, replica=None, config=None, **parameters):
        inputs, outputs = tmp_path / "inputs", tmp_path / "outputs"
        (inputs / "dataset").mkdir(parents=True, exist_ok=True)
        outputs.mkdir(exist_ok=True)
        path = inputs / "dataset" / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif content is not None:
            np.savez(path, **content)
        document = {
            "schema": "neurocaas/config/v1",
            "dataset": f"dataset/{name}",
            "parameters": parameters,
            "replica": replica,
        }
        text = json.dumps(document) if config is None else config
        (inputs / "config.yaml").write_text(text, encoding="utf-8")
        return main(inputs, outputs), outputs

    return run
