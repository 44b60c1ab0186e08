"""Every shipped analysis, as a job on its own sample: certified, verified, replayed, identical."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))
import demo_all  # noqa: E402 - the demo of the catalogue commits the same jobs
from shorter import PARAMETERS  # noqa: E402

pytestmark = [pytest.mark.network, pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(900)]

# The first is also the first step of `widefield`, and takes long.
NAMES = [name for name in demo_all.BLUEPRINTS if name != "widefield-preprocess"]
# One of each protocol, quick ones; the others run as often in the tests of their images.
_SHORT = {"dlc-tracking", "kalman-ensemble", "kalman-smoother", "widefield-sweep"}
_WHO = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "ada"), ("EMAIL", "ada@example.org"))
}


class Registry:
    """The registry of this repository in a clone-like folder, with a home of its own."""

    def __init__(self, folder: Path, image_cache: str) -> None:
        self.repo = folder / "registry"
        self.home = folder / "home"
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "NEUROCAAS_"))},
            **_WHO, "NEUROCAAS_HOME": str(self.home), "NEUROCAAS_USER": "ada",
            "NEUROCAAS_CACHE": image_cache,
            "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
        }  # fmt: skip
        for part in ("registry", "iae"):
            shutil.copytree(ROOT / part, self.repo / part, ignore=shutil.ignore_patterns("jobs"))
        self.run("git", "init", "-q", "-b", "main")
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "-m", "Publish")

    def run(self, *command: str, timeout: int = 500) -> str:
        done = subprocess.run(
            command, cwd=self.repo, env=self.env, check=False, capture_output=True, text=True,
            timeout=timeout, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def neurocaas(self, *arguments: str, timeout: int = 500) -> str:
        command = (sys.executable, "-m", "neurocaas_ci.cli.main", *arguments)
        return self.run(*command, timeout=timeout)


@pytest.fixture(scope="module")
def registry(image_cache):
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-samples-"))
    folder.chmod(0o755)
    yield Registry(folder, image_cache)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in _SHORT else pytest.mark.long) for n in NAMES],
)
def test_a_job_on_the_sample_replays_identically(registry, name):
    dataset, parameters = demo_all.sample_job(name)
    uri = registry.neurocaas("data", "put", "--replace", str(dataset)).split()[0]
    given = [
        option
        for key, value in {**parameters, **PARAMETERS.get(name, {})}.items()
        for option in ("--param", f"{key}={json.dumps(value)}")
    ]
    registry.neurocaas(
        "job", "new", name, "--name", f"sample-{name}", "--group", "example-lab", "--dataset", uri,
        *given, "--max-runtime", "10m", "--yes", "--commit",
    )  # fmt: skip
    registry.neurocaas("reconcile", f"sample-{name}")
    root = ("--offline", "--trust-root", str(registry.home / "signing/trusted_root.json"))
    registry.neurocaas("fetch", f"sample-{name}", f"../{name}")
    registry.neurocaas("verify", f"sample-{name}", f"../{name}", *root)
    document = json.loads(
        registry.neurocaas("replay", f"sample-{name}", *root, "--attest", "--format", "json")
    )
    assert document["verdict"] == "identical"
    blueprint = yaml.safe_load((ROOT / f"registry/blueprints/{name}.yaml").read_text())
    outputs = [o for run in document["runs"] for o in run["outputs"]]
    assert len(outputs) >= len(blueprint["outputs"])
    assert {o["verdict"] for o in outputs} == {"identical"}
