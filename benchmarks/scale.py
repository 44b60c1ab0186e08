"""What an engine costs per dataset: the bare script, this machine, and a real Slurm on one node.

    python benchmarks/scale.py [--n 1 10 70] [--rounds 1]

Two processors everywhere. The engine's own trivial job (an array of `true`) is what a job costs on
this Slurm without us; `calls` counts the submissions of a job. Each round uses new datasets.
Nothing is asserted; nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from measure import CpuClock, heading, median
from run import Bench

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/slurm"))
from cluster import Cluster, missing  # noqa: E402 - the cluster of the tests


def main() -> None:
    """Measure every size that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--n", type=int, nargs="*", default=[1, 10, 70])
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    if why := missing():
        raise SystemExit(why)
    clock = CpuClock()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Cluster(nodes=1) as cluster:
        Path(folder).chmod(0o755)
        bench = Bench(Path(folder), clock)
        print(f"CPU time: {clock.source}; {os.cpu_count()} processors; 2 at once")
        with heading("Seconds for N datasets, and what is added to each over the engine's own job"):
            sizes(bench, cluster, arguments.n, arguments.rounds)
    clock.close()


def sizes(bench: Bench, cluster: Cluster, counts: list[int], rounds: int) -> None:
    """Print one line per size."""
    print(f"{'N':>5} {'loop s':>8} {'local s':>8} {'trivial s':>10} {'slurm s':>8} "
          f"{'over trivial ms':>16} {'calls':>6}")  # fmt: skip
    for count in counts:
        rows = [one(bench, cluster, count) for _ in range(rounds)]
        loop, local, trivial, slurm = (median(list(column)) for column in zip(*rows, strict=True))
        over = (slurm - trivial) / count * 1e3
        print(
            f"{count:>5} {loop:>8.2f} {local:>8.2f} {trivial:>10.2f} {slurm:>8.2f} "
            f"{over:>16.0f} {calls(bench):>6}",
            flush=True,
        )


def one(bench: Bench, cluster: Cluster, count: int) -> tuple[float, float, float, float]:
    """Return the seconds of the loop, of this machine, of trivial tasks and of our tasks."""
    loop = bench.loop(bench.platform.datasets(count)).wall
    local = bench.job_on(bench.platform.datasets(count))[1].wall
    start = time.perf_counter()
    cluster.call("sbatch", "--mem=100", "-o", "/dev/null", f"--array=0-{count - 1}", "--wrap=true")
    while cluster.call("squeue", "-h"):
        time.sleep(0.1)
    trivial = time.perf_counter() - start
    before: Mapping[str, str] = bench.platform.env
    bench.platform.env = {
        **before,
        "PATH": cluster.environment["PATH"],
        "SLURM_CONF": cluster.environment["SLURM_CONF"],
        "NEUROCAAS_EXECUTOR": "slurm",
    }
    try:
        slurm = bench.job_on(bench.platform.datasets(count))[1].wall
    finally:
        bench.platform.env = dict(before)
    return loop, local, trivial, slurm


def calls(bench: Bench) -> int:
    """Return how often sbatch was called for the newest job."""
    state = bench.platform.home.state
    journal = state.read(f"jobs/ada/2026-11/job-{bench.jobs:04d}/slurm/submissions.json")
    return len(json.loads(journal or b"{}")["submissions"])


if __name__ == "__main__":
    main()
