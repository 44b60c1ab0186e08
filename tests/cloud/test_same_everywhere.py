"""One manifest, three engines: equal outputs, and each one's certificate holds on the others."""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import sys
from pathlib import Path

import pytest
from batch_world import folder, loop

from neurocaas_ci.run.home import Home
from neurocaas_ci.stores.names import remember

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.timeout(600)]

_spec = importlib.util.spec_from_file_location(
    "slurm_cluster", Path(__file__).parents[1] / "slurm/cluster.py"
)
clusters = sys.modules["slurm_cluster"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(clusters)

JOBS = {
    "plain": {"blueprint": "cloud"},
    "links": {"blueprint": "cloud-chain"},
    "votes": {"blueprint": "cloud-ensemble", "parameters": {"replicas": 2}},
}
RUNS = {"plain": 1, "links": 2, "votes": 3}


@pytest.fixture
def platforms(world, template):
    """Return three platforms by executor, all of them clones of one registry with these jobs."""
    if why := clusters.missing():
        pytest.skip(why)
    contents = ["a recording\n"]
    data = world.put(*contents)
    for name, fields in JOBS.items():
        world.job(name, data, **fields)
    with clusters.Cluster(nodes=2) as cluster:
        found, folders = {"aws-batch": world.platform}, []
        for name in ("local", "slurm"):
            folders.append(folder("neurocaas-same-"))
            shutil.copytree(world.platform.repo, folders[-1] / "registry", symlinks=True)
            platform = found[name] = loop.Platform(folders[-1], cache=template / "home/cache")
            home = Home(platform.home)
            for content, entry in zip(contents, data, strict=True):
                blob = home.blobs.put(io.BytesIO(content.encode()))
                remember(home.state, entry["uri"].removeprefix("store:"), blob)
        for name in ("PATH", "SLURM_CONF"):
            found["slurm"].env[name] = cluster.environment[name]
        yield found
        for made in folders:
            shutil.rmtree(made, ignore_errors=True)


def test_outputs_and_replays_are_the_same_on_every_engine(world, platforms):
    digests = {}
    for executor, platform in platforms.items():
        platform.run("reconcile", "--no-fetch", "--no-cache", "--executor", executor)
        of = world.records if executor == "aws-batch" else platform.records
        digests[executor] = {
            (job, run): (record["status"], record["outputs"])
            for job in JOBS
            for run, record in of(f"ada/2026-11/{job}").items()
        }
    local = digests["local"]
    assert len(local) == sum(RUNS.values())
    assert {status for status, _ in local.values()} == {"succeeded"}
    assert digests["slurm"] == local
    assert digests["aws-batch"] == local
    for maker, made in platforms.items():
        for executor, platform in platforms.items():
            if executor == maker:
                continue
            job = "links" if (maker, executor) == ("local", "aws-batch") else "plain"
            done = platform.run(
                "replay", job, "--repo", str(made.repo), "--trust-root", made.root, "--offline",
                "--executor", executor, "--format", "json",
            )  # fmt: skip
            replay = json.loads(done.stdout)
            assert replay["verdict"] == "identical", (maker, executor, done.stderr)
            assert len(replay["runs"]) == RUNS[job]
            said = {name for name in ("AWS Batch job", "Slurm job") if name in done.stderr}
            assert said == {"aws-batch": {"AWS Batch job"}, "slurm": {"Slurm job"}}.get(
                executor, set()
            )


def test_a_replay_on_aws_needs_a_store_there(world):
    job = world.job("alone", world.put("a"))
    world.reconcile("--no-cache")
    del world.platform.env["NEUROCAAS_STORE"]
    done = world.platform.audit("replay", "alone", "--executor", "aws-batch", code=2)
    assert "NEUROCAAS_STORE" in done.stderr
    assert job
